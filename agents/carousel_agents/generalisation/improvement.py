"""How often one router beats another, and the figures of every router over all shifts.

Figures are of shifted populations that every policy of a router met; see `summary`.
"""

from __future__ import annotations

import contextlib
from typing import Any

import polars as pl

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown

from .score_table import Table, shifted
from .statistics import ENDS, RESAMPLES, over_seeds, probability_of_improvement
from .summary import over_populations

FROZEN_LOOP, FROZEN_OPTIMAL = YARDSTICKS = ("frozen-loop", "frozen-optimal")
"""The frozen routers that learned ones are compared with, run by run."""


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
    (`statistics.probability_of_improvement`). A policy that met none of the other router's
    populations does not count.

    Args:
        rows, router, trained_on: as in `summary.scores`; rows without shift do not count.
        over, over_trained_on: the other router.
        resamples: of the interval, 100 to 1 000 000.

    Returns:
        improvement; improvement_low, improvement_high: an interval over policies of the first, each
        with all its populations (None with a single policy); seeds (policies); populations.

    Raises:
        CarouselError: as `summary.scores`, or they have no population in common.
    """
    rows = shifted(rows)
    theirs = Table.some(rows, over, over_trained_on)
    met = rows.filter(pl.col("target").is_in(list(theirs.targets)))
    ours = Table.of(met, router, trained_on)
    if not ours.targets:
        Table.some(rows, router, trained_on)
        raise CarouselError(
            f"routers {shown(router)} and {shown(over)} met no population in common"
        )
    known = dict(zip(theirs.targets, theirs.figures, strict=True))
    others = [known[target] for target in ours.targets]
    # populations weigh alike and every policy met all of them: the mean over policies is the whole
    each = [probability_of_improvement(list(run[:, None]), others) for run in ours.figures.T]
    return {
        **over_seeds("improvement", each, lambda drawn: drawn.mean(axis=-1), resamples),
        "seeds": len(ours.runs),
        "populations": len(ours.targets),
    }


def by_router(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """`over_populations` of the shifted rows, for every router that met all of their populations.
    Those that it was trained on, as levels, are figures of their own.

    Returns:
        Plain data: the keys of `over_populations`, and improvement_over_frozen_loop and
        improvement_over_frozen_optimal with their intervals (None where the two met no population
        in common).
    """
    rows = shifted(rows)
    everywhere = rows["target"].n_unique()
    # levels and what is no level are two halves of what one router met
    half = pl.col("trained_on").replace("level", "source")
    counts = rows.group_by("router", half).agg(pl.col("target").n_unique())
    met = {(router, trained_on): count for router, trained_on, count in counts.iter_rows()}
    found = []
    for row in over_populations(rows):
        trained_on = "source" if row["trained_on"] == "level" else row["trained_on"]
        if met[row["router"], trained_on] < everywhere:
            continue
        for over in YARDSTICKS:
            beats: dict[str, Any] = {}
            if row["router"] != over:
                with contextlib.suppress(CarouselError):
                    beats = improvement(rows, row["router"], over, trained_on=row["trained_on"])
            for end in ENDS:
                name = f"improvement_over_{over.replace('-', '_')}{end}"
                row[name] = beats.get(f"improvement{end}")
        found.append(row)
    return found
