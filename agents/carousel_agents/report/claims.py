"""Figures that sentences name, from the rows of a study: each is a function of rows and words.

A page writes `<!-- = NAME STUDY WORDS... -->figure<!-- . -->`; the figure is filled in from the
rows, so that no sentence says what they do not carry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ..generalisation.gap_parts import gaps
from ..generalisation.improvement import improvement
from ..generalisation.score_table import (
    Table,
    between_levels,
    beyond_levels,
    held_out,
    on_levels,
    shifted,
)
from ..generalisation.statistics import interval, iqm, over_seeds
from ..generalisation.summary import aggregated, regret_over, worst_decile
from ..generalisation.users_seen import AXIS as USERS
from ..generalisation.users_seen import curve
from ..probes import told

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

RESAMPLES = 4000
PARTS = {
    "training": lambda rows: rows.filter(pl.col("severity") == 0.0),
    "levels": on_levels,
    "between": between_levels,
    "beyond": beyond_levels,
    "held-out": held_out,
}
"""The training users, and parts of the shifted populations by whether somebody trained on them."""


def said(row: Mapping[str, Any], name: str) -> str:
    """A figure to two digits, with its interval in brackets if there is one."""
    value, low, high = (row.get(f"{name}{end}") for end in ("", "_low", "_high"))
    return told.said(value, low, high)


def score(rows: pl.DataFrame, router: str, axis: str, severity: str) -> str:
    """Score of a router under a shift."""
    return said(_one(rows, router, axis, severity), "score")


def regret(rows: pl.DataFrame, router: str, axis: str, severity: str) -> str:
    """Regret of a router under a shift, in engagement per session."""
    return said(_one(rows, router, axis, severity), "regret")


def beats(rows: pl.DataFrame, router: str, over: str, axis: str = "") -> str:
    """How often a policy of a router beats another router, over the shifted populations that
    nobody trained on, or those of one axis; without its interval for an axis."""
    rows = held_out(rows)
    if not axis:
        return said(improvement(rows, router, over), "improvement")
    found = improvement(rows.filter(pl.col("axis") == axis), router, over)
    return said({"improvement": found["improvement"]}, "improvement")


def worst_tenth(rows: pl.DataFrame, router: str) -> str:
    """Mean score over the worst tenth of the shifted populations that nobody trained on."""
    return said(worst_decile(held_out(rows), router), "worst_decile")


def mean_regret(rows: pl.DataFrame, router: str, part: str = "held-out", without: str = "") -> str:
    """Mean regret of a router over a part of the shifted populations (`PARTS`), without some axes
    (joined by commas)."""
    return said(regret_over(_without(PARTS[part](rows), without), router), "regret_mean")


def more_regret(
    rows: pl.DataFrame, router: str, over: str, part: str = "held-out", without: str = ""
) -> str:
    """Mean regret of a router over the same, less that of another: a difference of interquartile
    means, whose interval resamples the policies of both."""
    here = _without(PARTS[part](rows), without)
    ours, theirs = (Table.some(here, name, "source", "regret") for name in (router, over))
    both = [target for target in ours.targets if target in theirs.targets]
    each = [
        table.figures[[table.targets.index(target) for target in both]].mean(axis=0)
        for table in (ours, theirs)
    ]
    n = len(each[0])

    def apart(drawn: Any) -> Any:
        return iqm(drawn[..., :n]) - iqm(drawn[..., n:])

    low, high = interval(each, apart, resamples=RESAMPLES) or (None, None)
    return told.said(float(apart(np.concatenate(each))), low, high)


def extra_regret(rows: pl.DataFrame, router: str, yardstick: str) -> str:
    """By how much more a policy's regret exceeds that of a frozen router over the shifted
    populations that nobody trained on (in the mean) than in training; the interquartile mean over
    policies."""
    home, away = (
        _beside(part, router, yardstick, "regret")
        for part in (PARTS["training"](rows), shifted(held_out(rows)))
    )
    beside_home, beside_away = (
        (ours - known[:, None]).mean(axis=0) for ours, known in (home, away)
    )
    each = beside_away - beside_home
    return said(over_seeds("extra", each, iqm, RESAMPLES), "extra")


def greatest_regret(rows: pl.DataFrame, router: str, part: str = "held-out") -> str:
    """The greatest regret of a policy over the same."""
    return said(regret_over(PARTS[part](rows), router), "regret_most")


def likeness(rows: pl.DataFrame, router: str, yardstick: str, without: str = "") -> str:
    """Correlation, over the shifted populations that nobody trained on (without those of some axes,
    joined by commas), of a policy's scores with those of a frozen router; the interquartile mean
    over policies."""
    away = _without(shifted(held_out(rows)), without)
    ours, beside = _beside(away, router, yardstick)
    each = [float(np.corrcoef(run, beside)[0, 1]) for run in ours.T]
    return said(over_seeds("likeness", each, iqm, RESAMPLES), "likeness")


def apart(rows: pl.DataFrame, router: str, yardstick: str) -> str:
    """By how much a policy's score falls more or less than that of a frozen router, from training
    to a shifted population that nobody trained on: the mean over these, without sign; the
    interquartile mean over policies."""
    home, away = PARTS["training"](rows), shifted(held_out(rows))
    (ours, beside), (there, beside_there) = (
        _beside(part, router, yardstick) for part in (home, away)
    )
    falls, known = ours[0] - there, beside[0] - beside_there
    each = np.abs(falls - known[:, None]).mean(axis=0)
    return said(over_seeds("apart", each, iqm, RESAMPLES), "apart")


def distance_and_loss(rows: pl.DataFrame, router: str, axes: str = "") -> str:
    """Spearman's rank correlation, over the shifted populations that nobody trained on and that
    have a distance (of some axes, joined by commas), of nats with the loss of score; the
    interquartile mean over policies."""
    away = shifted(held_out(rows)).drop_nulls("distance_nats")
    if axes:
        away = away.filter(pl.col("axis").is_in(axes.split(",")))
    table = Table.some(away, router)
    nats = dict(away.select("target", "distance_nats").iter_rows())
    far = _ranks(np.array([nats[target] for target in table.targets]))
    each = [float(np.corrcoef(far, _ranks(-run))[0, 1]) for run in table.figures.T]
    return said(over_seeds("likeness", each, iqm, RESAMPLES), "likeness")


def gap(rows: pl.DataFrame, router: str, axis: str, severity: str, part: str) -> str:
    """The gap of a router under a shift ("total"), or one of its parts, in engagement."""
    (found,) = (
        gap
        for gap in gaps(rows.filter(pl.col("axis") == axis))
        if (gap["router"], gap["severity"]) == (router, float(severity))
    )
    return said(found, part)


def control(rows: pl.DataFrame, router: str, axis: str, severity: str) -> str:
    """Score of a router's controls, policies that were trained under the shift itself."""
    (row,) = aggregated(_controls(rows, router, axis, severity))
    return said(row, "score")


def controls_regret(rows: pl.DataFrame, router: str, axis: str, severity: str) -> str:
    """Their regrets, in order."""
    each = _controls(rows, router, axis, severity)["regret"].sort()
    return ", ".join(said({"x": x}, "x") for x in each)


def least_and_most(rows: pl.DataFrame, router: str, axis: str, severity: str) -> str:
    """The lowest and the highest score among the policies of a router under a shift."""
    scores = _own(rows, router, axis, severity)["score"]
    ends = (said({"x": x}, "x") for x in (scores.min(), scores.max()))
    return " to ".join(ends)


def mean(rows: pl.DataFrame, metric: str, router: str, axis: str, severity: str) -> str:
    """Mean of a metric per session, such as swaps, of a router under a shift."""
    return said({"x": _own(rows, router, axis, severity)[metric].mean()}, "x")


def most(rows: pl.DataFrame, metric: str, router: str, axis: str = "") -> str:
    """The greatest of these means among the policies of a router and all populations, or those of
    one axis."""
    own = rows.filter(pl.col("router") == router, pl.col("trained_on").ne_missing(pl.lit("target")))
    return said({"x": (own.filter(pl.col("axis") == axis) if axis else own)[metric].max()}, "x")


def memorised(rows: pl.DataFrame, router: str, users: str) -> str:
    """Score on the users of training less that on new ones, of policies trained on so many."""
    return said(_trained_on(rows, router, users), "gap")


def on_new_users(rows: pl.DataFrame, router: str, users: str) -> str:
    """Score on new users of policies trained on so many."""
    return said(_trained_on(rows, router, users), "new")


CLAIMS = {
    function.__name__: function
    for function in (
        *(
            score,
            regret,
            beats,
            worst_tenth,
            mean_regret,
            more_regret,
            extra_regret,
            greatest_regret,
        ),
        *(likeness, apart, distance_and_loss, gap, control, controls_regret),
        *(least_and_most, mean, most, memorised, on_new_users),
    )
}
"""The figures by name."""


def _without(rows: pl.DataFrame, axes: str) -> pl.DataFrame:
    return rows.filter(~pl.col("axis").is_in(axes.split(",")))


def _beside(
    rows: pl.DataFrame, router: str, yardstick: str, figure: str = "score"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A figure of a router's policies, shape (populations, policies), and that of a frozen router
    with the same, shape (populations,); policies come in one order."""
    theirs = Table.some(rows, yardstick, "source", figure)
    met = rows.filter(pl.col("target").is_in(list(theirs.targets)))
    ours = Table.some(met, router, "source", figure)
    known = dict(zip(theirs.targets, theirs.figures[:, 0], strict=True))
    order = sorted(range(len(ours.runs)), key=lambda i: str(ours.runs[i]))
    return ours.figures[:, order], np.array([known[target] for target in ours.targets])


def _own(rows: pl.DataFrame, router: str, axis: str, severity: str) -> pl.DataFrame:
    met = _met(rows, router, axis, severity)
    return met.filter(pl.col("trained_on").ne_missing(pl.lit("target")))


def _controls(rows: pl.DataFrame, router: str, axis: str, severity: str) -> pl.DataFrame:
    return _met(rows, router, axis, severity).filter(pl.col("trained_on") == "target")


def _met(rows: pl.DataFrame, router: str, axis: str, severity: str) -> pl.DataFrame:
    return rows.filter(
        pl.col("router") == router, pl.col("axis") == axis, pl.col("severity") == float(severity)
    )


def _one(rows: pl.DataFrame, router: str, axis: str, severity: str) -> dict[str, Any]:
    (row,) = aggregated(_own(rows, router, axis, severity))
    return row


def _trained_on(rows: pl.DataFrame, router: str, users: str) -> dict[str, Any]:
    own = rows.filter(pl.col("axis") == USERS.name)
    (row,) = (
        row for row in curve(own) if (row["router"], row["users_trained"]) == (router, int(users))
    )
    return row


def _ranks(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks, equal numbers sharing the mean of theirs."""
    _, which, count = np.unique(numbers, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return np.asarray((last - (count - 1) / 2.0)[which])
