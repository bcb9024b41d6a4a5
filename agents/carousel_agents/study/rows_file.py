"""Reading rows back from Parquet: those of `schema`, or one sentence."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl

from carousel_envs import CarouselError

from ..generalisation.schema import SCHEMA, schema, with_columns_of_now

if TYPE_CHECKING:
    from pathlib import Path

_NEEDED = ("environment", "axis", "severity", "router", "role", "source", "target")


def read_rows(path: Path, data: bytes) -> pl.DataFrame:
    """Rows as they were written, in the order of columns of the schema. A plugin's metric may be
    missing, and is null then.

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
    return with_columns_of_now(rows)


def _check_schema(path: Path, there: pl.Schema) -> None:
    start = f"{path} has another schema than this version reads: "
    known = schema()
    for name, kind in known.items():
        if name not in there and name in SCHEMA:
            raise CarouselError(f"{start}column {name!r} is missing")
        if there.get(name, kind) != kind:
            raise CarouselError(f"{start}column {name!r} is {there[name]}; it must be {kind}")
    if unknown := [name for name in there if name not in known]:
        raise CarouselError(f"{start}column {unknown[0]!r} is not in it")
