"""From rows to what the page shows: which rows a figure is of, and the figures over them.

The arithmetic is that of `generalisation.summary` and `generalisation.improvement`.
"""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import polars as pl

from carousel_envs import CarouselError

from ..generalisation.improvement import YARDSTICKS, improvement
from ..generalisation.players import MASKED
from ..generalisation.score_table import Table, shifted
from ..generalisation.summary import aggregated, over_populations, profile
from ..generalisation.users_seen import AXIS as USERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

RESAMPLES = 2000
"""Bootstrap resamples per interval: its ends are then good to about a tenth of its width."""

records = partial(aggregated, resamples=RESAMPLES)
"""`summary.aggregated` with fewer resamples, because a page has many intervals."""

TRAINING = "training"


def training_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The unshifted rows, each run once, under the axis "training". They are the same on every
    axis, but the runs of a router may have been played on different axes."""
    plain = pl.col("axis").ne_missing(pl.lit(USERS.name)) & (pl.col("severity") == 0)
    alike = {name: pl.lit(TRAINING) for name in ("axis", "kind", "regime")}
    return (
        _at_home(rows)
        .filter(plain)
        .with_columns(**alike)
        .unique(
            ["router", "role", "trained_on", "training_seed"], keep="first", maintain_order=True
        )
    )


def shifted_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows under shift, without controls trained on the target."""
    return _at_home(shifted(rows))


def unmasked(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without policies that were kept from picking who is missing: they play only where
    somebody may be missing, and a mean over shifts would be over these alone."""
    return rows.filter(~pl.col("router").str.ends_with(MASKED))


def _at_home(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.col("trained_on").ne_missing(pl.lit("target")))


def users_rows(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of axis "users"; `overlap` is 0 in those of new users."""
    return rows.filter((pl.col("axis") == USERS.name) & pl.col("overlap").is_not_null())


def starts(rows: pl.DataFrame) -> pl.DataFrame:
    """The unshifted rows of an axis, of the runs that played its shifts: where its curves start."""
    met = shifted_rows(rows).select("axis", "router").unique()
    unshifted = _at_home(rows).filter(pl.col("severity") == 0)
    return unshifted.join(met, on=["axis", "router"], how="semi", maintain_order="left")


def regimes(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """`over_populations` for training and for each regime of shift that was played, "level" being
    what a router was trained on beside the training users."""
    parts = [(TRAINING, training_rows(rows))]
    under_shift = shifted_rows(rows)
    names = ("level", "interpolation", "combinatorial", "extrapolation")
    parts += [(name, under_shift.filter(pl.col("regime") == name)) for name in names]
    return [
        {**record, "regime": name}
        for name, part in parts
        for record in over_populations(part, resamples=RESAMPLES)
    ]


def seed_points(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Each learned run's score in training beside its mean at severity 1 and over all shifts, each
    over the populations that all runs of its router met; None without any."""
    learned = rows.filter(pl.col("role") == "learned")
    under_shift = shifted_rows(learned)
    hardest = under_shift.filter(pl.col("severity") == 1.0)
    found = []
    for router, own in _by(training_rows(learned), "router"):
        ends = Table.of(hardest, router).means()
        every = Table.of(under_shift, router).means()
        found += [
            {
                "router": router,
                "training_seed": run if isinstance(run, int) else None,
                "training": start,
                "hardest": ends.get(run),
                "shifted": every.get(run),
            }
            for run, start in Table.of(own, router).means().items()
        ]
    return found


def profiles(rows: pl.DataFrame, thresholds: Sequence[float]) -> dict[str, list[float]]:
    """By router: the share of runs and shifted populations, those trained on apart, whose score
    exceeds each threshold."""
    under_shift = shifted_rows(rows).filter(pl.col("trained_on").ne_missing(pl.lit("level")))
    return {
        router: profile(under_shift, router, thresholds, trained_on).tolist()
        for router, trained_on in under_shift.select("router", "trained_on")
        .unique(maintain_order=True)
        .iter_rows()
        if Table.of(under_shift, router, trained_on).targets
    }


def improvements(
    rows: pl.DataFrame, yardsticks: Sequence[str] = YARDSTICKS
) -> list[dict[str, Any]]:
    """`improvement.improvement` of every learned router on each yardstick: over all shifts, and by
    axis.

    Returns:
        router, over (the yardstick), axis ("all" first), populations, seeds, improvement with
        `_low` and `_high`. What has no population in common is left out.
    """
    under_shift = shifted_rows(rows)
    found = []
    for router, _ in _by(under_shift.filter(pl.col("role") == "learned"), "router"):
        parts = [("all", under_shift), *_by(under_shift, "axis")]
        for over, (axis, part) in itertools.product(yardsticks, parts):
            try:
                record = improvement(part, router, over, resamples=RESAMPLES)
            except CarouselError:
                # they did not meet there
                continue
            found.append({"router": router, "over": over, "axis": axis, **record})
    return found


def _by(rows: pl.DataFrame, column: str) -> Iterator[tuple[str, pl.DataFrame]]:
    for (name,), part in rows.group_by([column], maintain_order=True):
        yield str(name), part
