"""From rows to what is drawn: seeds become one estimate with an interval.

Whoever was trained with several seeds has an interquartile mean and a bootstrap interval over them;
whoever stands alone has its interval over sessions. Everything here is a function of the rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..generalisation import statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

RESAMPLES = 2000
"""Bootstrap resamples per interval: its ends are then good to about a tenth of its width."""

USERS_AXIS = "users"
FROZEN_LOOP = "frozen-loop"

_WHO = ("router", "role", "trained_on")
_WHERE = ("axis", "kind", "regime", "severity")
_OF_TARGET = ("tier", "value", "value_upper", "blind", "best_fixed", "uniform")
_DISTANCE = ("distance_nats", "distance_se", "distance_per_turn", "distance_note")
_MEANS = ("session_length", "left", "swaps", "refused", "welfare", "kept", "unmasked", "deceived")


def training_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The unshifted rows, each run once: severity 0 is the same on every axis."""
    plain = (pl.col("axis") != USERS_AXIS) & (pl.col("trained_on") != "target").fill_null(True)
    found = rows.filter(plain & (pl.col("regime") == "training"))
    return found.unique(["router", "policy", "training_seed"], keep="first", maintain_order=True)


def shifted_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows under shift, without controls trained on the target."""
    plain = (pl.col("axis") != USERS_AXIS) & (pl.col("trained_on") != "target").fill_null(True)
    return rows.filter(plain & (pl.col("regime") != "training").fill_null(True))


def users_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that ask how many users training needs: their overlap says who is met."""
    asked = pl.col("users_trained").is_not_null() & pl.col("overlap").is_not_null()
    return rows.filter((pl.col("axis") == USERS_AXIS) & asked)


def records(rows: pl.DataFrame, by: Sequence[str] = ()) -> list[dict[str, Any]]:
    """One record per router and condition, in the order of the rows.

    Args:
        rows: of `schema.SCHEMA`.
        by: further columns that keep rows apart.

    Returns:
        Records with router, role, trained_on, axis, kind, regime, severity, the columns of `by`,
        `seeds` (runs behind it), `score` and `engagement` with `_low` and `_high`, means of the
        other measures, and what the target's rows share (reference, distance).
    """
    keys = [*_WHO, *_WHERE, *by]
    return [_record(part, by) for _, part in rows.group_by(keys, maintain_order=True)]


def _record(part: pl.DataFrame, by: Sequence[str]) -> dict[str, Any]:
    first = part.row(0, named=True)
    shared = (*_WHO, *_WHERE, *by, "algorithm", *_OF_TARGET, *_DISTANCE, "users")
    return {
        **{key: first[key] for key in shared},
        "seeds": len(part),
        **_measured(part, "score"),
        **_measured(part, "engagement"),
        **{key: part[key].mean() for key in _MEANS},
    }


def _measured(part: pl.DataFrame, metric: str) -> dict[str, Any]:
    values = part[metric].drop_nulls().to_list()
    if len(values) > 1:
        return {metric: float(statistics.iqm(values)), **_ends(metric, [values])}
    if not values:
        return dict.fromkeys((metric, f"{metric}_low", f"{metric}_high"))
    row = part.filter(pl.col(metric).is_not_null()).row(0, named=True)
    if metric == "score":
        return {key: row[key] for key in ("score", "score_low", "score_high")}
    return {"engagement": row["engagement"], "engagement_se": row["engagement_se"]}


def _ends(
    name: str, strata: Sequence[Any], statistic: Callable[[Any], Any] = statistics.iqm
) -> dict[str, float | None]:
    found = statistics.interval(strata, statistic, resamples=RESAMPLES)
    low, high = found or (None, None)
    return {f"{name}_low": low, f"{name}_high": high}


def per_seed(rows: pl.DataFrame) -> dict[str, dict[int | None, list[float]]]:
    """Scores by router and training seed, in the order of conditions; null scores are left out."""
    found: dict[str, dict[int | None, list[float]]] = {}
    scored = rows.filter(pl.col("score").is_not_null())
    for router, seed, score in scored.select("router", "training_seed", "score").iter_rows():
        found.setdefault(router, {}).setdefault(seed, []).append(score)
    return found


def over_conditions(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Each router's score over all given rows: a seed's mean over conditions, then over seeds.

    Returns:
        router, role, seeds, conditions, score with its interval over seeds (None for one seed),
        worst, worst_axis, worst_severity (of the seeds' interquartile means), worst_decile (mean
        of the worst tenth of conditions).
    """
    roles = dict(rows.select("router", "role").iter_rows())
    played = conditions(rows)
    found = []
    for router, seeds in per_seed(rows).items():
        cells = {key: float(statistics.iqm(scores)) for key, scores in played[router].items()}
        means = [math.fsum(scores) / len(scores) for scores in seeds.values()]
        axis, severity = min(cells, key=cells.__getitem__)
        found.append(
            {
                "router": router,
                "role": roles[router],
                "seeds": len(means),
                "conditions": len(cells),
                "score": float(statistics.iqm(means)),
                **_ends("score", [means]),
                "worst": cells[axis, severity],
                "worst_axis": axis,
                "worst_severity": severity,
                "worst_decile": float(statistics.worst_decile_mean(list(cells.values()))),
            }
        )
    return found


def regimes(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """`over_conditions` for training and for each regime of shift that was played."""
    parts = [("training", training_rows(rows))]
    shifted = shifted_rows(rows)
    names = ("interpolation", "combinatorial", "extrapolation")
    parts += [(name, shifted.filter(pl.col("regime") == name)) for name in names]
    return [{**record, "regime": name} for name, part in parts for record in over_conditions(part)]


def seed_points(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Each learned run's score in training beside its mean at severity 1 and over all shifts."""
    start = per_seed(training_rows(rows).filter(pl.col("role") == "learned"))
    shifted = shifted_rows(rows)
    hardest = per_seed(shifted.filter(pl.col("severity") == 1.0))
    everywhere = per_seed(shifted)

    def mean(scores: Mapping[str, Any], router: str, seed: int | None) -> float | None:
        values = scores.get(router, {}).get(seed)
        return math.fsum(values) / len(values) if values else None

    return [
        {
            "router": router,
            "training_seed": seed,
            "training": scores[0],
            "hardest": mean(hardest, router, seed),
            "shifted": mean(everywhere, router, seed),
        }
        for router, seeds in start.items()
        for seed, scores in seeds.items()
    ]


def conditions(rows: pl.DataFrame) -> dict[str, dict[tuple[str, float], list[float]]]:
    """Scores by router and condition (axis, severity), one per run."""
    found: dict[str, dict[tuple[str, float], list[float]]] = {}
    scored = rows.filter(pl.col("score").is_not_null())
    columns = scored.select("router", "axis", "severity", "score").iter_rows()
    for router, axis, severity, score in columns:
        found.setdefault(router, {}).setdefault((axis, severity), []).append(score)
    return found


def profiles(rows: pl.DataFrame, thresholds: Sequence[float]) -> dict[str, list[float]]:
    """By router: the share of runs and conditions whose score exceeds each threshold."""
    return {
        router: statistics.performance_profile(list(strata.values()), thresholds).tolist()
        for router, strata in conditions(rows).items()
    }


def improvements(rows: pl.DataFrame, over: str = FROZEN_LOOP) -> list[dict[str, Any]]:
    """How often a learned run beats `over` under the same condition: over all shifts, per axis.

    Returns:
        router, axis ("all" first), conditions, seeds, probability with `_low` and `_high`: an
        interval over seeds, whose conditions stay together (None for one seed).
    """
    theirs = conditions(rows.filter(pl.col("router") == over)).get(over, {})
    found = []
    for router, parts in _by(rows.filter(pl.col("role") == "learned"), "router"):
        for axis, part in [("all", parts), *_by(parts, "axis")]:
            if common := [key for key in conditions(part).get(router, {}) if key in theirs]:
                found.append({"router": router, "axis": axis, **_improvement(part, common, theirs)})
    return found


def _improvement(
    part: pl.DataFrame,
    common: Sequence[tuple[str, float]],
    theirs: Mapping[tuple[str, float], list[float]],
) -> dict[str, Any]:
    def probability(rows: pl.DataFrame) -> float:
        ours = next(iter(conditions(rows).values()))
        shared = [key for key in common if key in ours]
        return statistics.probability_of_improvement(
            [ours[key] for key in shared], [theirs[key] for key in shared]
        )

    scored = part.filter(pl.col("score").is_not_null())
    runs = [probability(run) for _, run in _by(scored, "training_seed")]
    return {
        "conditions": len(common),
        "seeds": len(runs),
        "probability": probability(scored),
        **_ends("probability", [runs], lambda drawn: np.mean(drawn, axis=-1)),
    }


def _by(rows: pl.DataFrame, column: str) -> Iterable[tuple[str, pl.DataFrame]]:
    for (name,), part in rows.group_by([column], maintain_order=True):
        yield str(name), part
