"""Advantage actor-critic (arXiv 1602.01783), for many native lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from .families import ENTROPY_SPACE, EntropySettings
from .record import ALGORITHMS, Algorithm, Budget

if TYPE_CHECKING:
    from ..implementation import Implementation


class A2CSettings(EntropySettings):
    """Advantage actor-critic."""

    normalize_advantage: bool = Field(description="whether advantages are brought to one scale")


PRESET = A2CSettings(
    steps=2_000_000,  # as ppo, at twice its frames per second
    lanes=128,  # one gradient step per rollout: 390 of them
    n_steps=40,  # one session; with half of one Taste was not learnt (one seed)
    learning_rate=1e-2,  # steps are few, so they have to be long
    learning_rate_final=0.0,  # falls linearly: the last policy is the one that is kept
    gamma=1.0,  # engagement is summed over a session, not discounted
    gae_lambda=0.98,  # near 1: the value of an observation is not that of a hidden state
    ent_coef=0.1,  # raised together with learning_rate: Boredom 0.59 to 0.94, one seed
    ent_coef_until=0.4,  # it falls linearly to 0 at this share of training, then choices sharpen
    vf_coef=0.5,  # the library's own
    normalize_advantage=True,  # makes the step size independent of how much engagement is at stake
    max_grad_norm=0.5,  # the library's own
    network=(32, 32),  # as ppo, so that algorithms are compared and not networks
    activation="tanh",  # the library's own for actor-critics
    time_limit="end",  # the session's length is part of the task and visible
    torch_threads=1,  # two are slower at these sizes
)

BUDGET = Budget(
    # with 300 000, two seeds score .37 and .55 with 38 lanes; with 128, one never swaps
    full=1_000_000,
    needs=300_000,  # two seeds of two swap
)


def _load() -> Implementation:
    from stable_baselines3 import A2C

    from ..implementation import Implementation
    from ..rollout_buffer import ShuffledRollout

    return Implementation(A2C, rollout=ShuffledRollout)


ALGORITHMS.register(
    Algorithm("a2c", PRESET, _load, BUDGET, {**ENTROPY_SPACE, "n_steps": (5, 10, 20, 40)})
)
