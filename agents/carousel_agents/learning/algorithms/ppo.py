"""Proximal policy optimisation (arXiv 1707.06347), for many native lanes.

Tuned on the training users of Carousel/Boredom-v0 and Carousel/Taste-v0, never on shifted ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from .families import ENTROPY_SPACE, Count, EntropySettings, Rate, Several
from .record import ALGORITHMS, Algorithm, Budget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..implementation import Implementation


class PPOSettings(EntropySettings):
    """Proximal policy optimisation, masked or not."""

    batch_size: Several = Field(description="turns per gradient step, from 2")
    n_epochs: Count = Field(description="passes over each rollout, from 1")
    clip_range: Rate = Field(description="how far a probability ratio may move, above 0")


PRESET = PPOSettings(
    steps=2_000_000,  # half a minute; with 300 000 the policy never swaps on Boredom
    lanes=256,  # twice as many halve the number of updates, and lowered the score
    n_steps=40,  # one session of the default length
    batch_size=1024,  # ten gradient steps per pass; with five, none of three seeds learnt Recall
    n_epochs=4,  # more passes cost time and did not raise the score
    learning_rate=5e-3,  # large, because batches are
    learning_rate_final=0.0,  # falls linearly: the last policy is the one that is kept
    gamma=1.0,  # engagement is summed over a session, not discounted
    gae_lambda=0.98,  # near 1: the value of an observation is not that of a hidden state
    ent_coef=0.05,  # without it some seeds stop swapping for good in the first rollouts
    ent_coef_until=0.4,  # it falls linearly to 0 at this share of training, then choices sharpen
    vf_coef=0.5,  # the library's own
    clip_range=0.2,  # the library's own
    max_grad_norm=0.5,  # the library's own
    network=(32, 32),  # as good as (64, 64), and faster
    activation="tanh",  # the library's own for actor-critics
    time_limit="end",  # the session's length is part of the task and visible
    torch_threads=1,  # two are slower at these sizes
)

BUDGET = Budget(
    full=1_000_000,  # with 600 000, five seeds score .90 to .92 with 154 lanes, .62 to .92 with 256
    needs=100_000,  # ten seeds of ten score .63 to .91 with 32 lanes; none of three swaps with 256
)

SPACE: Mapping[str, Any] = {
    **ENTROPY_SPACE,
    "n_steps": (20, 40, 80),
    "batch_size": (512, 1024, 2048, 4096),
    "n_epochs": (2, 4, 8),
    "clip_range": (0.1, 0.2, 0.3),
}


def _load() -> Implementation:
    from stable_baselines3 import PPO

    from ..implementation import Implementation
    from ..rollout_buffer import ShuffledRollout

    return Implementation(PPO, rollout=ShuffledRollout)


ALGORITHMS.register(Algorithm("ppo", PRESET, _load, BUDGET, SPACE))
