"""What stands beside a learned router wherever its score is told.

A score alone says little: a router may be beaten by a constant, or match a hand-written loop. The
companions meet the same users with the same luck.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError

from ..router import describe_as, make
from .evaluate import evaluate

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation

BASELINES = ("fixed", "uniform", "open-loop", "memoryless", "loop", "optimal")
"""Scripted routers that a study compares with; not each makes sense for every population."""

BESIDE = tuple(name for name in BASELINES if name != "memoryless")
"""Those beside every learned router: the best constant, uniform choice, the best schedule, the
hand-written loop, the optimum."""


def beside(population: AnyPopulation, users: int, seed: int) -> list[dict[str, Any]]:
    """How the companions do, each solved for these users; solved and played once in a process.

    Args:
        population: who is met.
        users, seed: as in `evaluate`, and the same as for the router that they stand beside.

    Returns:
        A row for each of `BESIDE`: router, description, reason (why there are no figures: it makes
        no sense here; else None), engagement, engagement_se (per session), score, score_low,
        score_high (95 % interval over sessions). Where there is no figure it is None.

    Raises:
        CarouselError: users or seed is not allowed.
    """
    return [dict(row) for row in _beside(population, users, seed)]


_FIGURES = ("engagement", "engagement_se", "score", "score_low", "score_high")


@lru_cache(maxsize=64)
def _beside(population: AnyPopulation, users: int, seed: int) -> tuple[dict[str, Any], ...]:
    rows = []
    for name in BESIDE:
        figures: dict[str, Any] = dict.fromkeys(_FIGURES)
        reason = None
        try:
            router = make(name, population)
        except CarouselError as error:
            reason = str(error)
        else:
            found = evaluate(router, population, users=users, seed=seed).row()
            figures = {key: found[key] for key in _FIGURES}
        told = {"router": name, "description": describe_as(name), "reason": reason}
        rows.append({**told, **figures})
    return tuple(rows)
