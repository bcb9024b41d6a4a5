"""`lin-ucb`: a contextual bandit, optimistic about what it knows little of (arXiv 1003.0146)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..router import RouterSpec, register
from .linear_bandit import fitted, read_sessions

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation

    from .linear_bandit import LinearBanditPolicy

ALPHA = 1.0
"""How many deviations are added: the source leaves it to be chosen, 1 is its least."""


def build(population: AnyPopulation, sessions: str | int | None = None) -> LinearBanditPolicy:
    """LinUCB after learning from some sessions (default 4000) with these users.

    Raises:
        CarouselError: sessions is no whole number from 1 to 1 000 000.
    """
    return fitted(population, read_sessions("lin-ucb", sessions), ALPHA, samples=False)


ROUTER = register(
    RouterSpec(
        "lin-ucb",
        "a linear contextual bandit on the observation: LinUCB, learned on training sessions",
        build,
        takes="sessions to learn from",
    )
)
