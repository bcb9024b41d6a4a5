"""Deep Q-learning (Mnih et al. 2015, Nature 518), for many native lanes.

Tuned on the training users of Carousel/Boredom-v0, never on shifted ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from carousel_envs.foundation.validation import Unit  # noqa: TC001 (pydantic reads it)

from .families import ALL_SPACE, NORM, Count, OffPolicySettings, Rate
from .record import ALGORITHMS, Algorithm, Budget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..implementation import Implementation


class DQNSettings(OffPolicySettings):
    """Deep Q-learning."""

    target_update_interval: Count = Field(description="steps between copies to the target network")
    exploration_initial_eps: Unit = Field(description="share of random picks at the start, 0 to 1")
    exploration_final_eps: Unit = Field(description="share of random picks in the end, 0 to 1")
    exploration_fraction: Unit = Field(description="share of training over which it falls, 0 to 1")
    n_steps: Count = Field(description="turns of reward before the target network is asked")
    max_grad_norm: Rate = Field(description=NORM)


PRESET = DQNSettings(
    steps=1_000_000,  # the score swings rather than rises after that
    lanes=256,  # one update for every 256 turns keeps the network, not play, busy
    buffer_size=200_000,  # 5 000 sessions; older ones are of policies that are long gone
    learning_starts=20_000,  # 500 sessions at random: enough to see swaps pay
    batch_size=512,  # twice as many turns as are played between updates
    train_freq=1,  # one turn in every lane between updates
    gradient_steps=2,  # four take twice as long
    target_update_interval=10_000,  # the library's own
    exploration_initial_eps=1.0,  # the library's own
    exploration_final_eps=0.02,  # every random pick costs a swap
    exploration_fraction=0.3,  # of training; the library's 0.1 leaves fewer swaps to learn from
    n_steps=3,  # a swap pays over several turns; with 1 step less was learnt (one seed each)
    learning_rate=2e-3,  # large, because batches are
    learning_rate_final=0.0,  # falls linearly: the last policy is the one that is kept
    gamma=0.9,  # with 1 the gain of a swap drowns in the noise of 40 turns
    max_grad_norm=10.0,  # the library's own
    network=(64, 64),  # the library's own
    activation="relu",  # the library's own for value networks
    time_limit="end",  # the session's length is part of the task and visible
    torch_threads=1,  # two are slower at these sizes
)

BUDGET = Budget(
    full=0,  # one update follows one turn of every lane: there are many at any length
    needs=300_000,  # three seeds of three score .80 to .84; with 100 000, .18 to .50
)

SPACE: Mapping[str, Any] = {
    **ALL_SPACE,
    "batch_size": (256, 512, 1024, 2048),
    "gradient_steps": (1, 2, 4),
    "target_update_interval": (1000, 3000, 10_000, 30_000),
    "exploration_final_eps": (0.005, 0.1, "log"),
    "exploration_fraction": (0.1, 0.8, "linear"),
    "n_steps": (1, 3, 5),
}


def _load() -> Implementation:
    from stable_baselines3 import DQN

    from ..implementation import Implementation

    return Implementation(DQN)


ALGORITHMS.register(Algorithm("dqn", PRESET, _load, BUDGET, SPACE))
