"""Rollouts that are shuffled once a pass.

The library gathers every minibatch by itself, array by array. Here a pass gathers all turns at
once, and minibatches are views of what came out: the same turns in the same order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from sb3_contrib.common.maskable.buffers import MaskableRolloutBuffer, MaskableRolloutBufferSamples
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

# in the order of the library's samples; the first two are rows of several columns
_ROWS = ("observations", "actions")
_NUMBERS = ("values", "log_probs", "advantages", "returns")
_MASKS = "action_masks"


def lay_flat(buffer: RolloutBuffer, names: Sequence[str]) -> None:
    """Bring these arrays from (turns, lanes, ...) to (lanes * turns, ...), once a rollout."""
    if not buffer.generator_ready:
        for name in names:
            setattr(buffer, name, buffer.swap_and_flatten(getattr(buffer, name)))
        buffer.generator_ready = True


def _minibatches(
    buffer: RolloutBuffer, names: Sequence[str], batch_size: int | None
) -> Iterator[tuple[torch.Tensor, ...]]:
    """These arrays, shuffled alike, `batch_size` turns at a time (None: all at once)."""
    turns = buffer.buffer_size * buffer.n_envs
    order = np.random.permutation(turns)  # noqa: NPY002
    lay_flat(buffer, names)
    shuffled = []
    for name in names:
        array = getattr(buffer, name)
        # numbers stand in columns of width 1
        rows = array.ravel() if name in _NUMBERS else array
        shuffled.append(torch.from_numpy(rows.take(order, axis=0)).split(batch_size or turns))
    return zip(*shuffled, strict=True)


class ShuffledRollout(RolloutBuffer):
    """A rollout of PPO, A2C or TRPO; arguments as of the library's own.

    Actions stay whole numbers, which is what they are turned into in the end.
    """

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        """Minibatches of `batch_size` turns, a last one of what is left; None: all at once."""
        for batch in _minibatches(self, (*_ROWS, *_NUMBERS), batch_size):
            yield RolloutBufferSamples(*batch)


class ShuffledMaskedRollout(MaskableRolloutBuffer):
    """A rollout of maskable PPO; arguments as of the library's own."""

    def get(  # type: ignore[override]
        self, batch_size: int | None = None
    ) -> Generator[MaskableRolloutBufferSamples, None, None]:
        """Minibatches of `batch_size` turns, a last one of what is left; None: all at once."""
        for batch in _minibatches(self, (*_ROWS, *_NUMBERS, _MASKS), batch_size):
            yield MaskableRolloutBufferSamples(*batch)
