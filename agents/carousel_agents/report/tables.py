"""Tables: what stands in which column, how it reads, what it is sorted by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .records import DASH, Record, interval_text, number, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Cell:
    """What a table shows, with a small note, and what it is sorted by (None: last)."""

    text: str
    value: str | float | None
    note: str = ""


@dataclass(frozen=True)
class Column:
    """A heading and what stands under it."""

    name: str
    cell: Callable[[Record], Cell]
    numeric: bool = True


def _words(name: str, key: str | None = None) -> Column:
    def cell(record: Record) -> Cell:
        value = record.get(key or name)
        return Cell(DASH, None) if value is None else Cell(str(value), str(value))

    return Column(name, cell, numeric=False)


def _number(name: str, key: str, digits: int = 2) -> Column:
    def cell(record: Record) -> Cell:
        value = number(record, key)
        return Cell(text(value, digits), value)

    return Column(name, cell)


def _severity() -> Column:
    def cell(record: Record) -> Cell:
        value = number(record, "severity")
        return Cell(DASH if value is None else f"{value:g}", value)

    return Column("severity", cell)


def _share(name: str, key: str) -> Column:
    def cell(record: Record) -> Cell:
        value = number(record, key)
        return Cell(DASH if value is None else f"{value:.1%}", value)

    return Column(name, cell)


def _estimate(metric: str, name: str | None = None) -> Column:
    def cell(record: Record) -> Cell:
        value = number(record, metric)
        return Cell(text(value), value, interval_text(record, metric))

    return Column(name or metric, cell)


_MEASURES = (
    _estimate("score"),
    _estimate("engagement"),
    _number("turns", "session_length", 1),
    _share("left early", "left"),
    _number("swaps", "swaps"),
    _number("refused", "refused"),
)
SEEDS_COLUMNS = (
    _words("router"),
    _words("role"),
    _number("seeds", "seeds", 0),
    *_MEASURES,
)
SHIFTED_COLUMNS = (
    _words("axis"),
    _severity(),
    _words("regime"),
    _words("router"),
    _words("role"),
    _number("seeds", "seeds", 0),
    *_MEASURES,
    _number("nats", "distance_nats", 3),
    _number("optimum", "value"),
    _number("upper bound", "value_upper"),
    _number("blind", "blind"),
    _number("best constant", "best_fixed"),
    _number("uniform", "uniform"),
    _words("tier"),
    _words("kind"),
)
_OPTIONAL = {
    "welfare": _number("welfare", "welfare"),
    "kept": _number("goodbyes prevented", "kept"),
    "unmasked": _number("unmasked", "unmasked"),
    "lied": _number("lied", "lied"),
    "deceived": _number("deceived", "deceived"),
}
"""What only some environments count."""

REGIME_COLUMNS = (
    _words("regime"),
    _words("router"),
    _words("role"),
    _number("seeds", "seeds", 0),
    _number("populations", "populations", 0),
    _number("left out", "partly", 0),
    _estimate("score", "mean score"),
    _estimate("worst_decile", "worst tenth"),
    _number("worst", "worst"),
    _words("where", "worst_axis"),
)
USERS_COLUMNS = (
    _words("router"),
    _number("users trained on", "users_trained", 0),
    _words("plays", "whom"),
    _number("seeds", "seeds", 0),
    _estimate("score"),
    _estimate("engagement"),
)
GAP_COLUMNS = (
    _words("router"),
    _words("axis"),
    _severity(),
    _estimate("total", "gap"),
    _estimate("difficulty"),
    _estimate("learnability"),
    _estimate("shift"),
    _number("source policies", "source_policies", 0),
    _number("target policies", "target_policies", 0),
    _words("tier"),
)
SEED_COLUMNS = (
    _words("router"),
    _number("training seed", "training_seed", 0),
    _number("in training", "training"),
    _number("at severity 1", "hardest"),
    _number("over all shifts", "shifted"),
)
IMPROVEMENT_COLUMNS = (
    _words("router"),
    _words("axis"),
    _estimate("improvement", "probability"),
    _number("populations", "populations", 0),
    _number("seeds", "seeds", 0),
)
DISTANCE_COLUMNS = (
    _words("axis"),
    _severity(),
    _number("nats", "distance_nats", 3),
    _number("s.e.", "distance_se", 3),
    _number("nats per turn", "distance_per_turn", 4),
    _words("what is missing", "distance_note"),
)


def measures(columns: Sequence[Column], records: Sequence[Record]) -> list[Column]:
    """The columns, and behind them what is counted where these records are from."""
    counted = [
        column
        for key, column in _OPTIONAL.items()
        if any(number(record, key) is not None for record in records)
    ]
    return [*columns, *counted]


def table(caption: str, columns: Sequence[Column], records: Sequence[Record]) -> dict[str, Any]:
    """A sortable table: {"caption", "columns", "rows"}, a row being a list of cells."""
    rows = [[column.cell(record) for column in columns] for record in records]
    return {"caption": caption, "columns": columns, "rows": rows}


def pairs(mapping: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Fields and values as text; what is nested as JSON."""
    return [(k, v if isinstance(v, str) else json.dumps(v)) for k, v in mapping.items()]
