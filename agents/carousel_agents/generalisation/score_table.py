"""The scores of one router as a complete table: populations by policies."""

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


@dataclass(frozen=True)
class Table:
    """Scores of a router's policies on the populations that all of them met.

    Attributes:
        scores: float64, shape (populations, policies).
        runs: each policy's training seed, or its name if no seed is known.
        targets: fingerprint of each population.
        conditions: axis and severity of each population; the first, if it stands under several.
        partly: how many populations only some of the policies met; they are left out.
    """

    scores: NDArray[np.float64]
    runs: tuple[int | str, ...]
    targets: tuple[str, ...]
    conditions: tuple[tuple[str, float], ...]
    partly: int

    @classmethod
    def of(cls, rows: pl.DataFrame, router: str, trained_on: str | None = "source") -> Table:
        """The table of one router; without populations if its policies have none in common.

        Populations where listening is worth nothing have no score and are absent.
        """
        own = rows.filter(
            (pl.col("router") == router) & pl.col("trained_on").eq_missing(pl.lit(trained_on))
        ).drop_nulls("score")
        columns = ("target", "axis", "severity", "training_seed", "policy", "score")
        cells: dict[str, dict[int | str, float]] = {}
        where: dict[str, tuple[str, float]] = {}
        for target, axis, severity, seed, policy, score in own.select(columns).iter_rows():
            where.setdefault(target, (axis, severity))
            # the path of a policy may be written in several ways, its seed in one
            cells.setdefault(target, {}).setdefault(policy if seed is None else seed, score)
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
    def some(cls, rows: pl.DataFrame, router: str, trained_on: str | None = "source") -> Table:
        """The same, with at least one population.

        Raises:
            CarouselError: the rows have no score of such a router, or its policies have no
                population in common.
        """
        table = cls.of(rows, router, trained_on)
        if not table.runs:
            where = "trained nowhere" if trained_on is None else f"trained on its {trained_on}"
            raise CarouselError(f"no row tells a score of router {shown(router)}, {where}")
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
        return dict(zip(self.runs, self.scores.mean(axis=0).tolist(), strict=True))
