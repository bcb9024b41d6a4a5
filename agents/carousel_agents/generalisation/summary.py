"""Rows put together: a figure per router and population, and one per router over populations.

Seeds are the unit of replication: a router of several training seeds has one row per policy, and
its figure is the interquartile mean over them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from carousel_envs import CarouselError
from carousel_envs.errors import shown

from .evaluate import Z95
from .statistics import (
    interval,
    iqm,
    performance_profile,
    probability_of_improvement,
    worst_decile_mean,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

GROUP = ("router", "trained_on", "axis", "severity")
"""What the seeds of one figure share."""

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


def aggregated(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """One row per router, what it was trained on, axis and severity, in order of first appearance.

    With two policies or more, `engagement`, `score` and `score_at_least` are interquartile means
    over them, with 95 % bootstrap intervals of engagement and score (`statistics.interval`). With
    one they are its means over sessions, with their normal intervals. What else is counted is the
    mean over policies.

    Args:
        rows: with the columns of `schema.SCHEMA`.

    Returns:
        Plain data: the schema's columns that policies share, `seeds` (policies), engagement,
        engagement_low, engagement_high, score, score_low, score_high, score_at_least, and means.
    """
    groups = rows.partition_by(GROUP, maintain_order=True)
    return [_aggregate(group) for group in groups]


def _aggregate(group: pl.DataFrame) -> dict[str, Any]:
    first = group.row(0, named=True)
    row = {name: first[name] for name in _SHARED}
    row["seeds"] = len(group)
    if len(group) > 1:
        for name in ("engagement", "score"):
            row |= _over_seeds(name, group[name])
        at_least = group["score_at_least"]
        row["score_at_least"] = None if at_least.null_count() else float(iqm(at_least.to_numpy()))
    else:
        kept = ("engagement", "score", "score_low", "score_high", "score_at_least")
        row |= {name: first[name] for name in kept} | _over_sessions(first)
    row |= {name: group[name].mean() for name in _MEANS}
    return row


def _over_seeds(name: str, values: pl.Series) -> dict[str, Any]:
    low_and_high = (f"{name}_low", f"{name}_high")
    if values.null_count():
        return dict.fromkeys((name, *low_and_high))
    found = values.to_numpy()
    ends = interval([found]) or (None, None)
    return {name: float(iqm(found)), **dict(zip(low_and_high, ends, strict=True))}


def _over_sessions(row: dict[str, Any]) -> dict[str, Any]:
    mean, error = row["engagement"], row["engagement_se"]
    if error is None:
        return {"engagement_low": None, "engagement_high": None}
    return {"engagement_low": mean - Z95 * error, "engagement_high": mean + Z95 * error}


# -- over populations -----------------------------------------------------------------------------


def scores(
    rows: pl.DataFrame, router: str, trained_on: str | None = "source"
) -> dict[str, NDArray[np.float64]]:
    """Scores of a router's policies on every population that it played, by fingerprint; shape
    (policies,), in the same order everywhere. A population met under several axes counts once.

    Populations on which there is no score, because listening is worth nothing, are absent.

    Args:
        rows: with the columns of `schema.SCHEMA`.
        router: name shared by all seeds.
        trained_on: as in the rows: "source", "target", or None for what was neither trained nor
            frozen.

    Raises:
        CarouselError: no such router, or one without any score.
    """
    own = rows.filter(
        (pl.col("router") == router) & pl.col("trained_on").eq_missing(pl.lit(trained_on))
    )
    once = own.unique(["target", "policy"], keep="first", maintain_order=True)
    found = {
        str(target): group["score"].to_numpy()
        for (target,), group in once.drop_nulls("score").group_by("target", maintain_order=True)
    }
    if not found:
        where = "trained nowhere" if trained_on is None else f"trained on its {trained_on}"
        raise CarouselError(f"no row tells a score of router {shown(router)}, {where}")
    return found


def worst_decile(
    rows: pl.DataFrame, router: str, trained_on: str | None = "source"
) -> dict[str, Any]:
    """The mean score over the worst tenth of populations, each being the interquartile mean over
    policies there (`statistics.worst_decile_mean`), with a bootstrap interval over policies.

    Args:
        rows, router, trained_on: as in `scores`.

    Returns:
        worst_decile; worst_decile_low, worst_decile_high (None with a single policy); populations.

    Raises:
        CarouselError: as `scores`, or not every policy played every population.
    """
    table = _whole_table(scores(rows, router, trained_on), router)

    def of_seeds(drawn: NDArray[Any]) -> NDArray[np.float64]:
        # in slices: (populations, R, policies) values at once would take hundreds of megabytes
        parts = np.array_split(drawn.astype(np.int64), max(len(drawn) // 500, 1))
        return np.concatenate([worst_decile_mean(iqm(table[:, part]).T) for part in parts])

    seeds = np.arange(table.shape[1])
    low, high = interval([seeds], of_seeds) or (None, None)
    return {
        "worst_decile": float(of_seeds(seeds[None])[0]),
        "worst_decile_low": low,
        "worst_decile_high": high,
        "populations": len(table),
    }


def _whole_table(found: dict[str, NDArray[np.float64]], router: str) -> NDArray[np.float64]:
    sizes = {len(values) for values in found.values()}
    if len(sizes) > 1:
        raise CarouselError(
            f"router {shown(router)} has {min(sizes)} to {max(sizes)} policies by population; "
            "every policy must have played every population"
        )
    return np.stack(list(found.values()))


def profile(
    rows: pl.DataFrame,
    router: str,
    thresholds: ArrayLike,
    trained_on: str | None = "source",
) -> NDArray[np.float64]:
    """Share of scores above each threshold, populations weighing alike
    (`statistics.performance_profile`).

    Args:
        rows, router, trained_on: as in `scores`.
        thresholds: shape (m,).

    Returns:
        float64, shape (m,).

    Raises:
        CarouselError: as `scores`.
    """
    return performance_profile(list(scores(rows, router, trained_on).values()), thresholds)


def improvement(
    rows: pl.DataFrame,
    router: str,
    over: str = "frozen-loop",
    *,
    trained_on: str | None = "source",
    over_trained_on: str | None = "source",
) -> float:
    """Probability that a policy of a router beats one of another, averaged over the populations on
    which both have a score (`statistics.probability_of_improvement`).

    Args:
        rows, router, trained_on: as in `scores`.
        over, over_trained_on: the other.

    Raises:
        CarouselError: as `scores`, or they have no population in common.
    """
    ours, theirs = scores(rows, router, trained_on), scores(rows, over, over_trained_on)
    both = [target for target in ours if target in theirs]
    if not both:
        raise CarouselError(
            f"routers {shown(router)} and {shown(over)} met no population in common"
        )
    return probability_of_improvement([ours[t] for t in both], [theirs[t] for t in both])


def by_router(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Figures over all populations, one row per router that met all of them.

    Returns:
        Plain data: router, role, trained_on, seeds, worst_decile and its interval, populations,
        and improvement over the frozen loop (None where that played nowhere).
    """
    everywhere = rows["target"].n_unique()
    found = []
    for group in rows.partition_by(["router", "trained_on"], maintain_order=True):
        first = group.row(0, named=True)
        if group["target"].n_unique() < everywhere or group["score"].null_count() == len(group):
            continue
        name, trained_on = first["router"], first["trained_on"]
        row = {key: first[key] for key in ("router", "role", "trained_on")}
        row |= {"seeds": group["policy"].n_unique(), **worst_decile(rows, name, trained_on)}
        looped = (rows["router"] == "frozen-loop").any() and name != "frozen-loop"
        row["improvement_over_frozen_loop"] = (
            improvement(rows, name, trained_on=trained_on) if looped else None
        )
        found.append(row)
    return found
