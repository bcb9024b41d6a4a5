"""`optimal`: what the solver found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs.reference import solve
from carousel_envs.reference.unsolved import refuse_unknown

from ..router import RouterSpec, register

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy


def build(population: AnyPopulation) -> Policy:
    """The policy behind the reference's `value`.

    Raises:
        CarouselError: the environment has no solver.
    """
    return refuse_unknown(solve(population).policy)


ROUTER = register(
    RouterSpec(
        "optimal",
        "the solver's policy: the optimum, or the best lower bound where only bounds are known",
        build,
    )
)
