"""Summaries of rows: a figure per router and population, and one per router over populations.

Seeds are the unit of replication: a router with several training seeds has one row per policy, and
its figure is the interquartile mean over them.

A figure over populations counts each shifted population once, under however many axes it stands,
and only those that every policy of the router met: otherwise some policies would be judged by
easier users. Populations that it was trained on as levels are figures of their own; routers with
different levels compare on what `score_table.held_out` leaves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .columns import metrics_among
from .evaluate import Z95
from .score_table import Table, shifted
from .statistics import RESAMPLES, iqm, over_seeds, performance_profile, worst_decile_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl
    from numpy.typing import ArrayLike, NDArray

GROUP = ("router", "trained_on", "axis", "severity")
"""Columns in which the seeds of one figure agree."""

_SHARED = (
    *("environment", "axis", "kind", "regime", "severity", "router", "role", "algorithm"),
    *("trained_on", "source", "target", "distance_nats", "distance_se", "distance_per_turn"),
    *("distance_per_turn_se", "distance_note", "tier", "value", "value_upper", "blind"),
    *("frozen_blind", "best_fixed", "uniform", "users", "seed"),
)


def aggregated(
    rows: pl.DataFrame, by: Sequence[str] = (), *, resamples: int = RESAMPLES
) -> list[dict[str, Any]]:
    """One row per router, what it was trained on, axis and severity, in order of first appearance.

    With two policies or more, `engagement`, `score`, `score_at_least`, `score_from_frozen_blind`,
    `regret` and `regret_at_most` are interquartile means over them, with bootstrap intervals of
    engagement, score and regret (`statistics.interval`). With
    one they are its means over sessions, with normal intervals. Metrics are means over policies.

    Args:
        rows: with the columns of `schema.SCHEMA`, and of any metrics.
        by: further columns that keep rows apart.
        resamples: of an interval, 100 to 1 000 000.

    Returns:
        Plain data: the schema's columns that policies share, those of `by`, `seeds` (policies),
        engagement, score and regret with `_low` and `_high`, score_at_least,
        score_from_frozen_blind, regret_at_most, and every metric whose column the rows have.
    """
    groups = rows.partition_by([*GROUP, *by], maintain_order=True)
    return [_aggregate(group, by, resamples) for group in groups]


def _aggregate(group: pl.DataFrame, by: Sequence[str], resamples: int) -> dict[str, Any]:
    first = group.row(0, named=True)
    row = {name: first[name] for name in (*_SHARED, *by)}
    row["seeds"] = len(group)
    if len(group) > 1:
        for name in ("engagement", "score", "regret"):
            values = group[name]
            known = [] if values.null_count() else values.to_list()
            row |= over_seeds(name, known, iqm, resamples)
        for name in ("score_at_least", "score_from_frozen_blind", "regret_at_most"):
            values = group[name]
            row[name] = None if values.null_count() else float(iqm(values.to_numpy()))
    else:
        kept = [*("engagement", "score", "score_low", "score_high", "score_at_least", "regret")]
        kept += ["score_from_frozen_blind", "regret_at_most"]
        row |= {name: first[name] for name in kept} | _over_sessions(first)
    row |= {metric.name: group[metric.name].mean() for metric in metrics_among(group.columns)}
    return row


def _over_sessions(row: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in ("engagement", "regret"):
        mean, error = row[name], row["engagement_se"]
        known = mean is not None and error is not None
        ends = (mean - Z95 * error, mean + Z95 * error) if known else (None, None)
        found[f"{name}_low"], found[f"{name}_high"] = ends
    return found


# -- over populations -----------------------------------------------------------------------------


def scores(
    rows: pl.DataFrame, router: str, trained_on: str | None = "source"
) -> dict[str, NDArray[np.float64]]:
    """Scores of a router's policies on every population that all of them played.

    A population met under several axes counts once, and that of training counts like any other.
    Populations where listening is worth nothing have no score and are absent.

    Args:
        rows: with the columns of `schema.SCHEMA`.
        router: name shared by all seeds.
        trained_on: as in the rows: "source" (populations that it was trained on as levels do not
            count), "level" (these alone), "target", or None for routers that were neither trained
            nor frozen.

    Returns:
        By fingerprint of the population: float64, shape (policies,), policies in one order.

    Raises:
        CarouselError: the rows have no such router, or no score of it, or its policies met no
            population in common.
    """
    table = Table.some(rows, router, trained_on)
    return dict(zip(table.targets, table.figures, strict=True))


def worst_decile(
    rows: pl.DataFrame,
    router: str,
    trained_on: str | None = "source",
    *,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Mean score over the worst tenth of shifted populations, with a bootstrap interval over
    policies (`statistics.worst_decile_mean`). A population's score is the interquartile mean over
    policies.

    Args:
        rows, router, trained_on: as in `scores`; rows without shift do not count.
        resamples: of the interval, 100 to 1 000 000.

    Returns:
        worst_decile; worst_decile_low, worst_decile_high (None with a single policy); populations.

    Raises:
        CarouselError: as `scores`.
    """
    table = Table.some(shifted(rows), router, trained_on)
    return {**_worst_decile(table, resamples), "populations": len(table.targets)}


def _worst_decile(table: Table, resamples: int) -> dict[str, Any]:
    def of_seeds(drawn: NDArray[Any]) -> NDArray[np.float64]:
        # in slices: (populations, R, policies) values at once would take hundreds of megabytes
        parts = np.array_split(drawn.astype(np.int64), max(len(drawn) // 500, 1))
        return np.concatenate([worst_decile_mean(iqm(table.figures[:, part]).T) for part in parts])

    return over_seeds("worst_decile", np.arange(len(table.runs)), of_seeds, resamples)


def regret_over(
    rows: pl.DataFrame,
    router: str,
    trained_on: str | None = "source",
    *,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """Mean and greatest regret of a policy over shifted populations, in engagement per session:
    interquartile means over policies, with bootstrap intervals.

    Args:
        rows, router, trained_on: as in `scores`; rows without shift do not count.
        resamples: of the intervals, 100 to 1 000 000.

    Returns:
        regret_mean, regret_most with their intervals (`_low`, `_high`; None with a single policy);
        seeds (policies); populations.

    Raises:
        CarouselError: as `scores`.
    """
    table = Table.some(shifted(rows), router, trained_on, "regret")
    mean, most = table.figures.mean(axis=0), table.figures.max(axis=0)
    return {
        **over_seeds("regret_mean", mean, iqm, resamples),
        **over_seeds("regret_most", most, iqm, resamples),
        "seeds": len(table.runs),
        "populations": len(table.targets),
    }


def profile(
    rows: pl.DataFrame,
    router: str,
    thresholds: ArrayLike,
    trained_on: str | None = "source",
) -> NDArray[np.float64]:
    """Share of scores above each threshold, every shifted population having the same weight
    (`statistics.performance_profile`).

    Args:
        rows, router, trained_on: as in `scores`; rows without shift do not count.
        thresholds: shape (m,).

    Returns:
        float64, shape (m,).

    Raises:
        CarouselError: as `scores`.
    """
    found = scores(shifted(rows), router, trained_on)
    return performance_profile(list(found.values()), thresholds)


def over_populations(rows: pl.DataFrame, *, resamples: int = RESAMPLES) -> list[dict[str, Any]]:
    """Figures over all populations in the rows, that of training included if it is there: one row
    per router that has a score, and what it was trained on.

    Returns:
        Plain data: router, role, trained_on, seeds; populations, and partly (how many more only
        some of its policies met, which do not count); score: a policy's mean over populations,
        then the interquartile mean over policies; worst, worst_axis, worst_severity: the least
        interquartile mean over policies on a population, and where; worst_decile. Score and
        worst_decile have an interval over policies (`_low`, `_high`; None with a single one). All
        are None if the policies have no population in common.
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
        row |= over_seeds("score", list(table.means().values()), iqm, resamples)
        row |= dict.fromkeys(("worst", "worst_axis", "worst_severity"))
        row |= dict.fromkeys(("worst_decile", "worst_decile_low", "worst_decile_high"))
        if table.targets:
            there = iqm(table.figures)
            worst = int(there.argmin())
            axis, severity = table.conditions[worst]
            row |= {"worst": float(there[worst]), "worst_axis": axis, "worst_severity": severity}
            row |= _worst_decile(table, resamples)
        found.append(row)
    return found
