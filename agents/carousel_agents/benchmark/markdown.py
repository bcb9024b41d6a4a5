"""The table of a run store as text: cells, and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..learning.settings import shortfall
from .table import BEST, OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

DASH = "-"
_TITLES = {"fixed": "best constant", "optimal": "optimum"}
_OWN, _BEST = f"{100 * OWN:.0f} %", f"{100 * BEST:.0f} %"

NOTES = f"""\
- Score: 0 is the best schedule that ignores the user, 1 the reference; both are solved for these
  users. Where the reference is a lower bound (tier "bounds"), a score may exceed 1.
- Learned routers stand in `code`. Their score is the interquartile mean over training seeds; its
  interval is a percentile bootstrap of the seeds (10 000 resamples), nominally 95 %. Measured on
  normal scores, it covers 75 % with 3 seeds, 90 % with 5 and 93 % with 10: with 3, read it as a
  range. Scripted routers have no seeds: theirs are mean and interval over sessions.
- Sees: *present* is a policy of the current observation alone; *past* one that remembers, or that
  is shown earlier observations.
- Frames/s and seconds are wall-clock times of training alone, on one thread, evaluations not
  counted, with as many runs at a time as the grid had workers (two, unless its command says
  otherwise); medians over seeds, because machines are noisy. To {_OWN} of own: until the curve of
  a run, of 2 000 sessions a point, first reaches that share of its final score. To {_BEST} of best
  known: the same for the best score known of its class: of all runs in the table, and for *past*
  the reference, for *present* the best memoryless table where one is known. A dash: half of the
  seeds or more never do, or the score to reach is nothing to wait for (own below 0.1, best known 0
  or less).
"""

SPEEDUP_NOTE = """\
- x library default: frames per second of our preset, as a multiple of the same algorithm at its
  library's defaults on eight CartPoles; measured apart, in turns in one process
  (`benchmarks/training.py`).
"""


def title(environment: Mapping[str, Any]) -> str:
    """One line on an environment: its reference and the best known scores."""
    upper = environment["value_upper"]
    bound = f" (at most {upper:.2f})" if environment["tier"] == "bounds" else ""
    known = [
        f"{best['score']:.3f} if it sees the {sees} ({best['source']})"
        for sees, best in environment["best_known"].items()
        if best["score"] is not None
    ]
    return (
        f"{environment['name']}, tier {environment['tier']}: value "
        f"{environment['value']:.2f}{bound}, blind {environment['blind']:.2f} per session. Best "
        f"known score: {', '.join(known) or DASH}."
    )


def heads(speedups: Mapping[str, float] | None = None) -> list[str]:
    """Names of the columns."""
    first = ["router", "sees", "score", "95 % interval", "frames/s"]
    last = [f"s to {_OWN} of own", f"s to {_BEST} of best known", "seeds", "steps"]
    return first + ([] if speedups is None else ["x library default"]) + last


def cells(
    row: Mapping[str, Any], speedups: Mapping[str, float] | None = None, code: str = ""
) -> list[str]:
    """A row's cells, as text, in the order of `heads`.

    Args:
        row: of `table`.
        speedups: frames per second as a multiple of the library's defaults, by algorithm; given,
            it is a column of its own.
        code: what encloses the name of a learned router, such as "`".
    """
    learned = row["kind"] == "learned"
    name = f"{code}{row['router']}{code}" if learned else _TITLES.get(row["router"], row["router"])
    name += "*" * (_caveat(row) is not None)
    low, high = _number(row["score_low"], 3), _number(row["score_high"], 3)
    found = [
        name,
        row["sees"] or DASH,
        _number(row["score"], 3),
        DASH if low == DASH else f"{low} to {high}",
        _number(row["frames_per_second"], 0),
    ]
    if speedups is not None:
        found.append(_number(speedups.get(row["algorithm"]), 1))
    return [
        *found,
        *(_number(row["seconds_to_own"], 1), _number(row["seconds_to_best"], 1)),
        *(_number(row["seeds"], 0), _number(row["steps"], 0)),
    ]


BRIEF = ("router", "score", "low", "high", "frames/s", "s own", "s best", "seeds")
"""Columns that fit a terminal."""


def brief(row: Mapping[str, Any]) -> list[str]:
    """A row's cells in the order of `BRIEF`."""
    name, _, score, _, rate, own, best, seeds, _ = cells(row)
    ends = (_number(row[key], 3) for key in ("score_low", "score_high"))
    return [name, score, *ends, rate, own, best, seeds]


def reasons(environment: Mapping[str, Any]) -> list[str]:
    """Why scripted routers have no figures and learned ones a star, one line each."""
    noted = [(row, row["reason"] or _caveat(row)) for row in environment["rows"]]
    return [
        f"{_TITLES.get(row['router'], row['router'])}{'*' * (not row['reason'])}: {reason}"
        for row, reason in noted
        if reason
    ]


def _caveat(row: Mapping[str, Any]) -> str | None:
    """What weakens a learned router's figures: seeds that never swap, or too small a budget."""
    if row["kind"] != "learned":
        return None
    never, seeds = row["never_swap"], row["seeds"]
    notes = [f"{never} of {seeds} seeds never swap"] if never else []
    notes += [short] if (short := shortfall(row["algorithm"], row["steps"])) else []
    return "; ".join(notes) or None


def markdown(document: Mapping[str, Any], speedups: Mapping[str, float] | None = None) -> str:
    """A table per environment, and how to read them; `speedups` as in `cells`."""
    names = heads(speedups)
    rule = "| --- | --- |" + " ---: |" * (len(names) - 2)
    parts = []
    for environment in document["environments"]:
        rows = [cells(row, speedups, "`") for row in environment["rows"]]
        lines = [f"| {' | '.join(line)} |".replace(",", " ") for line in rows]
        name, line = title(environment).split(", ", 1)
        parts.append(f"## {name}\n\n{line[0].upper()}{line[1:]}\n")
        parts.append("\n".join([f"| {' | '.join(names)} |", rule, *lines]) + "\n")
        parts += [f"{reason[0].upper()}{reason[1:]}.\n" for reason in reasons(environment)]
    if document["unfinished"]:
        parts.append(f"{document['unfinished']} more runs were not finished.\n")
    notes = NOTES + (SPEEDUP_NOTE if speedups is not None else "")
    return "\n".join([*parts, "## How to read this\n", notes])


def _number(value: float | None, digits: int) -> str:
    return DASH if value is None else f"{value:,.{digits}f}"
