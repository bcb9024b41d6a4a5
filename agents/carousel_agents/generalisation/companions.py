"""The scripted routers that every report of a learned router's score is shown with.

A score alone says little: a constant may beat the router, or a hand-written loop match it. The
companions meet the same users with the same random numbers.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError

from ..router import describe_as, make
from .evaluate import evaluate

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation

BASELINES = ("fixed", "uniform", "open-loop", "tally", "memoryless", "loop", "optimal")
"""Scripted routers that a study compares with; not every one makes sense for every population."""

BESIDE = tuple(name for name in BASELINES if name != "memoryless")
"""Those shown with every learned router: the best constant, uniform choice, the best schedule, a
rule that counts signs, the hand-written loop, the optimum."""

FROZEN_BESIDE = ("frozen-open-loop", "frozen-tally", "frozen-loop", "frozen-optimal")
"""Those shown as well under shift: solved for the training users, and used as they are."""


def beside(
    population: AnyPopulation, users: int, seed: int, training: AnyPopulation | None = None
) -> list[dict[str, Any]]:
    """Evaluate the companions, each solved for these users; and if they are not those of training,
    the frozen ones too. A process keeps what it has found.

    Args:
        population: the users, or questions.
        users, seed: as in `evaluate`, and the same as for the router that they are shown with.
        training: the users that frozen ones are solved for; default: the population.

    Returns:
        A row for each of `BESIDE`, and of `FROZEN_BESIDE` where `training` differs: router,
        description, reason (None, or why the router makes no sense here and so has no figures),
        engagement, engagement_se (per session), score, score_low, score_high (95 % interval over
        sessions), regret. Missing figures are None.

    Raises:
        CarouselError: users or seed is not allowed.
    """
    return [dict(row) for row in _beside(population, users, seed, training or population)]


_FIGURES = ("engagement", "engagement_se", "score", "score_low", "score_high", "regret")


@lru_cache(maxsize=64)
def _beside(
    population: AnyPopulation, users: int, seed: int, training: AnyPopulation
) -> tuple[dict[str, Any], ...]:
    rows = []
    for name in BESIDE if training == population else (*BESIDE, *FROZEN_BESIDE):
        figures: dict[str, Any] = dict.fromkeys(_FIGURES)
        reason = None
        try:
            router = make(name, population, training)
        except CarouselError as error:
            reason = str(error)
        else:
            found = evaluate(router, population, users=users, seed=seed).row()
            figures = {key: found[key] for key in _FIGURES}
        about = {"router": name, "description": describe_as(name), "reason": reason}
        rows.append({**about, **figures})
    return tuple(rows)
