"""What every environment with lanes shares: seeds, options, autoreset, refusals and copies.

A subclass brings the dynamics: a compiled kernel over records of lanes, and the info of a turn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from . import codes, rng
from .blocks import BLOCK, LANE
from .errors import CarouselError, as_array, one_of, truth_value, whole_number
from .options import read_options
from .snapshots import refuse_impossible, refuse_unfit, take_back

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Info = dict[str, Any]
Outputs = tuple["NDArray[np.float64]", "NDArray[Any]", "NDArray[np.int8]"]
"""What a turn brings: reward (float64, (N,)), detail (any one array of shape (..., N)) and events
(int8, (E, N)), whose rows begin as `codes.TERMINATED` and its fellows say."""

Arrays = tuple[
    "NDArray[np.float32]", "NDArray[np.float64]", "NDArray[np.bool_]", "NDArray[np.bool_]"
]
"""What a step returns before info: observation, reward, terminated, truncated."""

MAX_LANES = 2**24
_INT64 = np.dtype(np.int64)
RENDER_MODES = ("ansi", "rgb_array")
_MODE_CODES = {
    AutoresetMode.NEXT_STEP: codes.NEXT_STEP,
    AutoresetMode.SAME_STEP: codes.SAME_STEP,
    AutoresetMode.DISABLED: codes.DISABLED,
}


class Recorder(Protocol):
    """Keeps the running session of every lane, for drawing only."""

    def start(self, which: NDArray[np.bool_]) -> None:
        """Forget the session of the marked lanes."""
        ...

    def add(
        self,
        obs: NDArray[np.float32],
        reward: NDArray[np.float64],
        detail: NDArray[Any],
        events: NDArray[np.int8],
    ) -> None:
        """Record one turn of every lane that played one; a lane that reset forgets."""
        ...

    def line(self, lane: int) -> str:
        """The last turn of a lane in words."""
        ...

    def picture(self, lane: int) -> NDArray[np.uint8]:
        """The session so far, uint8 of shape (height, width, 3)."""
        ...


class LaneVectorEnv(VectorEnv[Any, Any, Any], ABC):
    """Many sessions at once, played by one compiled kernel; the base of every environment here.

    Lane i of an environment seeded s is bit for bit the scalar environment seeded s + i. Every
    array that `reset` and `step` return is the caller's to keep, unless `copy` is False.

    Args:
        num_envs: number of lanes N, 1 to 2**24.
        space: space of one observation, float32 of shape (D,).
        n_actions: number of actions, K.
        n_users: rows of the table of users.
        state: dtype of the sessions of a block of lanes, a record of fields of shape (BLOCK,);
            among them are at least persona (-1: none yet) and over.
        kept: those of its fields that a snapshot keeps.
        autoreset_mode: one of Gymnasium's three modes (the enum or its value).
        render_mode: None, "ansi" or "rgb_array".
        copy: False returns the environment's own arrays, which the next step changes in place: in
            same-step mode observations, action masks and users, in the others all of them.

    Attributes:
        totals: keys of info that add up over a session, beyond the reward, with the type of their
            sum; a subclass names its own.

    Raises:
        CarouselError: an argument is not allowed.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": list(RENDER_MODES),
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int,
        *,
        space: spaces.Box,
        n_actions: int,
        n_users: int,
        state: np.dtype[np.void],
        kept: Sequence[str],
        autoreset_mode: AutoresetMode | str,
        render_mode: str | None,
        copy: bool,
    ) -> None:
        n = self.num_envs = whole_number("num_envs", num_envs, 1, MAX_LANES)
        self._batch = (n,)
        one_of("render_mode", render_mode, (None, *RENDER_MODES))
        if not isinstance(autoreset_mode, AutoresetMode):
            one_of("autoreset_mode", autoreset_mode, [mode.value for mode in AutoresetMode])
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.copy = truth_value("copy", copy)
        self.render_mode = render_mode
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}  # type: ignore[misc]
        self.single_observation_space = self._space = space
        self.single_action_space = spaces.Discrete(n_actions)
        self.observation_space = batch_space(self.single_observation_space, n)
        self.action_space = batch_space(self.single_action_space, n)
        self._mode = _MODE_CODES[self.autoreset_mode]
        self._n_users = n_users
        self._lanes = np.zeros(n, dtype=LANE)
        self._blocks = np.zeros(-(-n // BLOCK), dtype=state)
        self._kept_fields = tuple(kept)
        width = space.shape[0]
        self._obs = np.zeros((n, width), dtype=np.float32)
        self._mask = np.zeros((n, n_actions), dtype=np.int8)
        same_step = self.autoreset_mode == AutoresetMode.SAME_STEP
        self._final_obs = np.zeros((n if same_step else 0, width), dtype=np.float32)
        self._own: tuple[Outputs, Arrays, Info] | None = None
        self._started = False
        self._waiting = False  # whether a session may be over and nothing but `reset` starts anew
        self._recorder: Recorder | None = None
        self.totals: Mapping[str, type[np.int64 | np.float64]] = {}

    # -- what a subclass brings ---------------------------------------------------------------

    @abstractmethod
    def _begin(self, which: NDArray[np.bool_], users: NDArray[np.int64]) -> None:
        """Start episode `lanes.episode` in the marked lanes with these users (-1: drawn)."""

    @abstractmethod
    def _outputs(self) -> Outputs:
        """New arrays for what a turn brings."""

    @abstractmethod
    def _turn(self, actions: NDArray[np.int64], outputs: Outputs) -> int:
        """Run the kernel for one turn, into these outputs.

        Returns:
            Number of sessions that ended, or -1 - i if action i is not allowed (nothing has
            changed).
        """

    @abstractmethod
    def _info(
        self,
        detail: NDArray[Any],
        events: NDArray[np.int8],
        flags: NDArray[np.bool_],
        played: NDArray[np.bool_],
        mask: NDArray[np.int8],
        user: NDArray[np.int32] | None,
        present: NDArray[np.bool_],
    ) -> Info:
        """Info of one step: what the turn brought where one was played, the state where present.

        Written out by every subclass: this runs every step, and loops over names cost more than
        the turn itself. `flags` is `events` seen as bool.
        """

    def _derive(self, info: Info) -> None:
        """Add to a step's info what is worked out from the rest of it; by default nothing."""

    @abstractmethod
    def _available(self, observation: NDArray[np.float32]) -> NDArray[np.int8]:
        """Action masks, (N, K), of the sessions that these observations show."""

    @abstractmethod
    def hidden(self) -> dict[str, NDArray[Any]]:
        """What no router sees, as it stands before the next turn (copies).

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
        """

    # -- reset --------------------------------------------------------------------------------

    def reset(
        self,
        *,
        seed: int | Sequence[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], Info]:
        """Start a session in every lane, or in those of `options["reset_mask"]`.

        Args:
            seed: s seeds lane i with s + i; a sequence gives each lane its own. Without a seed
                every lane goes on with its next episode.
            options: see the class.

        Returns:
            Observations (float32, shape (N, D)) and info.

        Raises:
            CarouselError: the seed or an option is not allowed.
        """
        self._refuse_if_closed()
        which, users = read_options(options, self.num_envs, self._n_users, self.autoreset_mode)
        first = not self._started
        if first and not which.all():
            raise CarouselError("reset_mask leaves out lanes, but the first reset must start all")
        keys = self._read_seed(seed, first=first)
        lanes = self._lanes
        if keys is None:
            lanes["episode"][which] += 1
        else:
            lanes["lane_key"][which] = keys[which]
            lanes["episode"][which] = 0
        self._started = True
        self._begin(which, users)
        self._waiting = options is not None and "reset_mask" in options
        if self._recorder:
            self._recorder.start(which)
        info: Info = {
            "action_mask": self._mask.copy() if self.copy else self._mask,
            "_action_mask": which,
            "user": self._user.copy() if self.copy else self._user,
            "_user": which,
        }
        return self._obs.copy() if self.copy else self._obs, info

    def _read_seed(
        self, seed: int | Sequence[int] | None, *, first: bool
    ) -> NDArray[np.uint64] | None:
        if seed is None:
            if not first:
                return None
            super().reset(seed=None)
            return rng.lane_keys(int(self.np_random.integers(2**63)), self.num_envs)
        if (
            isinstance(seed, str)
            or not isinstance(seed, (Sequence, np.ndarray))
            or np.ndim(seed) == 0
        ):
            number = whole_number("seed", seed, 0, 2**63 - 1)  # type: ignore[arg-type]
            super().reset(seed=number)
            return rng.lane_keys(number, self.num_envs)
        seeds = [whole_number(f"seed[{i}]", s, 0, 2**63 - 1) for i, s in enumerate(seed)]
        if len(seeds) != self.num_envs:
            raise CarouselError(f"seed has {len(seeds)} entries; it must have {self.num_envs}")
        super().reset(seed=seeds[0])
        return np.concatenate([rng.lane_keys(s, 1) for s in seeds])

    # -- step ---------------------------------------------------------------------------------

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
        same_step = self._mode == codes.SAME_STEP
        if not (self.copy or same_step):
            outputs, (observation, reward, terminated, truncated), own_info = (
                self._own or self._make_own()
            )
            self._play(actions, outputs)
            # a dict of its own, because wrappers add to it
            info = own_info.copy()
            self._derive(info)
            return observation, reward, terminated, truncated, info
        users = self._user.copy() if same_step else None
        outputs = reward, detail, events = self._outputs()
        n_ended = self._play(actions, outputs)
        flags = events.view(np.bool_)
        terminated, truncated = flags[codes.TERMINATED], flags[codes.TRUNCATED]
        done = terminated | truncated if same_step and n_ended else None
        info = self._info(
            detail,
            events,
            flags,
            flags[codes.PLAYED] if done is None else ~done,
            self._mask.copy() if self.copy else self._mask,
            self._user.copy() if self.copy else self._user,
            np.ones(self.num_envs, dtype=np.bool_),
        )
        if done is not None:
            final_obs = self._final_obs.copy()
            kept = events.copy()
            available = self._available(final_obs)
            info["final_info"] = self._info(
                detail.copy(), kept, kept.view(np.bool_), done, available, users, done
            )
            info["final_obs"] = final_obs
            info["_final_info"] = info["_final_obs"] = done
        observation = self._obs.copy() if self.copy else self._obs
        return observation, reward, terminated, truncated, info

    def _read_actions(self, actions: NDArray[Any]) -> NDArray[np.int64]:
        """The actions as kernels want them: one type, side by side, and writable, though nobody
        writes them, because numba compiles a kernel anew for arrays that are not."""
        # what is most often given is known at a glance
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
            # beyond int64 they would come out negative, and be reported so
            given = np.minimum(given, np.uint64(2**63 - 1))
        return given.astype(np.int64)

    def _make_own(self) -> tuple[Outputs, Arrays, Info]:
        """What every step without copies returns, and the kernel's outputs that lie beneath."""
        outputs = reward, detail, events = self._outputs()
        flags, everywhere = events.view(np.bool_), np.ones(self.num_envs, dtype=np.bool_)
        played = flags[codes.PLAYED]
        info = self._info(detail, events, flags, played, self._mask, self._user, everywhere)
        arrays = (self._obs, reward, flags[codes.TERMINATED], flags[codes.TRUNCATED])
        self._own = outputs, arrays, info
        return self._own

    def __getstate__(self) -> dict[str, Any]:
        # a copy's views would be of arrays that its kernel does not write
        return {**self.__dict__, "_own": None}

    def _play(self, actions: NDArray[np.int64], outputs: Outputs) -> int:
        """Play a turn, or refuse to; see `_turn`."""
        if self.closed or not self._started:
            self._refuse_if_not_started("step")
        if self._waiting:
            self._refuse_if_over()
        n_ended = self._turn(actions, outputs)
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

    def action_masks(self) -> NDArray[np.bool_]:
        """Which personas are available, bool of shape (N, K) (the form sb3-contrib asks for)."""
        self._refuse_if_not_started("action_masks")
        return np.asarray(self._mask != 0)

    # -- state --------------------------------------------------------------------------------

    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays over lanes that the next step depends on, beside the sessions' state, by name."""
        lanes = {name: self._lanes[name] for name in LANE.names or ()}
        return {**lanes, "observation": self._obs, "mask": self._mask}

    def _session(self, name: str) -> NDArray[Any]:
        """An entry of every lane's state, shape (N,) (a copy)."""
        return np.asarray(self._blocks[name].flatten()[: self.num_envs])

    def _ranges(self) -> dict[str, tuple[int, int]]:
        """What each entry of a lane's state can be, the first and the last."""
        # in same-step mode a session that is over has begun anew
        last = int(self._mode != codes.SAME_STEP)
        return {
            "episode": (0, 2**63 - 1),
            "user": (0, self._n_users - 1),
            "persona": (-1, self._mask.shape[1] - 1),
            "over": (0, last),
        }

    def _refuse_impossible(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        refuse_impossible(snapshot, self._ranges(), self._space)
        seen = snapshot["observation"]
        if not np.array_equal(snapshot["mask"], self._available(seen)):
            raise CarouselError("the snapshot's mask is not what its observation says")

    def _snapshot(self) -> dict[str, NDArray[Any]]:
        sessions = {name: self._session(name) for name in self._kept_fields}
        return {**sessions, **{name: array.copy() for name, array in self._arrays().items()}}

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """The state of every session (copies), from which `restore` goes on bit for bit.

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
        """
        self._refuse_if_not_started("snapshot")
        return self._snapshot()

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot of an environment made with the same arguments.

        What was drawn (`render`) is forgotten. Nothing changes if the snapshot does not fit.

        Raises:
            CarouselError: an array is missing, has another type or shape, or holds what no session
                comes to.
        """
        self._refuse_if_closed()
        refuse_unfit(self._snapshot(), snapshot)
        self._refuse_impossible(snapshot)
        take_back(self._arrays(), snapshot)
        for name in self._kept_fields:
            blocks = self._blocks[name]
            lanes = np.zeros(blocks.size, dtype=blocks.dtype)
            lanes[: self.num_envs] = snapshot[name]
            blocks[...] = lanes.reshape(blocks.shape)
        self._started = True
        self._waiting = self._mode == codes.DISABLED
        if self._recorder:
            self._recorder.start(np.ones(self.num_envs, dtype=np.bool_))

    # -- the rest -----------------------------------------------------------------------------

    def render(self) -> tuple[Any, ...] | None:
        """One frame per lane: the last turn as a line (ansi) or the session so far (rgb_array)."""
        self._refuse_if_closed()
        if self._recorder is None:
            return None
        self._refuse_if_not_started("render")
        draw = self._recorder.line if self.render_mode == "ansi" else self._recorder.picture
        return tuple(draw(i) for i in range(self.num_envs))

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise gym.error.ClosedEnvironmentError("the environment is closed; make a new one")

    @property
    def _user(self) -> NDArray[np.int32]:
        """Row of the user that each lane plays, a view."""
        return self._lanes["user"]

    def _refuse_if_not_started(self, method: str) -> None:
        self._refuse_if_closed()
        if not self._started:
            raise ResetNeeded(f"{method} was called before reset; call reset first")

    def _refuse_if_over(self) -> None:
        over = self._session("over")
        if over.any():
            lane = int(over.argmax())
            raise ResetNeeded(
                f"the session in lane {lane} is over; reset it (autoreset is disabled)"
            )
