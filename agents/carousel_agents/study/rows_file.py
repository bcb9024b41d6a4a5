"""Reading rows back from Parquet: those of `schema`, or one sentence."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl

from carousel_envs import CarouselError

from ..generalisation.schema import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

_NEEDED = ("environment", "axis", "severity", "router", "role", "source", "target")


def read_rows(path: Path, data: bytes) -> pl.DataFrame:
    """Rows as they were written, in the order of columns of the schema.

    Args:
        path: where they are from, for the sentence.
        data: the file's bytes.

    Raises:
        CarouselError: they are no Parquet, of another schema, or none, or one is incomplete.
    """
    try:
        rows = pl.read_parquet(io.BytesIO(data))
    # what is not Parquet at all can end in a panic, which is no Exception
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CarouselError(f"{path} is damaged or not Parquet: {reason}") from None
    _check_schema(path, rows.schema)
    if rows.is_empty():
        raise CarouselError(f"{path} holds no rows; there must be one at least")
    for name in _NEEDED:
        if rows[name].null_count():
            raise CarouselError(f"{path} has a row without {name}; every row must have one")
    return rows.select(SCHEMA.names())


def _check_schema(path: Path, schema: pl.Schema) -> None:
    start = f"{path} has another schema than this version reads: "
    for name, kind in SCHEMA.items():
        if name not in schema:
            raise CarouselError(f"{start}column {name!r} is missing")
        if schema[name] != kind:
            raise CarouselError(f"{start}column {name!r} is {schema[name]}; it must be {kind}")
    if unknown := [name for name in schema if name not in SCHEMA]:
        raise CarouselError(f"{start}column {unknown[0]!r} is not in it")
