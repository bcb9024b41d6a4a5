"""Rows put together: a figure per router and population, and one per router over populations.

Seeds are the unit of replication: a router of several training seeds has one row per policy, and
its figure is the interquartile mean over them.

Over populations every figure is of shifted ones, each of them once whichever axes it stands under,
and of those that every policy of the router met: else some would be judged by easier users.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown

from .evaluate import Z95
from .score_table import Table, shifted
from .statistics import (
    RESAMPLES,
    interval,
    iqm,
    performance_profile,
    probability_of_improvement,
    worst_decile_mean,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

GROUP = ("router", "trained_on", "axis", "severity")
"""What the seeds of one figure share."""

FROZEN_LOOP = "frozen-loop"
ENDS = ("", "_low", "_high")
"""What is added to a figure's name: nothing, and for the ends of its 95 % interval."""

_SHARED = (
    *("environment", "axis", "kind", "regime", "severity", "router", "role", "algorithm"),
    *("trained_on", "source", "target", "distance_nats", "distance_se", "distance_per_turn"),
    *("distance_per_turn_se", "distance_note", "tier", "value", "value_upper", "blind"),
    *("best_fixed", "uniform", "users", "seed"),
)
_MEANS = (
    *("session_length", "left", "swaps", "refused", "welfare", "kept", "unmasked", "payoff"),
    *("knowledgeable", "lied", "deceived", "forbidden", "deceived_on_forbidden"),
)


def aggregated(
    rows: pl.DataFrame, by: Sequence[str] = (), *, resamples: int = RESAMPLES
) -> list[dict[str, Any]]:
    """One row per router, what it was trained on, axis and severity, in order of first appearance.

    With two policies or more, `engagement`, `score` and `score_at_least` are interquartile means
    over them, with 95 % bootstrap intervals of engagement and score (`statistics.interval`). With
    one they are its means over sessions, with their normal intervals. What else is counted is the
    mean over policies.

    Args:
        rows: with the columns of `schema.SCHEMA`.
        by: further columns that keep rows apart.
        resamples: of an interval, 100 to 1 000 000.

    Returns:
        Plain data: the schema's columns that policies share, those of `by`, `seeds` (policies),
        engagement, engagement_low, engagement_high, score, score_low, score_high, score_at_least,
        and means.
    """
    groups = rows.partition_by([*GROUP, *by], maintain_order=True)
    return [_aggregate(group, by, resamples) for group in groups]


def _aggregate(group: pl.DataFrame, by: Sequence[str], resamples: int) -> dict[str, Any]:
    first = group.row(0, named=True)
    row = {name: first[name] for name in (*_SHARED, *by)}
    row["seeds"] = len(group)
    if len(group) > 1:
        for name in ("engagement", "score"):
            values = group[name]
            known = [] if values.null_count() else values.to_list()
            row |= _over_seeds(name, known, iqm, resamples)
        at_least = group["score_at_least"]
        row["score_at_least"] = None if at_least.null_count() else float(iqm(at_least.to_numpy()))
    else:
        kept = ("engagement", "score", "score_low", "score_high", "score_at_least")
        row |= {name: first[name] for name in kept} | _over_sessions(first)
    row |= {name: group[name].mean() for name in _MEANS}
    return row


def _over_seeds(
    name: str, values: ArrayLike, statistic: Callable[[Any], Any], resamples: int
) -> dict[str, Any]:
    """A statistic of one value per seed with its interval; None where there are no values."""
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"))
    low, high = interval([found], statistic, resamples=resamples) or (None, None)
    return {name: float(statistic(found[None])[0]), f"{name}_low": low, f"{name}_high": high}


def _over_sessions(row: dict[str, Any]) -> dict[str, Any]:
    mean, error = row["engagement"], row["engagement_se"]
    if mean is None or error is None:
        return {"engagement_low": None, "engagement_high": None}
    return {"engagement_low": mean - Z95 * error, "engagement_high": mean + Z95 * error}


# -- over populations -----------------------------------------------------------------------------


def scores(
    rows: pl.DataFrame, router: str, trained_on: str | None = "source"
) -> dict[str, NDArray[np.float64]]:
    """Scores of a router's policies on every population that all of them played, by fingerprint;
    shape (policies,), in the same order everywhere. A population met under several axes counts
    once, and those of training count like any other.

    Populations on which there is no score, because listening is worth nothing, are absent.

    Args:
        rows: with the columns of `schema.SCHEMA`.
        router: name shared by all seeds.
        trained_on: as in the rows: "source", "target", or None for what was neither trained nor
            frozen.

    Raises:
        CarouselError: no such router, one without any score, or its policies met no population in
            common.
    """
    table = _some(Table.of(rows, router, trained_on), router, trained_on)
    return dict(zip(table.targets, table.scores, strict=True))


def _some(table: Table, router: str, trained_on: str | None) -> Table:
    """The same table, if there is a population in it."""
    if not table.runs:
        where = "trained nowhere" if trained_on is None else f"trained on its {trained_on}"
        raise CarouselError(f"no row tells a score of router {shown(router)}, {where}")
    if not table.targets:
        raise CarouselError(
            f"the {len(table.runs)} policies of router {shown(router)} met no population in common"
        )
    return table


def worst_decile(
    rows: pl.DataFrame,
    router: str,
    trained_on: str | None = "source",
    *,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """The mean score over the worst tenth of shifted populations, each being the interquartile mean
    over policies there (`statistics.worst_decile_mean`), with a bootstrap interval over policies.

    Args:
        rows, router, trained_on: as in `scores`; rows without shift are passed over.
        resamples: of the interval, 100 to 1 000 000.

    Returns:
        worst_decile; worst_decile_low, worst_decile_high (None with a single policy); populations.

    Raises:
        CarouselError: as `scores`.
    """
    table = _some(Table.of(shifted(rows), router, trained_on), router, trained_on)
    return {**_worst_decile(table, resamples), "populations": len(table.targets)}


def _worst_decile(table: Table, resamples: int) -> dict[str, Any]:
    def of_seeds(drawn: NDArray[Any]) -> NDArray[np.float64]:
        # in slices: (populations, R, policies) values at once would take hundreds of megabytes
        parts = np.array_split(drawn.astype(np.int64), max(len(drawn) // 500, 1))
        return np.concatenate([worst_decile_mean(iqm(table.scores[:, part]).T) for part in parts])

    return _over_seeds("worst_decile", np.arange(len(table.runs)), of_seeds, resamples)


def profile(
    rows: pl.DataFrame,
    router: str,
    thresholds: ArrayLike,
    trained_on: str | None = "source",
) -> NDArray[np.float64]:
    """Share of scores above each threshold, shifted populations weighing alike
    (`statistics.performance_profile`).

    Args:
        rows, router, trained_on: as in `scores`; rows without shift are passed over.
        thresholds: shape (m,).

    Returns:
        float64, shape (m,).

    Raises:
        CarouselError: as `scores`.
    """
    found = scores(shifted(rows), router, trained_on)
    return performance_profile(list(found.values()), thresholds)


def improvement(
    rows: pl.DataFrame,
    router: str,
    over: str = FROZEN_LOOP,
    *,
    trained_on: str | None = "source",
    over_trained_on: str | None = "source",
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Probability that a policy of a router beats one of another, averaged over the shifted
    populations on which all policies of both have a score
    (`statistics.probability_of_improvement`). A policy that met none of the other's populations is
    passed over.

    Args:
        rows, router, trained_on: as in `scores`; rows without shift are passed over.
        over, over_trained_on: the other.
        resamples: of the interval, 100 to 1 000 000.

    Returns:
        improvement; improvement_low, improvement_high: an interval over policies of the first, each
        with all its populations (None with a single policy); seeds (policies); populations.

    Raises:
        CarouselError: as `scores`, or they have no population in common.
    """
    rows = shifted(rows)
    theirs = _some(Table.of(rows, over, over_trained_on), over, over_trained_on)
    met = rows.filter(pl.col("target").is_in(list(theirs.targets)))
    ours = Table.of(met, router, trained_on)
    if not ours.targets:
        _some(Table.of(rows, router, trained_on), router, trained_on)
        raise CarouselError(
            f"routers {shown(router)} and {shown(over)} met no population in common"
        )
    known = dict(zip(theirs.targets, theirs.scores, strict=True))
    others = [known[target] for target in ours.targets]
    # populations weigh alike and every policy met all of them: the mean over policies is the whole
    each = [probability_of_improvement(list(run[:, None]), others) for run in ours.scores.T]
    return {
        **_over_seeds("improvement", each, lambda drawn: drawn.mean(axis=-1), resamples),
        "seeds": len(ours.runs),
        "populations": len(ours.targets),
    }


def over_populations(rows: pl.DataFrame, *, resamples: int = RESAMPLES) -> list[dict[str, Any]]:
    """Figures over all populations of some rows, training among them if it is: one row per router
    that has a score, and what it was trained on.

    Returns:
        Plain data: router, role, trained_on, seeds; populations, and partly (those that only some
        of its policies met, and that count nowhere); score: a policy's mean over populations, then
        the interquartile mean over policies; worst, worst_axis, worst_severity: where that over
        policies is least; worst_decile. Score and worst_decile have an interval over policies
        (`_low`, `_high`; None with a single one). All are None without a population in common.
    """
    found = []
    for group in rows.partition_by(["router", "role", "trained_on"], maintain_order=True):
        first = group.row(0, named=True)
        table = Table.of(group, first["router"], first["trained_on"])
        if not table.runs:
            continue
        row = {key: first[key] for key in ("router", "role", "trained_on")}
        row |= {"seeds": len(table.runs), "populations": len(table.targets)}
        row["partly"] = table.partly
        row |= _over_seeds("score", list(table.means().values()), iqm, resamples)
        row |= dict.fromkeys(("worst", "worst_axis", "worst_severity"))
        row |= dict.fromkeys(("worst_decile", "worst_decile_low", "worst_decile_high"))
        if table.targets:
            there = iqm(table.scores)
            worst = int(there.argmin())
            axis, severity = table.conditions[worst]
            row |= {"worst": float(there[worst]), "worst_axis": axis, "worst_severity": severity}
            row |= _worst_decile(table, resamples)
        found.append(row)
    return found


def by_router(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """`over_populations` of the shifted ones, for every router that met all of them.

    Returns:
        Plain data: what that has, and improvement_over_frozen_loop with its interval (None where
        they met nobody in common).
    """
    rows = shifted(rows)
    everywhere = rows["target"].n_unique()
    counts = rows.group_by("router", "trained_on").agg(pl.col("target").n_unique())
    met = {(router, trained_on): count for router, trained_on, count in counts.iter_rows()}
    found = []
    for row in over_populations(rows):
        if met[row["router"], row["trained_on"]] < everywhere:
            continue
        beats: dict[str, Any] = {}
        if row["router"] != FROZEN_LOOP:
            with contextlib.suppress(CarouselError):
                beats = improvement(rows, row["router"], trained_on=row["trained_on"])
        for end in ENDS:
            row[f"improvement_over_frozen_loop{end}"] = beats.get(f"improvement{end}")
        found.append(row)
    return found
