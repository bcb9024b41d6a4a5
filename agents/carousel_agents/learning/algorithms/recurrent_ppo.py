"""PPO with a long short-term memory, for many native lanes.

Tuned on the training users of Carousel/Taste-v0 and Carousel/Boredom-v0, never on shifted ones.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field, model_validator

from . import ppo
from .families import Width  # noqa: TC001 (pydantic reads it)
from .record import ALGORITHMS, Algorithm, Budget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..implementation import Implementation
    from ..torch_parts import Acting


class RecurrentPPOSettings(ppo.PPOSettings):
    """PPO with a long short-term memory before the network."""

    policy_fields: ClassVar[tuple[str, ...]] = (
        *("lstm_hidden_size", "enable_critic_lstm", "shared_lstm"),
    )

    lstm_hidden_size: Width = Field(description="units of the memory, 1 to 4096")
    enable_critic_lstm: bool = Field(description="whether the critic has a memory of its own")
    shared_lstm: bool = Field(description="whether the critic reads the actor's memory")

    @model_validator(mode="after")
    def _one_memory_for_the_critic(self) -> Self:
        if self.shared_lstm and self.enable_critic_lstm:
            raise ValueError(
                "shared_lstm and enable_critic_lstm are both true; the critic reads the actor's "
                "memory or has its own"
            )
        return self


PRESET = RecurrentPPOSettings(
    steps=1_000_000,  # 0.98 on Taste over ten seeds (docs/results)
    lanes=256,  # as ppo
    n_steps=40,  # one session of the default length: most sequences are whole sessions
    # whole sequences, about 16 of them; with 64, two seeds of eight ended at 0.67 on Taste
    batch_size=640,
    n_epochs=4,  # as ppo
    learning_rate=5e-3,  # on Taste, one seed: 0.65 with 3e-3, 0.97 with this
    learning_rate_final=0.0,  # falls linearly: the last policy is the one that is kept
    gamma=1.0,  # engagement is summed over a session, not discounted
    gae_lambda=0.98,  # as ppo
    ent_coef=0.05,  # as ppo: keeps swapping alive in the first rollouts
    ent_coef_until=0.4,  # it falls linearly to 0 at this share of training, then choices sharpen
    vf_coef=0.5,  # the library's own
    clip_range=0.2,  # the library's own
    max_grad_norm=0.5,  # the library's own
    lstm_hidden_size=32,  # enough for who was liked and how long ago
    # a critic that reads the actor's memory, and cannot shape it, scored less
    enable_critic_lstm=True,
    shared_lstm=False,
    network=(),  # the memory feeds the choice directly; a layer between scored less
    activation="tanh",  # of layers, should there be any
    time_limit="end",  # the session's length is part of the task and visible
    torch_threads=1,  # two are slower at these sizes
)

BUDGET = Budget(
    full=ppo.BUDGET.full,
    needs=300_000,  # two seeds of two score .90 and .91
)

SPACE: Mapping[str, Any] = {
    **ppo.SPACE,
    "batch_size": (640, 1280, 2560, 5120),
    "lstm_hidden_size": (16, 32, 64),
}


def recurrent_actor(policy: Any) -> Acting:
    """The acting modules of a `RecurrentActorCriticPolicy`: the actor behind its memory."""
    from ..torch_parts import actor

    return actor(policy, lstm=policy.lstm_actor)


def _load() -> Implementation:
    from sb3_contrib import RecurrentPPO

    from ..implementation import Implementation
    from ..sequences import SessionPPO
    from ..torch_parts import torch_parts

    return Implementation(
        RecurrentPPO,
        "MlpLstmPolicy",
        trained=SessionPPO,
        parts=partial(torch_parts, recurrent_actor),
    )


ALGORITHMS.register(Algorithm("recurrent-ppo", PRESET, _load, BUDGET, SPACE, remembers=True))
