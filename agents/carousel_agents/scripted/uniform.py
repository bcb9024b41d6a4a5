"""`uniform`: the open-loop blend (arXiv 2401.02994 picks one of three chat models in this way)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs import Columns
from carousel_envs.reference.policies import UniformPolicy

if TYPE_CHECKING:
    from carousel_envs import Population

DESCRIPTION = "an available persona uniformly at random, every turn"
TAKES = ""


def build(population: Population) -> UniformPolicy:
    """The uniform router."""
    return UniformPolicy(Columns.of(population))
