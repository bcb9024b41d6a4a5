"""The generalisation gap in three parts: difficulty, learnability, shift.

With J*_0 and J*_t the references' values on the training users and on the target, A_0 the mean
engagement of policies trained and played on the training users, A_t that of policies trained and
played on the target, and S_t that of the former on the target,

    total        A_0 - S_t
    difficulty   J*_0 - J*_t
    learnability (J*_t - A_t) - (J*_0 - A_0)
    shift        A_t - S_t

so that total = difficulty + learnability + shift, whatever the numbers are. All of them are losses,
in engagement per session: positive where the router lost something.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import as_array, whole_number

from .statistics import RESAMPLES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_LEVELS = (0.025, 0.975)
PARTS = ("difficulty", "learnability", "shift")
"""The parts whose sum is the gap, its total."""


@dataclass(frozen=True)
class Gap:
    """The parts of a gap, in engagement per session, and their 95 % intervals.

    Attributes:
        total, difficulty, learnability, shift: see the head of this module.
        intervals: (low, high) by name of the part; None if a group has a single policy, which says
            nothing of how trainings differ. The references count as known exactly.
    """

    total: float
    difficulty: float
    learnability: float
    shift: float
    intervals: dict[str, tuple[float, float]] | None = None

    def row(self) -> dict[str, Any]:
        """Plain data: each part, and its interval under the names part_low and part_high."""
        found: dict[str, Any] = {}
        for part in ("total", *PARTS):
            low, high = self.intervals[part] if self.intervals else (None, None)
            found |= {part: getattr(self, part), f"{part}_low": low, f"{part}_high": high}
        return found


def split(
    *,
    value_source: float,
    value_target: float,
    trained_on_source: ArrayLike,
    met_on_target: ArrayLike,
    trained_on_target: ArrayLike,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Gap:
    """Split a gap into its parts, with percentile bootstrap intervals.

    Each of the two groups of policies is resampled with replacement by itself; the two figures of a
    policy trained on the source stay together (Efron and Tibshirani 1993, chapter 13).

    Args:
        value_source, value_target: J*_0 and J*_t.
        trained_on_source: engagement on the source of every policy trained there, shape (n,).
        met_on_target: that of the same policies on the target, shape (n,).
        trained_on_target: engagement on the target of every policy trained there, shape (m,).
        resamples: for the intervals, 100 to 1 000 000.
        seed: of the resampling.

    Raises:
        CarouselError: no policies, or not the same number of them on source and target.
    """
    at_home, away, control = (
        as_array(name, values).astype(np.float64)
        for name, values in (
            ("trained_on_source", trained_on_source),
            ("met_on_target", met_on_target),
            ("trained_on_target", trained_on_target),
        )
    )
    if at_home.shape != away.shape or at_home.ndim != 1 or not len(at_home):
        raise CarouselError(
            f"trained_on_source has shape {at_home.shape} and met_on_target {away.shape}; both "
            "must hold a number for each of the same policies"
        )
    if control.ndim != 1 or not len(control):
        raise CarouselError(
            f"trained_on_target has shape {control.shape}; it must hold a number for each policy"
        )
    whole_number("resamples", resamples, 100, 10**6)
    known = value_source, value_target
    parts = _parts(*known, at_home.mean(), away.mean(), control.mean())
    intervals = None
    if len(at_home) > 1 and len(control) > 1:
        rng = np.random.default_rng(whole_number("seed", seed, 0, 2**63 - 1))
        ours = rng.integers(0, len(at_home), (resamples, len(at_home)))
        theirs = rng.integers(0, len(control), (resamples, len(control)))
        means = (x.mean(axis=1) for x in (at_home[ours], away[ours], control[theirs]))
        ends = {name: np.quantile(x, _LEVELS) for name, x in _parts(*known, *means).items()}
        intervals = {name: (float(low), float(high)) for name, (low, high) in ends.items()}
    return Gap(**{name: float(part) for name, part in parts.items()}, intervals=intervals)


def _parts(
    value_source: float, value_target: float, at_home: Any, away: Any, control: Any
) -> dict[str, NDArray[np.float64]]:
    return {
        "total": at_home - away,
        "difficulty": np.asarray(value_source - value_target),
        "learnability": (value_target - control) - (value_source - at_home),
        "shift": control - away,
    }


def gaps(rows: pl.DataFrame, *, resamples: int = RESAMPLES, seed: int = 0) -> list[dict[str, Any]]:
    """The gap of every router on every target on which policies of the same name were trained.

    Args:
        rows: with the columns of `schema.SCHEMA`: learned routers with trained_on "source" at
            severity 0 and on the target, and with "target" there. Rows that lack a figure do
            not count.
        resamples, seed: as in `split`.

    Returns:
        Plain data, a row per router, axis and severity: router, axis, kind, regime, severity,
        source_policies, target_policies, tier, and what `Gap.row` has. The tier is "bounds" where
        that of source or target is: values are then lower bounds, so a part of difficulty may
        really be learnability, or the reverse; total and shift do not depend on them. There is no
        gap for controls whose router was not played on both source and target.

    Raises:
        CarouselError: different policies of a router played source and target, or one of them has
            two results under one condition.
    """
    whole = pl.col("value").is_not_null() & pl.col("engagement").is_not_null()
    learned = rows.filter(whole & (pl.col("role") == "learned"))
    source = learned.filter(pl.col("trained_on") == "source")
    controls = learned.filter(pl.col("trained_on") == "target")
    found = []
    for control in controls.partition_by(["router", "axis", "severity"], maintain_order=True):
        first = control.row(0, named=True)
        own = source.filter(pl.col("router") == first["router"], pl.col("axis") == first["axis"])
        home = own.filter(pl.col("severity") == 0.0)
        met = own.filter(pl.col("severity") == first["severity"])
        if home.is_empty() or met.is_empty():
            # nothing to compare the controls with
            continue
        both = _paired(_once(home), _once(met))
        there = _once(control)
        gap = split(
            value_source=both["value"][0],
            value_target=first["value"],
            trained_on_source=both["engagement"],
            met_on_target=both["engagement_met"],
            trained_on_target=there["engagement"],
            resamples=resamples,
            seed=seed,
        )
        key = ("router", "axis", "kind", "regime", "severity")
        found.append(
            {
                **{name: first[name] for name in key},
                "source_policies": len(both),
                "target_policies": len(there),
                "tier": "bounds" if "bounds" in (both["tier"][0], first["tier"]) else first["tier"],
                **gap.row(),
            }
        )
    return found


_TRAINING = "training"
"""Column that identifies a training: by its seed, since two paths may name one file, or if it has
none by the policy."""


def _once(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of one condition, one per training, sorted by training.

    Raises:
        CarouselError: two results of one training.
    """
    seed = pl.lit("training seed ") + pl.col("training_seed").cast(pl.String)
    named = rows.with_columns(pl.coalesce(seed, pl.col("policy")).alias(_TRAINING))
    once = named.unique([_TRAINING, "engagement", "value"], keep="first").sort(_TRAINING)
    if len(twice := once.filter(once[_TRAINING].is_duplicated())):
        raise CarouselError(
            f"{twice[_TRAINING][0]} of {_condition(twice)} has two different results; the gap "
            "needs one"
        )
    return once


def _paired(home: pl.DataFrame, met: pl.DataFrame) -> pl.DataFrame:
    """The rows of a router on the source, joined with those of the same trainings on the target.

    Raises:
        CarouselError: a training has a row on one of the two only.
    """
    for rows, other in ((home, met), (met, home)):
        if len(alone := rows.join(other, on=_TRAINING, how="anti")):
            raise CarouselError(
                f"{alone[_TRAINING][0]} of {_condition(rows)} is missing at severity "
                f"{other['severity'][0]:g}; the gap needs the same policies at both"
            )
    return home.join(met, on=_TRAINING, suffix="_met", maintain_order="left")


def _condition(rows: pl.DataFrame) -> str:
    first = rows.row(0, named=True)
    return f"router {first['router']!r} at severity {first['severity']:g} of {first['axis']}"
