"""`uniform`: the open-loop blend (arXiv 2401.02994 picks one of three chat models in this way)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs import Columns, Population
from carousel_envs.reference.acting.open_loop import UniformPolicy
from carousel_envs.reference.questions import AnybodyPolicy

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

DESCRIPTION = "an available persona uniformly at random, every turn"
TAKES = ""


def build(population: AnyPopulation) -> Policy:
    """The uniform router."""
    if not isinstance(population, Population):
        return AnybodyPolicy(population.n_actions)
    return UniformPolicy(Columns.of(population))
