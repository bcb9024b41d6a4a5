"""Wrappers that change what is observed, in a scalar and in a vector form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from ..foundation.errors import CarouselError
from ..lanes.snapshots import refuse_outside
from .forms import ALL, NONE, LaneWrapper, ScalarForm, VectorForm, single_space

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .forms import Info, Rows

_FIRST = np.zeros(1, dtype=np.int64)


class Observer(LaneWrapper):
    """A wrapper that changes what is observed."""

    def _show(self, names: Sequence[str], low: NDArray[Any], high: NDArray[Any]) -> None:
        """Declare the columns of an observation.

        Raises:
            CarouselError: a name appears twice.
        """
        self.column_names = tuple(names)
        if len(set(self.column_names)) < len(self.column_names):
            twice = next(name for name in names if self.column_names.count(name) > 1)
            raise CarouselError(f"column {twice!r} would be shown twice; once is enough")
        self._set_space(spaces.Box(low, high, dtype=np.float32))
        self._out = np.zeros((self.lanes, len(self.column_names)), dtype=np.float32)

    def _push(
        self,
        observation: NDArray[np.float32],
        rows: Rows,
        begins: NDArray[np.int64],
        info: Info,
    ) -> None:
        """Read the next observation of some lanes and update their rows of `_out`.

        Args:
            observation: of the environment below, float32, shape (N, D).
            rows: the lanes to update, `ALL` or their indices; other rows must not change.
            begins: indices of the lanes for which it is the first observation of a session.
            info: of the environment below; its `user` belongs to the lanes that begin.
        """
        raise NotImplementedError


class ScalarObserver(ScalarForm):
    """The scalar form of an `Observer`."""

    _out: NDArray[np.float32]
    _push: Any

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Start a session; see the environment."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._push(observation[None], ALL, _FIRST, info)
        return self._out[0].copy(), info

    def step(self, action: Any) -> tuple[NDArray[np.float32], Any, bool, bool, Info]:
        """Play one turn; see the environment."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        self._push(observation[None], ALL, NONE, info)
        return self._out[0].copy(), reward, terminated, truncated, info


class VectorObserver(VectorForm):
    """The vector form of an `Observer`."""

    _out: NDArray[np.float32]
    _push: Any

    def _state(self) -> dict[str, NDArray[Any]]:
        return {**super()._state(), "shown": self._out}

    def _refuse_impossible(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        super()._refuse_impossible(snapshot)
        space = single_space(self)
        refuse_outside("shown", snapshot["shown"], space.low, space.high)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Start sessions; see the environment."""
        observation, info = self.env.reset(seed=seed, options=options)
        begins = self._begun(options)
        self._push(observation, ALL if len(begins) == self.lanes else begins, begins, info)
        return self._mine(self._out), info

    def step(
        self, actions: Any
    ) -> tuple[NDArray[np.float32], Any, NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Play one turn in every lane; see the environment."""
        observation, reward, terminated, truncated, info = self.env.step(actions)
        began = self._beginning(terminated, truncated)
        begins = NONE if began is None else np.flatnonzero(began)
        if len(begins) and self._mode == AutoresetMode.SAME_STEP:
            # first the turn that ended these sessions, then the start of the next
            self._push(info["final_obs"], begins, NONE, info)
            info["final_obs"] = self._out.copy()
        self._push(observation, ALL, begins, info)
        return self._mine(self._out), reward, terminated, truncated, info
