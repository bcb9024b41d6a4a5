"""Draws docs/pictures/session.svg: one session, with what the router sees, believes and does.

    python docs/session_picture.py          needs the extra `docs` (Matplotlib)

The router is `loop`, which swaps when the probability of boredom reaches its solved threshold; the
session is the one that `carousel watch loop Boredom --seed 15` prints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

from carousel_agents import make
from carousel_envs import Columns, Population
from carousel_envs.registry import scalar_env

OUT = Path(__file__).parent / "pictures" / "session.svg"
SEED = 15
# Okabe and Ito's colours
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7")
BORED, INK = "#D55E00", "#333333"


def session(population: Population, seed: int) -> dict[str, Any]:
    """What happened in each turn: persona, belief before the pick, cues, engagement, mood."""
    router = make("loop", population)
    env, columns = scalar_env(population), Columns.of(population)
    observation, _ = env.reset(seed=seed)
    state, turns, over = router.initial_state(1, seed), [], False
    while not over:
        picks, state = router.act(observation[None], state)
        believed = float(state.joint[0, :, 1].sum()) if turns else 0.0
        observation, _, terminated, truncated, info = env.step(int(picks[0]))
        over = terminated or truncated
        turns.append(
            {
                "persona": int(observation[columns.persona].argmax()),
                "believed": believed,
                "cues": observation[columns.cues],
                "engaged": observation[columns.engagement],
                "mood": int(info["mood"]),
            }
        )
    return {
        "turns": turns,
        "threshold": router.policy.threshold,
        "names": env.column_names[columns.cues],
    }


def draw(population: Population, seed: int) -> Any:
    """Four strips over the turns of a session."""
    found = session(population, seed)
    turns, n = found["turns"], len(found["turns"])
    figure, frames = plt.subplots(
        4, 1, figsize=(9, 4.6), sharex=True, height_ratios=(1.5, 1.6, 2.2, 0.7)
    )
    draw_cast(frames[0], turns, population.personas)
    draw_cues(frames[1], turns, found["names"])
    draw_belief(frames[2], turns, found["threshold"])
    draw_mood(frames[3], turns)
    swaps = [t for t in range(1, n) if turns[t]["persona"] != turns[t - 1]["persona"]]
    for frame in frames:
        frame.set_xlim(0.5, n + 0.5)
        for t in swaps:
            frame.axvline(t + 0.5, color=INK, linewidth=0.8)
        for side in ("top", "right", "left"):
            frame.spines[side].set_visible(False)
        if frame is not frames[2]:
            frame.set_yticks([])
            frame.tick_params(length=0)
    figure.tight_layout(h_pad=0.4)
    return figure


def marked(turns: list[dict[str, Any]], key: str, value: Any) -> Any:
    """The turns, counted from 1, in which an entry has this value."""
    return np.array([i for i, turn in enumerate(turns, 1) if turn[key] == value])


def draw_cast(frame: Any, turns: list[dict[str, Any]], personas: tuple[str, ...]) -> None:
    """Who speaks, a row per persona."""
    for k, name in enumerate(personas):
        mine = marked(turns, "persona", k)
        frame.barh(k, np.ones(len(mine)), left=mine - 0.5, height=0.8, color=COLOURS[k])
        frame.text(0.2, k, name, ha="right", va="center", color=INK)
    frame.set_ylim(len(personas) - 0.4, -0.6)
    frame.set_title("who speaks: the router's choice", loc="left", fontsize=9)


def draw_cues(frame: Any, turns: list[dict[str, Any]], names: tuple[str, ...]) -> None:
    """What the user shows: cue levels, dark is high, and a dot where they engaged."""
    levels = np.array([turn["cues"] for turn in turns]).T
    edges = (0.5, len(turns) + 0.5, len(levels) - 0.5, -0.5)
    frame.imshow(levels, aspect="auto", cmap="Greys", extent=edges, vmax=3)
    for j, name in enumerate((*names, "engaged")):
        frame.text(0.2, j, name.replace("_", " "), ha="right", va="center", color=INK)
    engaged = marked(turns, "engaged", 1.0)
    frame.scatter(engaged, np.full(len(engaged), len(levels)), s=9, color="#009E73")
    frame.set_ylim(len(levels) + 0.6, -0.6)
    frame.set_title("what the user shows", loc="left", fontsize=9)


def draw_belief(frame: Any, turns: list[dict[str, Any]], threshold: float) -> None:
    """What the router believes before each pick, and where it swaps."""
    believed = [turn["believed"] for turn in turns]
    frame.plot(np.arange(1, len(turns) + 1), believed, color=INK, marker=".", markersize=4)
    frame.axhline(threshold, color=BORED, linestyle="--", linewidth=1)
    frame.text(len(turns) + 0.4, threshold, "swap", ha="right", va="bottom", color=BORED)
    frame.set_ylim(0, 1)
    frame.set_yticks([0, 0.5, 1])
    title = "probability that the user is bored, given all that was shown"
    frame.set_title(title, loc="left", fontsize=9)


def draw_mood(frame: Any, turns: list[dict[str, Any]]) -> None:
    """When the user was bored, which no router sees."""
    bored = marked(turns, "mood", 1)
    frame.barh(0, np.ones(len(bored)), left=bored - 0.5, height=0.9, color=BORED)
    frame.set_ylim(-0.6, 0.6)
    frame.set_title("bored (hidden)", loc="left", fontsize=9)
    frame.set_xlabel("turn")


def main() -> None:
    """Write the picture, without the date: the same session gives the same file."""
    with mpl.rc_context({"svg.hashsalt": "carousel", "svg.fonttype": "none", "font.size": 9}):
        figure = draw(Population.preset("Boredom"), SEED)
        OUT.parent.mkdir(exist_ok=True)
        figure.savefig(OUT, metadata={"Date": None}, bbox_inches="tight")


if __name__ == "__main__":
    main()
