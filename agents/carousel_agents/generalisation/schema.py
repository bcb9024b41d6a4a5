"""The one schema of results: what a row says, column by column.

A row is one router on one population: a policy of one training seed, or a scripted router. Rows are
kept in Parquet, in the order and the types given here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from carousel_envs import CarouselError

from .columns import OWN_COLUMNS, Type, added_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TYPES: Mapping[Type, Any] = {str: pl.String(), float: pl.Float64(), int: pl.Int64()}


def _in_polars(columns: Mapping[str, tuple[Type, str]]) -> dict[str, tuple[Any, str]]:
    return {name: (_TYPES[kind], meaning) for name, (kind, meaning) in columns.items()}


COLUMNS: Mapping[str, tuple[Any, str]] = MappingProxyType(_in_polars(OWN_COLUMNS))
"""Type and meaning of the columns that all results have, in order."""

SCHEMA = pl.Schema({name: kind for name, (kind, _) in COLUMNS.items()})
"""Names and types of `COLUMNS`."""


def columns() -> dict[str, tuple[Any, str]]:
    """Type and meaning of the columns of results made now: `COLUMNS`, then the metrics of plugins.

    Raises:
        CarouselError: a plugin's metric has the name of another column.
    """
    return {**COLUMNS, **_in_polars(added_columns())}


def schema() -> pl.Schema:
    """Names and types of `columns()`."""
    return pl.Schema({name: kind for name, (kind, _) in columns().items()})


def complete(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same row with every column, in order; those that it lacks are None.

    Raises:
        TypeError: it has a key that is no column.
    """
    known = columns()
    if unknown := set(row) - set(known):
        raise TypeError(f"the schema of results has no column {sorted(unknown)[0]!r}")
    return {name: row.get(name) for name in known}


def frame(rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows made by `complete`, with the types of `schema()`.

    Raises:
        CarouselError: they lack a metric, because the process that made them does not know it.
    """
    known = schema()
    for row in rows:
        if missing := [name for name in known if name not in row]:
            raise CarouselError(
                f"metric {missing[0]!r} is unknown to a worker process; name the module that "
                "registers it as a plugin (CAROUSEL_PLUGINS)"
            )
    return pl.DataFrame(rows, schema=known)


def with_columns_of_now(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of `COLUMNS` with those of `columns()`: results may be older than a plugin's metric,
    which is null in them then."""
    missing = [name for name in columns() if name not in rows.columns]
    return rows.with_columns(pl.lit(None, pl.Float64).alias(name) for name in missing).select(
        list(columns())
    )
