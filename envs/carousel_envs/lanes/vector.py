"""`LaneVectorEnv`: resets, steps, autoreset, checks of arguments, and copies.

A subclass provides the dynamics, a compiled kernel over records of lanes, and the info of a turn
(`base.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled import codes
from ..foundation.errors import CarouselError, as_array
from .base import Info, Outputs
from .restorable import RestorableLanes
from .starting import StartingLanes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .base import Lanes, Played

Arrays = tuple[
    "NDArray[np.float32]", "NDArray[np.float64]", "NDArray[np.bool_]", "NDArray[np.bool_]"
]
"""What a step returns before info: observation, reward, terminated, truncated."""

Step = tuple[
    "NDArray[np.float32]", "NDArray[np.float64]", "NDArray[np.bool_]", "NDArray[np.bool_]", Info
]
"""What a step returns: observation, reward, terminated, truncated, info."""

_INT64 = np.dtype(np.int64)


class LaneVectorEnv(StartingLanes, RestorableLanes):
    """Many sessions at once, played by one compiled kernel; the base of every environment here.

    Lane i of an environment seeded s is bit for bit the scalar environment seeded s + i. Every
    array that `reset` and `step` return is the caller's to keep, unless `copy` is False.

    Args:
        lanes: arguments of the caller.
        played: spaces and sizes that follow from the population.

    Attributes:
        population: that is played; each subclass has its own type.
        max_episode_steps: turns after which a session is truncated.

    Raises:
        CarouselError: an argument is not allowed.
    """

    def __init__(self, lanes: Lanes, played: Played) -> None:
        super().__init__(lanes, played)
        self._own: tuple[Outputs, Arrays, Info] | None = None

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], Info]:
        """Start a session in every lane, or in those of `options["reset_mask"]`.

        Args:
            seed: s seeds lane i with s + i; a sequence gives each lane its own. A lane without a
                seed (None) goes on with its next episode.
            options: see the class.

        Returns:
            Observations (float32, shape (N, D)) and info.

        Raises:
            CarouselError: the seed or an option is not allowed.
        """
        return self._as_begun(self._start(seed, options))

    def _as_begun(self, which: NDArray[np.bool_]) -> tuple[NDArray[np.float32], Info]:
        """Observations and info of lanes in which no turn was played; those marked are told."""
        _, detail, events = self._outputs()
        detail[...], events[...] = 0, 0
        info = self._info(
            detail,
            events,
            events.view(np.bool_),
            self._mask.copy() if self.copy else self._mask,
            self._user.copy() if self.copy else self._user,
            which,
        )
        return self._obs.copy() if self.copy else self._obs, info

    def step(
        self, actions: NDArray[np.integer]
    ) -> tuple[
        NDArray[np.float32],
        NDArray[np.float64],
        NDArray[np.bool_],
        NDArray[np.bool_],
        Info,
    ]:
        """Play one turn in every lane.

        Args:
            actions: index of the persona to enact, integers of shape (N,) in [0, K).

        Returns:
            Observations (float32, (N, D)), rewards (float64, (N,)), terminated and truncated
            (bool, (N,)), info.

        Raises:
            CarouselError: wrong dtype, shape or range of actions (nothing has been played).
            gymnasium.error.ResetNeeded: before the first reset, or with autoreset disabled when
                a session is over.
        """
        actions = self._read_actions(actions)
        if self._mode == codes.SAME_STEP:
            return self._step_anew(actions)
        if not self.copy:
            return self._step_in_place(actions)
        outputs = reward, detail, events = self._outputs()
        self._play(actions, outputs)
        flags = events.view(np.bool_)
        info = self._info(
            detail, events, flags, self._mask.copy(), self._user.copy(), self._everywhere()
        )
        terminated, truncated = flags[codes.TERMINATED], flags[codes.TRUNCATED]
        return self._obs.copy(), reward, terminated, truncated, info

    def _everywhere(self) -> NDArray[np.bool_]:
        return np.ones(self.num_envs, dtype=np.bool_)

    def _step_in_place(self, actions: NDArray[np.int64]) -> Step:
        """A step that returns the environment's own arrays, all of them."""
        outputs, (observation, reward, terminated, truncated), own_info = (
            self._own or self._make_own()
        )
        self._play(actions, outputs)
        # a dict of its own, because wrappers add to it
        info = own_info.copy()
        self._derive(info)
        return observation, reward, terminated, truncated, info

    def _step_anew(self, actions: NDArray[np.int64]) -> Step:
        """A step in same-step mode, in which sessions may end and begin."""
        users = self._user.copy()
        outputs = reward, detail, events = self._outputs()
        n_ended = self._play(actions, outputs)
        flags = events.view(np.bool_)
        terminated, truncated = flags[codes.TERMINATED], flags[codes.TRUNCATED]
        last, done = (detail, events, flags), terminated | truncated
        if n_ended:
            # the rows of lanes that ended show the start of a session, before any turn
            going_on = ~done
            detail, events = detail * going_on, events * going_on.view(np.int8)
        info = self._info(
            detail,
            events,
            events.view(np.bool_),
            self._mask.copy() if self.copy else self._mask,
            self._user.copy() if self.copy else self._user,
            self._everywhere(),
        )
        if n_ended:
            final_obs = self._final_obs.copy()
            available = self._available(final_obs)
            info["final_info"] = self._info(*last, available, users, done)
            info["final_obs"] = final_obs
            info["_final_info"] = info["_final_obs"] = done
        observation = self._obs.copy() if self.copy else self._obs
        return observation, reward, terminated, truncated, info

    def _read_actions(self, actions: NDArray[Any]) -> NDArray[np.int64]:
        """The actions as int64, contiguous and writable: numba would compile another kernel for
        read-only arrays."""
        # the usual case, recognised without conversion
        if (
            type(actions) is np.ndarray
            and actions.dtype is _INT64
            and actions.shape == self._batch
            and actions.flags.carray
        ):
            return actions
        given = as_array("actions", actions)
        kind = given.dtype.kind
        if kind not in "iu":
            raise CarouselError(f"actions have dtype {given.dtype}; they must be integers")
        if given.shape != self._batch:
            raise CarouselError(f"actions have shape {given.shape}; it must be ({self.num_envs},)")
        if kind == "u":
            # beyond int64 they would turn negative, and the message would quote that
            given = np.minimum(given, np.uint64(2**63 - 1))
        return given.astype(np.int64)

    def _make_own(self) -> tuple[Outputs, Arrays, Info]:
        """The arrays that every step without copies returns, and the outputs they are views of."""
        outputs = reward, detail, events = self._outputs()
        flags, everywhere = events.view(np.bool_), self._everywhere()
        info = self._info(detail, events, flags, self._mask, self._user, everywhere)
        arrays = (self._obs, reward, flags[codes.TERMINATED], flags[codes.TRUNCATED])
        self._own = outputs, arrays, info
        return self._own

    def __getstate__(self) -> dict[str, Any]:
        # a copy's views would be of arrays that its kernel does not write
        return {**self.__dict__, "_own": None}

    def _play(self, actions: NDArray[np.int64], outputs: Outputs) -> int:
        """Play a turn, or raise; see `_turn`."""
        if self.closed or not self._started:
            self._refuse_if_not_started("step")
        if self._waiting:
            self._refuse_if_over()
        n_ended = (
            self._limited_turn(actions, outputs) if self._cuts else self._turn(actions, outputs)
        )
        if n_ended < 0:
            lane = -1 - n_ended
            raise CarouselError(
                f"action {actions[lane]} in lane {lane} is no persona; it must lie in 0 to "
                f"{self._mask.shape[1] - 1}"
            )
        self._waiting = self._mode == codes.DISABLED and n_ended > 0
        if self._recorder:
            same_step = self._mode == codes.SAME_STEP and n_ended
            seen = self._obs
            if same_step:
                events = outputs[2]
                ended = (events[codes.TERMINATED] | events[codes.TRUNCATED]) != 0
                seen = np.where(ended[:, None], self._final_obs, self._obs)
            self._recorder.add(seen, *outputs)
        return n_ended

    def _limited_turn(self, actions: NDArray[np.int64], outputs: Outputs) -> int:
        """`_turn`, then end the sessions that have reached the limit of turns.

        As under Gymnasium's `TimeLimit`, a session that terminates there is truncated as well.
        """
        last = (self._session("turn") + 1 >= self.max_episode_steps) & (self._session("over") == 0)
        n_ended = self._turn(actions, outputs)
        if n_ended < 0:
            return n_ended
        events = outputs[2]
        cut = last & ~events[[codes.TERMINATED, codes.TRUNCATED]].any(axis=0)
        events[codes.TRUNCATED] |= last
        if self._mode == codes.SAME_STEP:
            self._final_obs[cut] = self._obs[cut]
            self._lanes["episode"][cut] += 1
            self._begin(cut, np.full(self.num_envs, -1, dtype=np.int64))
        else:
            self._set_session("over", self._session("over") | cut)
            self._cut_short()
        return n_ended + int(cut.sum())

    def action_masks(self) -> NDArray[np.bool_]:
        """Which personas are available, bool of shape (N, K) (as sb3-contrib expects)."""
        self._refuse_if_not_started("action_masks")
        return np.asarray(self._mask != 0)

    def render(self) -> tuple[Any, ...] | None:
        """One frame per lane: the last turn as a line (ansi) or the session so far (rgb_array)."""
        self._refuse_if_closed()
        if self._recorder is None:
            return None
        self._refuse_if_not_started("render")
        draw = self._recorder.line if self.render_mode == "ansi" else self._recorder.picture
        return tuple(draw(i) for i in range(self.num_envs))
