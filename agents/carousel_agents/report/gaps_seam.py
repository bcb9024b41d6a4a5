"""The three-part split of a gap, from rows: difficulty, learnability, shift."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from .aggregate import RESAMPLES, training_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

PARTS = ("difficulty", "learnability", "shift")


def gaps(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Why less is reached under a shift than in training, per router and condition with controls.

    With J* the reference's value on source (0) and target (t), A_0 the mean engagement of routers
    trained and played on the source, A_t of those trained and played on the target, and S_t of
    those trained on the source and played on the target:

        A_0 - S_t = (J*_0 - J*_t)                    difficulty: there is less to be had
                  + ((J*_t - A_t) - (J*_0 - A_0))    learnability: the same training misses more
                  + (A_t - S_t)                      shift: training was elsewhere

    Returns:
        router, axis, kind, severity, tier, source_policies, target_policies; total and each of
        `PARTS` in engagement per session, all but difficulty with `_low` and `_high`: a 95 %
        percentile bootstrap, which draws source runs (A_0 and S_t together) and target runs apart;
        None where either has a single run.
    """
    rows = rows.filter(pl.col("value").is_not_null() & pl.col("engagement").is_not_null())
    start = training_rows(rows).filter(pl.col("role") == "learned")
    controls = rows.filter((pl.col("trained_on") == "target") & (pl.col("role") == "learned"))
    found = []
    for keys, control in controls.group_by(["router", "axis", "severity"], maintain_order=True):
        router, axis, severity = keys
        here = (pl.col("router") == router) & (pl.col("trained_on") == "source")
        there = rows.filter(here & (pl.col("axis") == axis) & (pl.col("severity") == severity))
        source = start.filter(here).join(there, on="training_seed", suffix="_there")
        if source.is_empty():
            continue
        # columns: A_0 and S_t of one run
        runs = source.select("engagement", "engagement_there").to_numpy()
        first, condition = source.row(0, named=True), control.row(0, named=True)
        found.append(
            {
                "router": router,
                "axis": axis,
                "kind": condition["kind"],
                "severity": severity,
                "tier": condition["tier"],
                "source_policies": len(runs),
                "target_policies": len(control),
                **_split(
                    runs, control["engagement"].to_numpy(), first["value"], condition["value"]
                ),
            }
        )
    return found


def _split(source: Numbers, target: Numbers, value: float, shifted: float) -> dict[str, Any]:
    def parts(before: Any, after: Any, there: Any) -> dict[str, Any]:
        return {
            "total": before - after,
            "learnability": (shifted - there) - (value - before),
            "shift": there - after,
        }

    before, after = source.mean(axis=0)
    whole = parts(before, after, target.mean())
    found = {"difficulty": value - shifted, **{key: float(x) for key, x in whole.items()}}
    if min(len(source), len(target)) < 2:
        return found | {f"{key}_{end}": None for key in whole for end in ("low", "high")}
    rng = np.random.default_rng(0)
    drawn = source[rng.integers(0, len(source), (RESAMPLES, len(source)))].mean(axis=1)
    others = target[rng.integers(0, len(target), (RESAMPLES, len(target)))].mean(axis=1)
    for key, values in parts(drawn[:, 0], drawn[:, 1], others).items():
        found[f"{key}_low"], found[f"{key}_high"] = map(float, np.quantile(values, [0.025, 0.975]))
    return found
