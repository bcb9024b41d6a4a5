"""PPO with a long short-term memory that cannot pick personas that are unavailable.

All else is as in `recurrent-ppo`, so that the mask is all that differs between the two.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from . import recurrent_ppo
from .record import ALGORITHMS, Algorithm

if TYPE_CHECKING:
    from ..implementation import Implementation
    from ..torch_parts import Acting


def masked_recurrent_actor(policy: Any) -> Acting:
    """The acting modules of a `MaskableRecurrentActorCriticPolicy`."""
    from ..torch_parts import actor

    return actor(policy, lstm=policy.lstm_actor, masked=True)


def _load() -> Implementation:
    from ..implementation import Implementation
    from ..maskable_recurrent import MaskableRecurrentPPO
    from ..sequences import MaskableSessionPPO
    from ..torch_parts import torch_parts

    return Implementation(
        MaskableRecurrentPPO,
        "MlpLstmPolicy",
        trained=MaskableSessionPPO,
        parts=partial(torch_parts, masked_recurrent_actor),
    )


# where every persona is available, its policies are those of recurrent-ppo, and so is its budget
ALGORITHMS.register(
    Algorithm(
        "maskable-recurrent-ppo",
        recurrent_ppo.PRESET,
        _load,
        recurrent_ppo.BUDGET,
        recurrent_ppo.SPACE,
        remembers=True,
    )
)
