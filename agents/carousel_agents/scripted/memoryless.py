"""`memoryless`: the best router found that decides from the current observation alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs.reference.known_user.memoryless import best_memoryless

from ..router import RouterSpec, register

if TYPE_CHECKING:
    from carousel_envs import Population
    from carousel_envs.reference.known_user.memoryless import MemorylessPolicy


def build(population: Population) -> MemorylessPolicy:
    """The best memoryless router found.

    Raises:
        CarouselError: several kinds of user, or personas that differ (see `best_memoryless`).
    """
    return best_memoryless(population)[1]


ROUTER = register(
    RouterSpec(
        "memoryless",
        "the best table found from the current observation to a swap, without any memory",
        build,
        needs_users=True,
    )
)
