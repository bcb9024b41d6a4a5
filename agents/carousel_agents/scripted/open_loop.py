"""`open-loop`: the best schedule that never listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs.reference import solve

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

DESCRIPTION = "the best schedule of personas that ignores what the user shows"
TAKES = ""


def build(population: AnyPopulation) -> Policy:
    """The schedule behind the reference's `blind` value."""
    return solve(population).blind_policy
