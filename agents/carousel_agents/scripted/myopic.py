"""`myopic`: the best coming turn, by the exact belief."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs.reference import solve

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

DESCRIPTION = "the persona with the best expected reward for the coming turn, at the exact belief"
TAKES = ""


def build(population: AnyPopulation) -> Policy:
    """The myopic router."""
    return solve(population).myopic_policy
