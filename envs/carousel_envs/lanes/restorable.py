"""Snapshots of lanes, and how to restore them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled import codes
from ..compiled.blocks import LANE
from ..foundation.errors import CarouselError
from .base import LaneBase
from .snapshots import refuse_contradictions, refuse_impossible, refuse_unfit, take_back

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class RestorableLanes(LaneBase):
    """Lanes whose state can be saved and restored."""

    def _lane_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays over lanes that the next step depends on, beside the sessions' state, by name."""
        lanes = {name: self._lanes[name] for name in LANE.names or ()}
        return {**lanes, "observation": self._obs, "mask": self._mask}

    def _ranges(self) -> dict[str, tuple[int, int]]:
        """Smallest and largest value of each entry of a lane's state."""
        # in same-step mode a session that is over has begun anew
        last = int(self._mode != codes.SAME_STEP)
        return {
            "episode": (0, 2**63 - 1),
            "user": (0, self._n_users - 1),
            "turn": (0, self.max_episode_steps),
            "persona": (-1, self._mask.shape[1] - 1),
            "over": (0, last),
        }

    def _refuse_impossible(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        refuse_impossible(snapshot, self._ranges(), self._space)
        seen = snapshot["observation"]
        if not np.array_equal(snapshot["mask"], self._available(seen)):
            raise CarouselError("the snapshot's mask is not what its observation says")
        spoke = seen[:, self.columns.persona]
        refuse_contradictions(snapshot, self.max_episode_steps, spoke)

    def _snapshot(self) -> dict[str, NDArray[Any]]:
        sessions = {name: self._session(name) for name in self._kept_fields}
        return {**sessions, **{name: array.copy() for name, array in self._lane_arrays().items()}}

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """The state of every session (copies), from which `restore` goes on bit for bit.

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
        """
        self._refuse_if_not_started("snapshot")
        return self._snapshot()

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a snapshot of an environment made with the same arguments.

        `render` forgets earlier turns. If the snapshot does not fit, nothing changes.

        Raises:
            CarouselError: an array is missing, has another type or shape, or holds a state that no
                session can reach.
        """
        self._refuse_if_closed()
        refuse_unfit(self._snapshot(), snapshot)
        self._refuse_impossible(snapshot)
        take_back(self._lane_arrays(), snapshot)
        for name in self._kept_fields:
            self._set_session(name, snapshot[name])
        self._started = True
        self._waiting = self._mode == codes.DISABLED
        if self._recorder:
            self._recorder.start(np.ones(self.num_envs, dtype=np.bool_))
