"""Rollout buffers of recurrent policies that keep masks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from sb3_contrib.common.recurrent.buffers import RecurrentDictRolloutBuffer, RecurrentRolloutBuffer

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray
    from sb3_contrib import RecurrentPPO
    from stable_baselines3.common.buffers import RolloutBuffer

    from .policies import Masks

    Buffer = RecurrentRolloutBuffer
else:
    # what is mixed in stands before it among the bases
    Buffer = object


def _choices(action_space: spaces.Space[Any]) -> int:
    """The number of choices that a mask is about."""
    if isinstance(action_space, spaces.Discrete):
        return int(action_space.n)
    if isinstance(action_space, spaces.MultiDiscrete):
        return int(action_space.nvec.sum())
    assert isinstance(action_space, spaces.MultiBinary)
    assert isinstance(action_space.n, int)
    return 2 * action_space.n


class MaskKeeper(Buffer):
    """What masks add to a recurrent rollout buffer: put before its class among the bases.

    Attributes:
        action_masks: as they were when actions were picked, float32, shape (turns, lanes, choices);
            once minibatches are drawn, (lanes * turns, choices).
        coming: masks of the turn that is added next, shape (lanes, choices); None: no limits.
        batch_masks: masks of the minibatch that was drawn last, in the order of its turns.
    """

    action_masks: NDArray[np.float32]
    coming: NDArray[Any] | None
    batch_masks: Masks

    def reset(self) -> None:
        """Forget all turns."""
        self.choices = _choices(self.action_space)
        shape = (self.buffer_size, self.n_envs, self.choices)
        self.action_masks = np.ones(shape, dtype=np.float32)
        self.coming = self.batch_masks = None
        super().reset()

    def add(self, *arguments: Any, **named: Any) -> None:
        """Keep a turn, and the masks that were put into `coming`."""
        if self.coming is not None:
            self.action_masks[self.pos] = self.coming.reshape(self.n_envs, self.choices)
        super().add(*arguments, **named)

    def get(self, batch_size: int | None = None) -> Generator[Any, None, None]:
        """Minibatches, as of the class that this is put before; see `batch_masks`."""
        if not self.generator_ready:
            self.action_masks = self.swap_and_flatten(self.action_masks)
        yield from super().get(batch_size)

    def _get_samples(  # type: ignore[override]
        self, batch_inds: NDArray[np.int64], env_change: NDArray[Any], env: Any = None
    ) -> Any:
        samples = super()._get_samples(batch_inds, env_change, env)
        # turns that only fill up a sequence count for nothing; let them forbid nothing either
        masks = self.pad(self.action_masks[batch_inds], padding_value=1.0)
        self.batch_masks = masks.reshape(-1, self.choices)
        return samples


class MaskableRecurrentRolloutBuffer(MaskKeeper, RecurrentRolloutBuffer):
    """A rollout of a recurrent policy that keeps masks."""


class MaskableRecurrentDictRolloutBuffer(  # type: ignore[misc]
    MaskKeeper, RecurrentDictRolloutBuffer
):
    """A rollout of a recurrent policy of several inputs that keeps masks."""


def replace_buffer(model: RecurrentPPO, kind: type[RolloutBuffer]) -> None:
    """Give a recurrent model, whose buffer is empty, a buffer of another class."""
    old: Any = model.rollout_buffer
    make: Any = kind
    model.rollout_buffer = make(
        old.buffer_size,
        old.observation_space,
        old.action_space,
        old.hidden_state_shape,
        old.device,
        gae_lambda=old.gae_lambda,
        gamma=old.gamma,
        n_envs=old.n_envs,
    )
