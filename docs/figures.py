"""Draws the figures of docs/results/generalisation.md from the rows beside it, as SVG.

    python docs/figures.py          needs the extra `docs` (Matplotlib)

The same rows give the same files. Pages of `carousel report` hold more, and tell the numbers.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import polars as pl
from matplotlib import pyplot as plt

from carousel_agents.generalisation.gap_parts import PARTS, gaps
from carousel_agents.generalisation.summary import aggregated
from carousel_agents.generalisation.users_seen import curve
from carousel_envs import environment_ids
from carousel_envs.registry import short_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FOLDER = Path(__file__).parent / "results" / "generalisation"
# Okabe and Ito's colours; a dash or a symbol says the same
LOOKS = {
    "ppo-tuned": ("#0072B2", "-", "o"),
    "dqn-tuned": ("#D55E00", "-", "s"),
    "recurrent-ppo-tuned": ("#009E73", "-", "^"),
    "maskable-ppo-tuned.randomised": ("#0072B2", "-", "o"),
    "maskable-ppo-tuned.regret": ("#56B4E9", "-", "D"),
    "maskable-recurrent-ppo-tuned.randomised": ("#009E73", "-", "^"),
    "maskable-recurrent-ppo-tuned.regret": ("#E69F00", "-", "v"),
    "frozen-optimal": ("#000000", "--", ""),
    "frozen-loop": ("#CC79A7", "--", ""),
    "frozen-tally": ("#A0522D", ":", ""),
    "optimal": ("#555555", ":", ""),
    "ppo-tuned-context": ("#E69F00", "-", "D"),
}
LEVELS = tuple(router for router in LOOKS if router.startswith("maskable-"))
"""Those that are trained on levels; a filled symbol is a level, a hollow one is held out."""
NAMES = {
    "frozen-optimal": "frozen optimum",
    "frozen-loop": "frozen loop",
    "frozen-tally": "frozen tally",
    "optimal": "optimum",
    "ppo-tuned": "PPO",
    "dqn-tuned": "DQN",
    "recurrent-ppo-tuned": "recurrent PPO",
    "ppo-tuned-context": "PPO told the user's row",
    "maskable-ppo-tuned.randomised": "maskable PPO, equal shares",
    "maskable-ppo-tuned.regret": "maskable PPO, by regret",
    "maskable-recurrent-ppo-tuned.randomised": "maskable recurrent PPO, equal shares",
    "maskable-recurrent-ppo-tuned.regret": "maskable recurrent PPO, by regret",
}
LOWEST = -1.6  # scores below leave the frame; the tables have them
FIXED_HASH = {"svg.hashsalt": "carousel", "svg.fonttype": "none", "font.size": 9}


def rows_of(study: str) -> pl.DataFrame:
    """The rows of a study."""
    return pl.read_parquet(FOLDER / study / "results.parquet")


def save(figure: Any, name: str) -> None:
    """Write a figure, without the date."""
    figure.savefig(FOLDER / f"{name}.svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def severity(study: str, name: str, routers: Sequence[str]) -> None:
    """Score of routers by severity, a frame per axis; what nobody trained on has hollow symbols
    where some routers trained on levels."""
    found = [row for row in aggregated(rows_of(study)) if row["trained_on"] != "target"]
    axes = list(dict.fromkeys(row["axis"] for row in found))
    columns = 4
    lines = math.ceil(len(axes) / columns)
    figure, frames = plt.subplots(
        lines, columns, figsize=(10, 2.3 * lines), sharex=True, sharey=True, squeeze=False
    )
    for frame, axis in zip(frames.flat, axes, strict=False):
        for router in routers:
            line = [row for row in found if (row["axis"], row["router"]) == (axis, router)]
            line = [row for row in line if row["score"] is not None]
            if line:
                _curve(frame, line, router)
        frame.set_title(axis, fontsize=9)
        frame.set_ylim(LOWEST, 1.2)
        frame.axhline(0, color="#bbbbbb", linewidth=0.6)
    for frame in frames.flat[len(axes) :]:
        frame.set_axis_off()
    for frame in frames[:, 0]:
        frame.set_ylabel("score")
    for frame in list(frames.flat)[max(len(axes) - columns, 0) : len(axes)]:
        frame.set_xlabel("severity")
        frame.tick_params(labelbottom=True)
    handles, names = frames.flat[0].get_legend_handles_labels()
    figure.legend(
        handles,
        names,
        loc="lower center",
        ncol=min(len(names), 4 if name == "severity" else 3),
        bbox_to_anchor=(0.5, 0.985),
    )
    figure.tight_layout(rect=(0, 0, 1, 0.98))
    save(figure, f"{study}-{name}")


def _curve(frame: Any, line: Sequence[Mapping[str, Any]], router: str) -> None:
    colour, dash, symbol = LOOKS[router]
    at, scores = [row["severity"] for row in line], [row["score"] for row in line]
    frame.plot(at, scores, color=colour, linestyle=dash, linewidth=1.3)
    held_out = [router in LEVELS and row["trained_on"] != "level" for row in line]
    if symbol:
        fill = ["white" if hollow else colour for hollow in held_out]
        frame.scatter(at, scores, marker=symbol, s=14, c=fill, edgecolors=colour, zorder=3)
    # one entry in the legend, with line and symbol
    style = {"color": colour, "linestyle": dash, "marker": symbol, "markersize": 3.5}
    frame.plot([], [], **style, linewidth=1.3, label=NAMES.get(router, router))
    ends = [(row["score_low"], row["score_high"]) for row in line]
    frame.fill_between(at, *zip(*ends, strict=True), color=colour, alpha=0.18, linewidth=0)


def against_distance(studies: Sequence[str]) -> None:
    """Score against distance in nats, a frame per study."""
    figure, frames = _frames(studies)
    for frame, study in zip(frames.flat, studies, strict=False):
        rows = aggregated(rows_of(study))
        found = [row for row in rows if row["trained_on"] != "target" and row["score"] is not None]
        for router in (
            "ppo-tuned",
            "dqn-tuned",
            "recurrent-ppo-tuned",
            "frozen-optimal",
            "frozen-loop",
        ):
            colour, _, symbol = LOOKS[router]
            points = [
                (row["distance_nats"], row["score"])
                for row in found
                if row["router"] == router and row["distance_nats"] is not None
            ]
            if not points:
                continue
            style = {"color": colour, "marker": symbol or "x", "s": 16, "alpha": 0.8}
            frame.scatter(*zip(*points, strict=True), **style, label=NAMES.get(router, router))
        frame.set_xscale("symlog", linthresh=0.01)
        frame.set_title(study)
        frame.set_xlabel("nats per session from training")
        frame.axhline(0, color="#bbbbbb", linewidth=0.6)
        frame.set_ylim(LOWEST, 1.2)
    for frame in frames[:, 0]:
        frame.set_ylabel("score")
    frames[0, 0].legend(loc="lower left")
    figure.tight_layout()
    save(figure, "distance")


def _frames(studies: Sequence[str]) -> tuple[Any, Any]:
    """A frame per study, three side by side."""
    lines = math.ceil(len(studies) / 3)
    size = (10, 3.2 * lines)
    figure, frames = plt.subplots(lines, 3, figsize=size, sharey=True, squeeze=False)
    for frame in frames.flat[len(studies) :]:
        frame.set_axis_off()
    return figure, frames


def in_three(studies: Sequence[str]) -> None:
    """Every gap of PPO at the end of an axis with its parts, a frame per study."""
    size = (10, 3.0 * len(studies))
    figure, frames = plt.subplots(len(studies), 1, figsize=size, squeeze=False)
    colours = ("#444444", "#56B4E9", "#F0E442", "#D55E00")
    hatches = ("", "//", "..", "xx")
    for frame, study in zip(frames.flat, studies, strict=True):
        rows = rows_of(study)
        ends = rows.filter(pl.col("severity").is_in([0.0, rows["severity"].max()]))
        found = [gap for gap in gaps(ends) if gap["router"] == "ppo-tuned"]
        width = 0.2
        for i, part in enumerate(("total", *PARTS)):
            at = [x + (i - 1.5) * width for x in range(len(found))]
            values = [gap[part] for gap in found]
            reach = [
                [max(gap[part] - (gap[f"{part}_low"] or gap[part]), 0) for gap in found],
                [max((gap[f"{part}_high"] or gap[part]) - gap[part], 0) for gap in found],
            ]
            label = "gap" if part == "total" else part
            style = {"color": colours[i], "hatch": hatches[i], "edgecolor": "white"}
            frame.bar(at, values, width, yerr=reach, label=label, error_kw={"lw": 0.8}, **style)
        names = [gap["axis"].replace("-", "-\n") for gap in found]
        frame.set_xticks(range(len(found)), names, fontsize=7.5)
        frame.axhline(0, color="#444444", linewidth=0.6)
        frame.set_ylabel("engagement per session")
        frame.set_title(study)
    frames[0, 0].legend(ncol=4)
    figure.tight_layout()
    save(figure, "gaps")


def seen_and_new(study: str) -> None:
    """Score on users of training and on new ones, by how many were trained on."""
    figure, frame = plt.subplots(figsize=(5.5, 3.4))
    found = curve(rows_of(study))
    for router in dict.fromkeys(row["router"] for row in found):
        colour, _, symbol = LOOKS[router]
        line = [row for row in found if row["router"] == router]
        for whom, dash in (("seen", "--"), ("new", "-")):
            at = [row["users_trained"] for row in line]
            style = {"color": colour, "linestyle": dash, "marker": symbol, "markersize": 4}
            word = "users of training" if whom == "seen" else "new users"
            frame.plot(
                at,
                [row[whom] for row in line],
                **style,
                label=f"{NAMES.get(router, router)}, {word}",
            )
            ends = [(row[f"{whom}_low"], row[f"{whom}_high"]) for row in line]
            if None in ends[0]:
                # the frozen loop is one router, and has no interval over trainings
                continue
            frame.fill_between(at, *zip(*ends, strict=True), color=colour, alpha=0.15, linewidth=0)
    frame.set_xscale("log")
    frame.set_xlabel("users trained on")
    frame.set_ylabel("score")
    frame.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.02, 1.0))
    figure.tight_layout()
    save(figure, "users")


def main() -> None:
    """Draw all of them."""
    mpl.use("svg")
    known = map(short_name, environment_ids())
    studies = [study for study in known if (FOLDER / study).is_dir()]
    alone = [router for router in LOOKS if router not in LEVELS]
    frozen = [router for router in alone if LOOKS[router][1] != "-"]
    with mpl.rc_context(FIXED_HASH):
        for study in studies:
            severity(study, "severity", alone)
            if (rows_of(study)["trained_on"] == "level").any():
                severity(study, "levels", [*LEVELS, *frozen])
        against_distance(studies)
        in_three(studies)
        seen_and_new("users")


if __name__ == "__main__":
    main()
