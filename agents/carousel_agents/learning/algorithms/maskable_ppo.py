"""PPO that cannot pick personas that are unavailable (arXiv 2006.14171).

All else is as in `ppo`, so that the mask is all that differs between the two.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from . import ppo
from .record import ALGORITHMS, Algorithm

if TYPE_CHECKING:
    from ..implementation import Implementation
    from ..torch_parts import Acting


def masked_actor(policy: Any) -> Acting:
    """The acting modules of a `MaskableActorCriticPolicy`."""
    from ..torch_parts import actor

    return actor(policy, masked=True)


def _load() -> Implementation:
    from sb3_contrib import MaskablePPO

    from ..implementation import Implementation
    from ..rollout_buffer import ShuffledMaskedRollout
    from ..torch_parts import torch_parts

    return Implementation(
        MaskablePPO, rollout=ShuffledMaskedRollout, parts=partial(torch_parts, masked_actor)
    )


# where every persona is available, its policies are those of ppo, and so is its budget
ALGORITHMS.register(Algorithm("maskable-ppo", ppo.PRESET, _load, ppo.BUDGET, ppo.SPACE))
