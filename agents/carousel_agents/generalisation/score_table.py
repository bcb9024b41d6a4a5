"""A figure of one router, such as its score, as a complete table: populations by policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown

from .users_seen import AXIS as USERS

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shifted(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of severity above 0, without those of axis "users": these ask how many users
    training needs, on new users of the same kind."""
    return rows.filter((pl.col("severity") > 0) & pl.col("axis").ne_missing(pl.lit(USERS.name)))


def held_out(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of populations that nobody in the rows trained on, unless as a control."""
    return rows.filter(~pl.col("target").is_in(_levels(rows)))


def between_levels(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of `held_out` at severities below a level of their axis; that of training is 0, so
    these lie between populations that somebody trained on."""
    known = rows.filter(pl.col("target").is_in(_levels(rows)))
    furthest = known.group_by("axis").agg(furthest=pl.col("severity").max())
    away = held_out(rows).join(furthest, on="axis", how="left", maintain_order="left")
    between = away.filter(pl.col("severity") > 0, pl.col("severity") < pl.col("furthest"))
    return between.drop("furthest")


def beyond_levels(rows: pl.DataFrame) -> pl.DataFrame:
    """The other shifted rows of `held_out`: axes without a level, and severities beyond every
    level; what lies between levels on another axis is not among them."""
    between = between_levels(rows)["target"].unique().to_list()
    return held_out(rows).filter(~pl.col("target").is_in(between), pl.col("severity") > 0)


def on_levels(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of the other populations; those who trained on them count as trained on the source
    there, like all with whom they are compared."""
    return rows.filter(pl.col("target").is_in(_levels(rows))).with_columns(
        pl.col("trained_on").replace("level", "source")
    )


def _levels(rows: pl.DataFrame) -> list[str]:
    return rows.filter(pl.col("trained_on") == "level")["target"].unique().to_list()


@dataclass(frozen=True)
class Table:
    """A figure of a router's policies on the populations that all of them met.

    Attributes:
        figures: float64, shape (populations, policies).
        runs: each policy's training seed, or its name if no seed is known.
        targets: fingerprint of each population.
        conditions: axis and severity of each population; the first, if it stands under several.
        partly: how many populations only some of the policies met; they are left out.
    """

    figures: NDArray[np.float64]
    runs: tuple[int | str, ...]
    targets: tuple[str, ...]
    conditions: tuple[tuple[str, float], ...]
    partly: int

    @classmethod
    def of(
        cls,
        rows: pl.DataFrame,
        router: str,
        trained_on: str | None = "source",
        figure: str = "score",
    ) -> Table:
        """The table of one router; without populations if its policies have none in common.

        Populations where the figure is null are absent: of the score, those where listening is
        worth nothing.

        Args:
            rows: with the columns of `schema.SCHEMA`.
            router, trained_on: as in the rows.
            figure: a column of numbers.
        """
        own = rows.filter(
            (pl.col("router") == router) & pl.col("trained_on").eq_missing(pl.lit(trained_on))
        ).drop_nulls(figure)
        columns = ("target", "axis", "severity", "training_seed", "policy", figure)
        cells: dict[str, dict[int | str, float]] = {}
        where: dict[str, tuple[str, float]] = {}
        for target, axis, severity, seed, policy, number in own.select(columns).iter_rows():
            where.setdefault(target, (axis, severity))
            # the path of a policy may be written in several ways, its seed in one
            cells.setdefault(target, {}).setdefault(policy if seed is None else seed, number)
        runs = tuple(dict.fromkeys(run for scores in cells.values() for run in scores))
        whole = tuple(target for target, scores in cells.items() if len(scores) == len(runs))
        table = [[cells[target][run] for run in runs] for target in whole]
        return cls(
            np.array(table, dtype=np.float64).reshape(len(whole), len(runs)),
            runs,
            whole,
            tuple(where[target] for target in whole),
            len(cells) - len(whole),
        )

    @classmethod
    def some(
        cls,
        rows: pl.DataFrame,
        router: str,
        trained_on: str | None = "source",
        figure: str = "score",
    ) -> Table:
        """The same, with at least one population.

        Raises:
            CarouselError: the rows have no such figure of such a router, or its policies have no
                population in common.
        """
        table = cls.of(rows, router, trained_on, figure)
        if not table.runs:
            where = "trained nowhere" if trained_on is None else f"trained on the {trained_on}"
            raise CarouselError(f"no row tells a {figure} of router {shown(router)}, {where}")
        if not table.targets:
            raise CarouselError(
                f"the {len(table.runs)} policies of router {shown(router)} met no population in "
                "common"
            )
        return table

    def means(self) -> dict[int | str, float]:
        """Each policy's mean over the populations; empty if there are none."""
        if not self.targets:
            return {}
        return dict(zip(self.runs, self.figures.mean(axis=0).tolist(), strict=True))
