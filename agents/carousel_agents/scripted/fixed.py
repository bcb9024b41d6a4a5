"""`fixed`: one persona, always."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs.foundation.errors import named
from carousel_envs.reference import solve
from carousel_envs.reference.acting.unseeing import ConstantPolicy

from ..router import RouterSpec, register

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy


def build(population: AnyPopulation, persona: str | None = None) -> Policy:
    """The constant router; `persona` defaults to the best constant of the population.

    Raises:
        UsageError: the population has no persona of this name.
    """
    name = solve(population).best_persona if persona is None else persona
    return ConstantPolicy(population.personas.index(named("persona", name, population.personas)))


ROUTER = register(
    RouterSpec(
        "fixed",
        "one persona for the whole session, by default the best one",
        build,
        takes="the name of a persona",
    )
)
