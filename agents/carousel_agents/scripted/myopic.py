"""`myopic`: the best coming turn, by the exact belief."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs.reference import solve
from carousel_envs.reference.unsolved import refuse_unknown

from ..router import RouterSpec, register

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy


def build(population: AnyPopulation) -> Policy:
    """The myopic router.

    Raises:
        CarouselError: the environment has no solver.
    """
    return refuse_unknown(solve(population).myopic_policy)


ROUTER = register(
    RouterSpec(
        "myopic",
        "the persona with the best expected reward for the coming turn, at the exact belief",
        build,
        aliases=("greedy",),
    )
)
