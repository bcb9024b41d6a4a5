"""Reading what `carousel generalise` left in folders: one study per environment."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from carousel_envs import CarouselError
from carousel_envs.errors import shown

from ..generalisation.schema import SCHEMA
from .records import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RESULTS, SUMMARY = "results.parquet", "summary.json"

_NEEDED = ("environment", "axis", "severity", "router", "role", "source")
_PLAYS = ("router", "training_seed", "trained_on", "users_trained", "overlap")
_KINDS = {
    "axes": list,
    "left_out": list,
    "routers": list,
    "not_applicable": dict,
    "population": dict,
    "versions": dict,
}
_RESULT = ("axis", "severity", "target", *_PLAYS)


@dataclass(frozen=True)
class Study:
    """What some folders say of one environment and its training users.

    Attributes:
        environment: id.
        source: fingerprint of the training users.
        rows: of `schema.SCHEMA`, each result once; a number that is not finite is null.
        summaries: of the folders that these rows are from, in the order given.
    """

    environment: str
    source: str
    rows: pl.DataFrame
    summaries: tuple[Mapping[str, Any], ...]


def read_studies(folders: Sequence[Path]) -> list[Study]:
    """The studies in some folders, in the order in which their environments appear.

    Raises:
        CarouselError: a folder or a file in it is missing, damaged or of another schema; two
            results for one router under one condition; sessions that cannot be compared.
    """
    if not folders:
        raise CarouselError("no folder is given; a report is made from one at least")
    found: dict[tuple[str, str], list[tuple[Path, pl.DataFrame, Mapping[str, Any]]]] = {}
    for folder in dict.fromkeys(folders):
        rows, summary = _rows(folder), _summary(folder)
        for (environment, source), part in rows.group_by(
            ["environment", "source"], maintain_order=True
        ):
            found.setdefault((str(environment), str(source)), []).append((folder, part, summary))
    return [
        Study(environment, source, _joined(environment, parts), tuple(s for _, _, s in parts))
        for (environment, source), parts in found.items()
    ]


def _rows(folder: Path) -> pl.DataFrame:
    path = folder / RESULTS
    data = _bytes(folder, path)
    try:
        rows = pl.read_parquet(io.BytesIO(data))
    # what is not Parquet at all can end in a panic, which is no Exception
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CarouselError(f"{path} is damaged or not Parquet: {reason}") from None
    _check_schema(path, rows.schema)
    if rows.is_empty():
        raise CarouselError(f"{path} holds no rows; a report needs one at least")
    for name in _NEEDED:
        if rows[name].null_count():
            raise CarouselError(f"{path} has a row without {name}; every row must have one")
    reals = pl.col(pl.Float64)
    return rows.select(SCHEMA.names()).with_columns(
        pl.when(reals.is_finite()).then(reals).otherwise(None)
    )


def _check_schema(path: Path, schema: pl.Schema) -> None:
    start = f"{path} has another schema than this version reads: "
    for name, kind in SCHEMA.items():
        if name not in schema:
            raise CarouselError(f"{start}column {name!r} is missing")
        if schema[name] != kind:
            raise CarouselError(f"{start}column {name!r} is {schema[name]}; it must be {kind}")
    if unknown := [name for name in schema if name not in SCHEMA]:
        raise CarouselError(f"{start}column {unknown[0]!r} is not in it")


def _summary(folder: Path) -> Mapping[str, Any]:
    path = folder / SUMMARY
    try:
        summary = json.loads(_bytes(folder, path))
    except (ValueError, RecursionError) as error:
        raise CarouselError(f"{path} is damaged or not JSON: {error}") from None
    if not isinstance(summary, dict):
        raise CarouselError(f"{path} holds no JSON object")
    for key, kind in _KINDS.items():
        if not isinstance(summary.get(key) or kind(), kind):
            wanted = "a list" if kind is list else "an object"
            raise CarouselError(f"{path}: {key} is {shown(summary[key])}; it must be {wanted}")
    for key in ("axes", "left_out"):
        if any(not isinstance(entry, dict) for entry in summary.get(key) or ()):
            raise CarouselError(f"{path}: {key} holds what is no object")
    found: dict[str, Any] = clean(summary)
    return found


def _bytes(folder: Path, path: Path) -> bytes:
    if not folder.is_dir():
        raise CarouselError(f"{folder} is not a folder")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CarouselError(
            f"{folder} holds no {path.name}; `carousel generalise --out {folder}` writes one"
        ) from None
    except OSError as error:
        raise CarouselError(f"{path} cannot be read: {error.strerror or error}") from None


def _joined(
    environment: str, parts: Sequence[tuple[Path, pl.DataFrame, Mapping[str, Any]]]
) -> pl.DataFrame:
    whole = pl.concat([rows for _, rows, _ in parts])
    if len(played := whole.select("users", "seed").unique(maintain_order=True)) > 1:
        words = " and ".join(
            f"{users} users, seed {seed}" for users, seed in played.head(2).iter_rows()
        )
        raise CarouselError(
            f"{environment} was played with {words}; results stand side by side only if they are "
            "of the same sessions"
        )
    # the same scripted router stands in every folder
    results = [name for name in SCHEMA if name != "policy"]
    whole = whole.unique(results, keep="first", maintain_order=True)
    twice = whole.filter(whole.select(_RESULT).is_duplicated())
    if len(twice):
        first = twice.row(0, named=True)
        seed = "" if first["training_seed"] is None else f" of seed {first['training_seed']}"
        raise CarouselError(
            f"router {first['router']!r}{seed} has two different results on {environment}, axis "
            f"{first['axis']}, severity {first['severity']:g}, in "
            f"{' and '.join(str(folder) for folder, _, _ in parts)}; a report shows one"
        )
    return whole
