"""Reading what `carousel generalise` left in folders: one study per environment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.foundation.files import read_whole, unreadable

from ..generalisation.schema import SCHEMA
from ..generalisation.users_seen import AXIS as USERS
from ..study.rows_file import read_rows
from ..system.sealed_documents import unsealed
from .records import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

RESULTS, SUMMARY = "results.parquet", "summary.json"

_KINDS = {
    "axes": list,
    "left_out": list,
    "routers": list,
    "not_applicable": dict,
    "population": dict,
    "versions": dict,
}
_RUN = ("target", "router", "training_seed", "trained_on", "users_trained", "overlap")
"""A run and the population that it meets."""
_MEASURED = [
    name for name in SCHEMA if name not in ("axis", "kind", "regime", "severity", "policy")
]
"""What is the same wherever a run with a population stands, and whatever its file is called."""


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


def titles(studies: Sequence[Study]) -> list[str]:
    """What each study is called: its environment, and where several share one, the fields in which
    the training users differ from those of the first."""
    first: dict[str, Mapping[str, Any]] = {}
    found = []
    for study in studies:
        own = study.summaries[0].get("population") or {}
        base = first.setdefault(study.environment, own)
        other = [name for name in {**own, **base} if own.get(name) != base.get(name)]
        found.append(study.environment + (f", other {', '.join(other)}" if other else ""))
    return found


def read_studies(folders: Sequence[Path]) -> list[Study]:
    """The studies in some folders, in the order in which their environments appear.

    Raises:
        CarouselError: a folder or a file in it is missing, damaged, of another schema or not what
            its summary tells of; two policies of one name and seed, or two results of one of them
            with the same users; sessions that cannot be compared.
    """
    if not folders:
        raise CarouselError("no folder is given; a report is made from one at least")
    found: dict[tuple[str, str], list[tuple[Path, pl.DataFrame, Mapping[str, Any]]]] = {}
    for folder in dict.fromkeys(folders):
        rows, summary = _study(folder)
        for (environment, source), part in rows.group_by(
            ["environment", "source"], maintain_order=True
        ):
            found.setdefault((str(environment), str(source)), []).append((folder, part, summary))
    return [
        Study(environment, source, _joined(environment, parts), tuple(s for _, _, s in parts))
        for (environment, source), parts in found.items()
    ]


def _study(folder: Path) -> tuple[pl.DataFrame, Mapping[str, Any]]:
    path = folder / RESULTS
    data = _bytes(folder, path)
    rows, summary = _rows(path, data), _summary(folder)
    told = summary.get("results_sha256")
    if told is not None and told != hashlib.sha256(data).hexdigest():
        raise CarouselError(
            f"{folder / SUMMARY} tells of other rows than those in {path}; the study is unfinished "
            "or its rows were changed (run its command again)"
        )
    return rows, summary


def _rows(path: Path, data: bytes) -> pl.DataFrame:
    reals = pl.col(pl.Float64)
    return read_rows(path, data).with_columns(
        pl.when(reals.is_finite()).then(reals).otherwise(None)
    )


def _summary(folder: Path) -> Mapping[str, Any]:
    path = folder / SUMMARY
    try:
        summary = json.loads(_bytes(folder, path))
    except (ValueError, RecursionError) as error:
        raise CarouselError(f"{path} is damaged or not JSON: {error}") from None
    if not isinstance(summary, dict):
        raise CarouselError(f"{path} holds no JSON object")
    try:
        summary = unsealed(summary)
    except ValueError as error:
        raise CarouselError(f"{path} is damaged: {error}") from None
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
        return read_whole(path)
    except FileNotFoundError:
        raise CarouselError(
            f"{folder} holds no {path.name}; `carousel generalise --out {folder}` writes one"
        ) from None
    except OSError as error:
        raise unreadable(path, error) from None


def _joined(
    environment: str, parts: Sequence[tuple[Path, pl.DataFrame, Mapping[str, Any]]]
) -> pl.DataFrame:
    whole = pl.concat([rows for _, rows, _ in parts])
    if len(played := whole.select("users", "seed").unique(maintain_order=True)) > 1:
        words = " and ".join(
            f"{sessions} sessions, seed {seed}" for sessions, seed in played.head(2).iter_rows()
        )
        raise CarouselError(
            f"{environment} was played with {words}; results stand side by side only if they are "
            "of the same sessions"
        )
    # policies that were trained on several draws of as many users share a name and a seed
    shifts = [part for part in parts if (part[1]["axis"] != USERS.name).any()]
    _check_one_policy([summary for _, _, summary in shifts])
    whole = _named(whole)
    _check_one_result(environment, whole, [folder for folder, _, _ in parts])
    # scripted routers stand in every folder, and so may policies
    return whole.unique(["axis", "severity", *_MEASURED], keep="first", maintain_order=True)


def _named(rows: pl.DataFrame) -> pl.DataFrame:
    """Each run under the path that it has first: folders may write it in several ways."""
    first = pl.col("policy").first().over("router", "training_seed", "users_trained", "trained_on")
    others = pl.col("trained_on").eq_missing(pl.lit("target")) | (pl.col("axis") == USERS.name)
    return rows.with_columns(policy=pl.when(others).then(pl.col("policy")).otherwise(first))


def _check_one_policy(summaries: Sequence[Mapping[str, Any]]) -> None:
    """Refuse two policies under one name, should they have met nobody in common."""
    seen: dict[tuple[Any, ...], tuple[Any, Any]] = {}
    for summary in summaries:
        for entry in summary.get("routers") or []:
            digest = entry.get("sha256") if isinstance(entry, dict) else None
            if digest is None or entry.get("control"):
                continue
            name, seed = entry.get("router"), entry.get("training_seed")
            # a key as text: what a summary holds there may be anything
            key = (str(name), str(seed), str(entry.get("users_trained")))
            known, policy = seen.setdefault(key, (digest, entry.get("policy")))
            if known != digest:
                raise CarouselError(
                    f"router {shown(name)}{_of_seed(seed)} is two different policies, "
                    f"{shown(policy)} and {shown(entry.get('policy'))}; a report shows one"
                )


def _check_one_result(environment: str, rows: pl.DataFrame, folders: Sequence[Path]) -> None:
    """Refuse two results of one run with one population, whichever axes that stands under."""
    # a scripted router that was made for several numbers of users does not say for how many
    unsaid = (pl.col("axis") == USERS.name) & pl.col("users_trained").is_null()
    different = rows.filter(~unsaid).unique(_MEASURED, keep="first", maintain_order=True)
    twice = different.filter(different.select(_RUN).is_duplicated())
    if twice.is_empty():
        return
    first, *others = twice.iter_rows(named=True)
    other = next(row for row in others if all(row[name] == first[name] for name in _RUN))
    where = dict.fromkeys(f"axis {r['axis']}, severity {r['severity']:g}" for r in (first, other))
    raise CarouselError(
        f"router {first['router']!r}{_of_seed(first['training_seed'])} has two different results "
        f"on {environment}, {' and '.join(where)}, in {' and '.join(map(str, folders))}; a report "
        "shows one"
    )


def _of_seed(seed: Any) -> str:
    return "" if seed is None else f" of seed {seed}"
