"""Putting the results of several folders together: one study per environment and its users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown

from ..generalisation.schema import SCHEMA
from ..generalisation.users_seen import AXIS as USERS
from ..study.folder import StudyFolder
from ..system.json_data import clean

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_RUN = ("target", "router", "training_seed", "trained_on", "users_trained", "overlap")
"""Columns that tell runs, and the populations that they meet, apart."""
_OF_OTHERS = ("frozen_blind", "score_from_frozen_blind")
_MEASURED = [
    name
    for name in SCHEMA
    if name not in ("axis", "kind", "regime", "severity", "policy", *_OF_OTHERS)
]
"""Columns that are the same whichever axis a run stands under, whatever its file is called, and
whoever else played."""


@dataclass(frozen=True)
class Study:
    """Results of some folders on one environment and its training users: a section of a page.

    Attributes:
        environment: id.
        source: fingerprint of the training users.
        rows: of `schema.SCHEMA`, each result once; numbers that are not finite are null.
        summaries: of the folders that the rows come from, in the order given.
    """

    environment: str
    source: str
    rows: pl.DataFrame
    summaries: tuple[Mapping[str, Any], ...]


def titles(studies: Sequence[Study]) -> list[str]:
    """The title of each study: its environment, and where several share one, the fields in which
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
    """The studies of some folders, in the order in which their environments appear.

    Raises:
        CarouselError: a folder or a file in it is missing, damaged, of another schema or not the
            one that its summary belongs to; two policies share a name and a seed; one policy has
            two results with the same users; or sessions cannot be compared.
    """
    if not folders:
        raise CarouselError("no folder is given; a report is made from one at least")
    found: dict[tuple[str, str], list[tuple[Path, pl.DataFrame, Mapping[str, Any]]]] = {}
    for folder in dict.fromkeys(folders):
        rows, summary = _finite(folder)
        for (environment, source), part in rows.group_by(
            ["environment", "source"], maintain_order=True
        ):
            found.setdefault((str(environment), str(source)), []).append((folder, part, summary))
    return [
        Study(environment, source, _joined(environment, parts), tuple(s for _, _, s in parts))
        for (environment, source), parts in found.items()
    ]


def _finite(folder: Path) -> tuple[pl.DataFrame, Mapping[str, Any]]:
    """Rows and summary of a folder, with null for every number that is not finite."""
    rows, summary = StudyFolder(folder).read()
    reals = pl.col(pl.Float64)
    cleaned: dict[str, Any] = clean(summary)
    return rows.with_columns(pl.when(reals.is_finite()).then(reals).otherwise(None)), cleaned


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
    """Each run under its first path, since folders may write one path in several ways."""
    first = pl.col("policy").first().over("router", "training_seed", "users_trained", "trained_on")
    others = pl.col("trained_on").eq_missing(pl.lit("target")) | (pl.col("axis") == USERS.name)
    return rows.with_columns(policy=pl.when(others).then(pl.col("policy")).otherwise(first))


def _check_one_policy(summaries: Sequence[Mapping[str, Any]]) -> None:
    """Refuse two policies under one name, even if they met no users in common."""
    seen: dict[tuple[Any, ...], tuple[Any, Any]] = {}
    for summary in summaries:
        for entry in summary.get("routers") or []:
            digest = entry.get("sha256") if isinstance(entry, dict) else None
            if digest is None or entry.get("control"):
                continue
            name, seed = entry.get("router"), entry.get("training_seed")
            # a key as text: a summary may hold anything there
            key = (str(name), str(seed), str(entry.get("users_trained")))
            known, policy = seen.setdefault(key, (digest, entry.get("policy")))
            if known != digest:
                raise CarouselError(
                    f"router {shown(name)}{_of_seed(seed)} is two different policies, "
                    f"{shown(policy)} and {shown(entry.get('policy'))}; a report shows one"
                )


def _check_one_result(environment: str, rows: pl.DataFrame, folders: Sequence[Path]) -> None:
    """Refuse two results of one run with one population, whichever axes they stand under."""
    # a scripted router solved for several numbers of users does not say for which
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
