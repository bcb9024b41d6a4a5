"""The tables of the page: their columns, how a cell reads, what it is sorted by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from ..generalisation.columns import OWN_COLUMNS, metrics_in
from .records import DASH, Record, interval_text, number, text, value_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from carousel_envs.metrics import Metric


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        text: as shown.
        value: what its column is sorted by; None comes last.
        note: shown small behind the text.
    """

    text: str
    value: str | float | None
    note: str = ""


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: its heading.
        cell: the cell of a record.
        numeric: whether it holds numbers.
    """

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
    _estimate("regret"),
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
    _words("over"),
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


def _metric(metric: Metric) -> Column:
    show = _share if metric.share else partial(_number, digits=metric.digits)
    return show(metric.label, metric.name)


def _measures(records: Sequence[Record]) -> tuple[list[Column], list[Column]]:
    """Score, engagement and the metrics of every environment; then the others in the records."""
    shown = [metric for metric in metrics_in(records) if metric.on_page]
    first = [_metric(metric) for metric in shown if metric.field]
    others = [_metric(metric) for metric in shown if not metric.field]
    return [_estimate("score"), _estimate("regret"), _estimate("engagement"), *first], others


def training_columns(records: Sequence[Record]) -> list[Column]:
    """What a table of routers on the training users shows of these records."""
    first, others = _measures(records)
    return [_words("router"), _words("role"), _number("seeds", "seeds", 0), *first, *others]


def shifted_columns(records: Sequence[Record]) -> list[Column]:
    """What a table of routers under shift shows of these records."""
    first, others = _measures(records)
    return [
        _words("axis"),
        _severity(),
        _words("regime"),
        _words("router"),
        _words("role"),
        _number("seeds", "seeds", 0),
        *first,
        _number("nats", "distance_nats", 3),
        _number(value_name(records), "value"),
        _number("upper bound", "value_upper"),
        _number("blind", "blind"),
        _number("frozen blind", "frozen_blind"),
        _number("score from there", "score_from_frozen_blind"),
        _number("best constant", "best_fixed"),
        _number("uniform", "uniform"),
        _words("tier"),
        _words("kind"),
        *others,
    ]


def explained(records: Sequence[Record]) -> dict[str, str]:
    """What the columns of plugins' metrics in these records mean, by their headings."""
    shown = [metric for metric in metrics_in(records) if metric.on_page]
    return {m.label: m.meaning for m in shown if m.name not in OWN_COLUMNS}


def table(caption: str, columns: Sequence[Column], records: Sequence[Record]) -> dict[str, Any]:
    """A sortable table: {"caption", "columns", "rows"}, a row being a list of cells."""
    rows = [[column.cell(record) for column in columns] for record in records]
    return {"caption": caption, "columns": columns, "rows": rows}


def pairs(mapping: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Names and values as text; nested values as JSON."""
    return [(k, v if isinstance(v, str) else json.dumps(v)) for k, v in mapping.items()]
