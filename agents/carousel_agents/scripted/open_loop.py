"""`open-loop`: the best schedule that never listens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carousel_envs.reference import solve

from ..router import RouterSpec, register

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy


def build(population: AnyPopulation) -> Policy:
    """The schedule behind the reference's `blind` value."""
    return solve(population).blind_policy


ROUTER = register(
    RouterSpec("open-loop", "the best schedule of personas that ignores what the user shows", build)
)
