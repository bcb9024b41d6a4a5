"""`uniform`: the open-loop blend (arXiv 2401.02994 picks one of three chat models in this way)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs import Columns
from carousel_envs.reference.acting.open_loop import UniformPolicy
from carousel_envs.reference.acting.unseeing import AnyActionPolicy
from carousel_envs.registry import users_of
from carousel_envs.spec import model_of

from ..router import RouterSpec, register

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy


def build(population: AnyPopulation) -> Policy:
    """The uniform router."""
    model = model_of(population)
    if model.has_users:
        # compiled
        return UniformPolicy(Columns.of(users_of(population, "")))
    return AnyActionPolicy(population.n_actions, model.available(population))


ROUTER = register(
    RouterSpec("uniform", "an available persona uniformly at random, every turn", build)
)
