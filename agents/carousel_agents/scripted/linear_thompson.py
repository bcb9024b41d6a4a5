"""`linear-thompson`: a contextual bandit that samples what it believes (arXiv 1209.3352)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..router import RouterSpec, register
from .linear_bandit import fitted, read_sessions

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation

    from .linear_bandit import LinearBanditPolicy

V = 0.5
"""Width of the posterior: the largest standard deviation that engagement, 0 or 1, can have."""


def build(population: AnyPopulation, sessions: str | int | None = None) -> LinearBanditPolicy:
    """Thompson sampling after learning from some sessions (default 4000) with these users.

    Raises:
        CarouselError: sessions is no whole number from 1 to 1 000 000.
    """
    return fitted(population, read_sessions("linear-thompson", sessions), V, samples=True)


ROUTER = register(
    RouterSpec(
        "linear-thompson",
        "a linear contextual bandit on the observation: Thompson sampling, learned likewise",
        build,
        takes="sessions to learn from",
    )
)
