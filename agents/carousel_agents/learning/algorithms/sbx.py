"""PPO and DQN as SBX computes them, with JAX in place of torch; an optional extra.

Presets and search ranges are those of `ppo` and `dqn`, so that the two can be compared; they were
not tuned again here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from . import dqn, ppo
from .families import Width  # noqa: TC001 (pydantic reads it)
from .record import ALGORITHMS, Algorithm, Budget, Extra

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..implementation import Implementation
    from .families import Settings

_EXTRA = Extra("sbx", package="sbx-rl", module="sbx")
_PACKAGES = ("sbx-rl", "jax", "jaxlib", "flax", "optax")


class SbxDQNSettings(dqn.DQNSettings):
    """Deep Q-learning in SBX."""

    network: tuple[Width, ...] = Field(
        description="width of the first hidden layer and of the second, equal, each 1 to 4096"
    )

    @field_validator("network")
    @classmethod
    def _two_of_one_width(cls, network: tuple[int, ...]) -> tuple[int, ...]:
        if len(network) != 2 or network[0] != network[1]:
            raise ValueError("must be two layers of one width, the only network that SBX makes")
        return network


def _register(
    name: str,
    preset: Settings,
    load: Callable[[], Implementation],
    budget: Budget,
    space: Mapping[str, Any],
) -> None:
    ALGORITHMS.register(
        Algorithm(name, preset, load, budget, space, packages=_PACKAGES, extra=_EXTRA)
    )


def _load_ppo() -> Implementation:
    from ..sbx_models import PPO_IMPLEMENTATION

    return PPO_IMPLEMENTATION


def _load_dqn() -> Implementation:
    from ..sbx_models import DQN_IMPLEMENTATION

    return DQN_IMPLEMENTATION


# SBX cuts the gradients of actor and critic apart, where ppo cuts them together
_register("sbx-ppo", ppo.PRESET, _load_ppo, ppo.BUDGET, ppo.SPACE)
# SBX alone does not cut the gradients of DQN, and copies to the target network every 1 000 steps
_register(
    "sbx-dqn",
    SbxDQNSettings(**dict(dqn.PRESET)),
    _load_dqn,
    dqn.BUDGET,
    {**dqn.SPACE, "network": ("32,32", "64,64", "128,128")},
)
