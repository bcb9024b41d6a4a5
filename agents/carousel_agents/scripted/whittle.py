"""`whittle`: the persona with the largest expected Whittle index (`recovery.rebounding_index`).

The index of a persona is what its next turn is worth against resting it, looked at alone: the
standard heuristic for restless bandits (Whittle 1988). It leaves aside that moods change, so it is
meant for users who satiate, and at home nowhere else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from carousel_envs.reference.acting.filtering import Filter
from carousel_envs.reference.model import Model
from carousel_envs.reference.reference import MAX_PLANNING_KINDS
from carousel_envs.reference.satiation.whittle import WhittlePolicy

from ..router import RouterSpec, register

if TYPE_CHECKING:
    from carousel_envs import Population


@lru_cache(maxsize=32)
def build(population: Population) -> WhittlePolicy:
    """The index policy for at most `MAX_PLANNING_KINDS` kinds of user, each the mean of those that
    are merged in it."""
    model = Model.of(population).merged(MAX_PLANNING_KINDS)
    return WhittlePolicy.of(Filter(population, model))


ROUTER = register(
    RouterSpec(
        "whittle",
        "the persona with the largest expected Whittle index: rotation and rest",
        build,
        needs_users=True,
    )
)
