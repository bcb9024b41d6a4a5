"""The command that shows one session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from carousel_envs.registry import columns_of, scalar_env
from carousel_envs.rollout import seen_by
from carousel_envs.users.cues import NAMES

from ..generalisation.changed_population import shifted_population
from ..router import find_router
from ..system import console
from .options import (
    EnvArgument,
    JsonOption,
    RouterArgument,
    SetOption,
    ShiftOption,
    environment_after,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carousel_envs.registry import AnyPopulation

    from ..router import Router

Turn = dict[str, Any]


def watch(
    router: RouterArgument,
    env: EnvArgument,
    shift: ShiftOption = None,
    changes: SetOption = None,
    seed: Annotated[int, typer.Option(metavar="SEED", help="of the session")] = 0,
    user: Annotated[int, typer.Option(metavar="ROW", help="row of the user table; -1: drawn")] = -1,
    as_json: JsonOption = False,
) -> None:
    """Watch one session, turn by turn, with what is hidden from the router."""
    name, training = environment_after([router], env, changes)
    target = shifted_population(training, shift or ())
    acting = find_router(router, target, training)
    turns = _session(acting, target, seed, user)
    total = sum(turn["reward"] for turn in turns)
    if as_json:
        console.print_json(
            {"router": acting.name, "env": name, "seed": seed, "total": total, "turns": turns}
        )
        return
    title = ", ".join([f"{acting.name} on {name}", f"seed {seed}", *(shift or [])])
    # what a turn is about says how it reads
    rows = [_of_questions(turn, target) if "topic" in turn else _of_users(turn) for turn in turns]
    heads = [head for head in rows[0] if any(row[head] for row in rows)]
    console.print_table(
        title,
        ("turn", *heads),
        [(str(i), *(row[head] for head in heads)) for i, row in enumerate(rows, 1)],
    )
    # what is available is the same throughout a session
    missing = [who for who in target.personas if turns[0]["shown"].get(f"available_{who}") == 0.0]
    if missing:
        console.say(f"not available to this user: {', '.join(missing)}")
    left = len(turns) < target.session_length
    end = "the user left" if left else "the session is over"
    console.say(f"{end} after {len(turns)} turns; total reward {total:.2f}")


def _session(router: Router, target: AnyPopulation, seed: int, user: int) -> list[Turn]:
    """Every turn of a session: persona, reward, `info`, and the observation.

    Not `rollout`, which sums over sessions: a table of turns needs the `info` of each.
    """
    game = seen_by(router, scalar_env(target))
    observation, _ = game.reset(seed=seed, options={"user": user})
    state, over, turns = router.initial_state(1, seed), False, []
    names = columns_of(target)
    while not over:
        picks, state = router.act(observation[None], state)
        observation, reward, terminated, truncated, info = game.step(int(picks[0]))
        over = terminated or truncated
        # a router's view begins with what the environment shows
        shown = dict(zip(names, observation.tolist(), strict=False))
        turns.append({"persona": speaker(shown), "reward": reward, **told(info), "shown": shown})
    return turns


def speaker(shown: Mapping[str, float]) -> str:
    """The persona that an observation shows as speaking."""
    start = "persona_"
    return next(k.removeprefix(start) for k, v in shown.items() if v == 1 and k.startswith(start))


def told(info: Mapping[str, Any]) -> Turn:
    """The `info` of a turn, as plain data."""
    rest = {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in info.items()
        if key not in ("action_mask", "user")
    }
    if "mood" in rest:
        rest["mood"] = ("fresh", "bored")[rest["mood"]]
    return rest


def _of_users(turn: Turn) -> dict[str, str]:
    """A line of the table by heading; a heading without any text is left out."""
    shown = turn["shown"]
    cues = [f"{shown[name]:.0f}" for name in shown if name in NAMES or name.startswith("cue_")]
    return {
        "persona": turn["persona"],
        "": _change(turn),
        "cues": " ".join(cues),
        "user": _reaction(shown.get("engagement")),
        "mood (hidden)": turn.get("mood", ""),
        "reward": f"{turn['reward']:+.2f}",
        "also": ", ".join(_also(turn)),
    }


def _reaction(engagement: float | None) -> str:
    if engagement is None:
        return ""
    return "engaged" if engagement > 0 else "silent"


def _also(turn: Turn) -> Sequence[str]:
    """What the reward does not count, where the population has it."""
    shown, parts = turn["shown"], []
    if shown.get("vulnerable", 0.0) > 0:
        parts.append("vulnerable")
    if turn.get("kept"):
        parts.append("kept after a goodbye")
    if shown.get("farewell", 0.0) > 0:
        parts.append("says goodbye")
    if "welfare" in turn:
        parts.append(f"welfare {turn['welfare']:+.2f}")
    if turn.get("payoff"):
        parts.append(f"payoff {turn['payoff']:+.2f}")
    return parts


def _of_questions(turn: Turn, target: Any) -> dict[str, str]:
    """The same for a question."""
    hidden = [name for name in ("forbidden", "deceived", "lied") if turn[name]]
    return {
        "question": f"{target.topics[turn['topic']]} {turn['year']}",
        "persona": turn["persona"],
        "": _change(turn),
        "answer": "knows" if turn["knowledgeable"] else "does not know",
        "hidden": ", ".join(hidden),
        "reward": f"{turn['reward']:.0f}",
    }


def _change(turn: Turn) -> str:
    return "swap" if turn["swapped"] else "refused" if turn["refused"] else ""
