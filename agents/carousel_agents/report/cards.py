"""Cards of learned routers: score, what is kept under shift, and what to compare it with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..generalisation.summary import over_populations
from . import aggregate
from .records import Record, interval_text, number, runs_text, text, value_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .folders import Study

YARDSTICKS = {"frozen-optimal": "frozen optimum", "frozen-loop": "frozen loop"}
_OPTIMUM = "optimum"
_BESIDE = {
    _OPTIMUM: ("optimal", "value"),
    "hand-written loop": ("loop", None),
    "optimum, frozen": ("frozen-optimal", None),
    "loop, frozen": ("frozen-loop", None),
    "rule of signs": ("tally", None),
    "open-loop (blind)": ("open-loop", "blind"),
    "best constant": ("fixed", "best_fixed"),
    "uniform": ("uniform", "uniform"),
}
"""What a learned score is shown with: the router that has it, and the figure of the reference that
stands for a router that was not played."""


def cards(
    study: Study, training: Sequence[Record], improvements: Sequence[Record]
) -> list[dict[str, Any]]:
    """A card per learned router.

    Args:
        study: its rows.
        training: records on the training users.
        improvements: of `aggregate.improvements`.

    Returns:
        For each: "router", "score", "interval" and "runs" in words, "facts" and "beside", pairs of
        a name and a figure in words.
    """
    rows = aggregate.shifted_rows(study.rows)
    shifted = over_populations(rows, resamples=aggregate.RESAMPLES)
    under_shift = {record["router"]: record for record in shifted}
    there = rows.drop_nulls("score")["target"].n_unique()
    better = {
        (record["router"], record["over"]): record
        for record in improvements
        if record["axis"] == "all"
    }
    beside = _beside(training)
    found = []
    for record in (record for record in training if record["role"] == "learned"):
        kept = under_shift.get(record["router"], {})
        facts = [
            ("mean under shift", _with_interval(kept, "score")),
            ("worst tenth of shifts", _with_interval(kept, "worst_decile")),
            *(
                (f"beats the {name}", _share(better.get((record["router"], over), {})))
                for over, name in YARDSTICKS.items()
            ),
            ("regret in training", _with_interval(record, "regret")),
            ("shifted populations", _how_many(kept, there)),
        ]
        if kept.get("populations"):
            where = f"{kept['worst_axis']} {kept['worst_severity']:g}"
            facts.insert(2, ("worst shift", f"{text(number(kept, 'worst'))} ({where})"))
        found.append(
            {
                "router": record["router"],
                "score": text(number(record, "score")),
                "interval": interval_text(record),
                "runs": runs_text(record) or "one run",
                "facts": facts,
                "beside": beside,
            }
        )
    return found


def _how_many(record: Record, there: int) -> str:
    """How many populations the figures are of; only where they are equal do routers compare."""
    counted = int(number(record, "populations") or 0)
    if counted == there:
        return str(counted)
    if counted == 0:
        return f"none of {there} met by all seeds" if record.get("partly") else "none"
    return f"{counted} of {there}" + (", which all seeds met" if record.get("partly") else "")


def _with_interval(record: Record, metric: str) -> str:
    return f"{text(number(record, metric))} {interval_text(record, metric)}".strip()


def _share(record: Record) -> str:
    ends = [number(record, key) for key in ("improvement", "improvement_low", "improvement_high")]
    percent = [text(None if end is None else 100 * end, 0) for end in ends]
    if ends[0] is None:
        return percent[0]
    return f"{percent[0]} %" + (f" [{percent[1]}, {percent[2]}]" if ends[1] is not None else "")


def _beside(training: Sequence[Record]) -> list[tuple[str, str]]:
    played = {record["router"]: number(record, "score") for record in training}
    reference: Record = training[0] if training else {}
    found = []
    for what, (router, key) in _BESIDE.items():
        name = value_name(training) if what == _OPTIMUM else what
        if router in played:
            found.append((name, text(played[router])))
        elif key is not None:
            found.append((name, text(_reference_score(reference, key))))
    return found


def _reference_score(reference: Record, key: str) -> float | None:
    figure, blind, value = (number(reference, name) for name in (key, "blind", "value"))
    if figure is None or blind is None or value is None or value <= blind:
        return None
    return (figure - blind) / (value - blind)
