"""Rollouts of recurrent policies, cut into whole stretches of sessions.

The library starts a minibatch anywhere and walks a sequence turn by turn. Here a sequence is what a
lane played of one session within the rollout, a minibatch holds whole sequences, and none of them
begins anew inside: so the memory runs over all turns of a minibatch in one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.type_aliases import RecurrentRolloutBufferSamples, RNNStates

from .maskable_recurrent import MaskableRecurrentPPO
from .maskable_recurrent.buffers import MaskKeeper, replace_buffer
from .rollout_buffer import lay_flat

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

_ARRAYS = ("observations", "actions", "values", "log_probs", "advantages", "returns")


class SessionBuffer(RecurrentRolloutBuffer):
    """A rollout that yields whole sequences; arguments as of the library's own."""

    def get(  # type: ignore[override]
        self, batch_size: int | None = None
    ) -> Generator[RecurrentRolloutBufferSamples, None, None]:
        """Minibatches of about `batch_size` turns, each sequence in exactly one of them.

        Args:
            batch_size: turns; None: all at once.
        """
        lay_flat(self, _ARRAYS)
        turns, lanes = self.buffer_size, self.n_envs
        begins = self.episode_starts.astype(np.bool_)
        begins[0] = True
        # (lane, turn) of every start, lane after lane
        lane, start = np.nonzero(begins.T)
        following = np.append(start[1:], turns)
        following[np.append(lane[1:] != lane[:-1], True)] = turns
        length = following - start
        order = np.random.permutation(len(lane))  # noqa: NPY002
        total = turns * lanes
        batches = 1 if batch_size is None else max(1, round(total / batch_size))
        # of equal size, as nearly as sequences allow: a last small one would be mostly noise
        batch = (np.cumsum(length[order]) - length[order]) * batches // total
        for which in range(batches):
            chosen = order[batch == which]
            if len(chosen):
                yield self._sequences(lane[chosen], start[chosen], length[chosen])

    def _rows(
        self, lane: NDArray[np.int64], start: NDArray[np.int64], length: NDArray[np.int64]
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Which turns of these sequences are theirs, shape (S, L), and where each lies, (S * L,);
        what is padded repeats the first turn."""
        ahead = np.arange(length.max())
        inside = ahead < length[:, None]
        first = (lane * self.buffer_size + start)[:, None]
        return inside, np.where(inside, first + ahead, first).ravel()

    def _sequences(
        self, lane: NDArray[np.int64], start: NDArray[np.int64], length: NDArray[np.int64]
    ) -> RecurrentRolloutBufferSamples:
        """These sequences, padded to the longest, in the layout of the library: (S * L, ...)."""
        inside, rows = self._rows(lane, start, length)
        # what stood before a session's first turn belongs to the session before it
        goes_on = self.episode_starts[start, lane] == 0.0

        def taken(array: NDArray[Any]) -> torch.Tensor:
            return torch.from_numpy(array.take(rows, axis=0))

        def states(
            hidden: NDArray[np.float32], cell: NDArray[np.float32]
        ) -> tuple[torch.Tensor, torch.Tensor]:
            both = []
            for kept in (hidden, cell):
                before = np.zeros((kept.shape[1], len(lane), kept.shape[3]), dtype=np.float32)
                if goes_on.any():
                    before[:, goes_on] = kept[start[goes_on], :, lane[goes_on]].swapaxes(0, 1)
                both.append(torch.from_numpy(before))
            return both[0], both[1]

        return RecurrentRolloutBufferSamples(
            observations=taken(self.observations),
            actions=taken(self.actions),
            old_values=taken(self.values.ravel()),
            old_log_prob=taken(self.log_probs.ravel()),
            advantages=taken(self.advantages.ravel()),
            returns=taken(self.returns.ravel()),
            lstm_states=RNNStates(
                states(self.hidden_states_pi, self.cell_states_pi),
                states(self.hidden_states_vf, self.cell_states_vf),
            ),
            episode_starts=torch.zeros(len(rows)),
            mask=torch.from_numpy(inside.ravel().astype(np.float32)),
        )


class MaskableSessionBuffer(MaskKeeper, SessionBuffer):
    """A rollout that yields whole sequences and keeps masks."""

    def _sequences(
        self, lane: NDArray[np.int64], start: NDArray[np.int64], length: NDArray[np.int64]
    ) -> RecurrentRolloutBufferSamples:
        _, rows = self._rows(lane, start, length)
        self.batch_masks = torch.from_numpy(self.action_masks.take(rows, axis=0))
        return super()._sequences(lane, start, length)


class SessionPPO(RecurrentPPO):
    """Recurrent PPO that is trained on whole stretches of sessions at a time."""

    def _setup_model(self) -> None:
        super()._setup_model()
        replace_buffer(self, SessionBuffer)


class MaskableSessionPPO(MaskableRecurrentPPO):
    """The same with masks."""

    def _setup_model(self) -> None:
        super()._setup_model()
        replace_buffer(self, MaskableSessionBuffer)
