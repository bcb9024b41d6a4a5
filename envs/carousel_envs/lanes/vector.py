"""What every environment with lanes shares: seeds, options, autoreset, refusals and copies.

A subclass brings the dynamics: a compiled kernel over records of lanes, and the info of a turn.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ..compiled import codes, rng
from ..compiled.blocks import BLOCK, LANE
from ..foundation.errors import CarouselError, as_array, one_of, truth_value, whole_number
from .options import read_options, read_seeds
from .recorded_spec import recorded
from .snapshots import refuse_impossible, refuse_unfit, take_back

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gymnasium.envs.registration import EnvSpec
    from numpy.typing import NDArray

    from ..foundation.presets import Preset

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
        session_length: turns after which the population's sessions are truncated.
        max_episode_steps: turns after which they are truncated here, if those are fewer; what is
            observed stays the same, as with Gymnasium's `TimeLimit`.

    Attributes:
        population: what is played; a subclass has its own kind.
        max_episode_steps: turns after which a session is truncated.

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
        session_length: int,
        max_episode_steps: int | None,
    ) -> None:
        self._spec: EnvSpec | None = None
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
        limit = session_length
        if max_episode_steps is not None:
            limit = whole_number("max_episode_steps", max_episode_steps, 1, 2**63 - 1)
        self._cuts = limit < session_length
        self.max_episode_steps = min(limit, session_length)

    population: Preset
    _alone = False
    """Whether this plays a scalar environment's session, so that no message speaks of lanes."""

    @property
    def spec(self) -> EnvSpec | None:
        """What Gymnasium makes this environment from; None if it was made in another way."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        idle = () if self._cuts else ("max_episode_steps",)
        self._spec = spec and recorded(spec, self.population, self.max_episode_steps, idle=idle)

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
        mask: NDArray[np.int8],
        user: NDArray[np.int32] | None,
        present: NDArray[np.bool_],
    ) -> Info:
        """Info of one step or reset: what the turn brought (0 where none was played) and the state.

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
        which = self._start(seed, options)
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

    def _start(self, seed: Any, options: dict[str, Any] | None) -> NDArray[np.bool_]:
        """Start sessions; returns in which lanes. See `reset`."""
        self._refuse_if_closed()
        which, users = read_options(
            options, self.num_envs, self._n_users, self.autoreset_mode, alone=self._alone
        )
        if not (self._started or which.all()):
            raise CarouselError("reset_mask leaves out lanes, but the first reset must start all")
        self._seed(read_seeds(seed, self.num_envs), which)
        self._started = True
        self._begin(which, users)
        self._waiting = options is not None and "reset_mask" in options
        if self._recorder:
            self._recorder.start(which)
        return which

    def _seed(self, seeds: int | list[int | None] | None, which: NDArray[np.bool_]) -> None:
        """Give the marked lanes the first episode of their new seed, or else their next episode."""
        lanes, first = self._lanes, not self._started
        if seeds is None and not first:
            lanes["episode"][which] += 1
            return
        if isinstance(seeds, list):
            super().reset(seed=next((seed for seed in seeds if seed is not None), None))
            new = which & np.array([seed is not None or first for seed in seeds])
            drawn = self.np_random.integers(2**63, size=self.num_envs).tolist()
            each = [d if seed is None else seed for seed, d in zip(seeds, drawn, strict=True)]
            keys = np.concatenate([rng.lane_keys(seed, 1) for seed in each])
        else:
            super().reset(seed=seeds)
            new = which
            start = int(self.np_random.integers(2**63)) if seeds is None else seeds
            keys = rng.lane_keys(start, self.num_envs)
        lanes["lane_key"][new] = keys[new]
        lanes["episode"][which] += 1
        lanes["episode"][new] = 0

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
        last = detail, events
        if done is not None:
            # the rows of lanes that ended show the start of a session, before any turn
            going_on = ~done
            detail, events = detail * going_on, events * going_on.view(np.int8)
        info = self._info(
            detail,
            events,
            events.view(np.bool_),
            self._mask.copy() if self.copy else self._mask,
            self._user.copy() if self.copy else self._user,
            np.ones(self.num_envs, dtype=np.bool_),
        )
        if done is not None:
            final_obs = self._final_obs.copy()
            available = self._available(final_obs)
            info["final_info"] = self._info(*last, last[1].view(np.bool_), available, users, done)
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
        info = self._info(detail, events, flags, self._mask, self._user, everywhere)
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
        """`_turn`, then end what has reached the limit of turns before its session is over.

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

    def _cut_short(self) -> None:
        """Hear that the limit of turns, which the kernel does not know, may have ended sessions."""

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

    def _set_session(self, name: str, values: NDArray[Any]) -> None:
        """Set an entry of every lane's state, shape (N,)."""
        blocks = self._blocks[name]
        lanes = np.zeros(blocks.size, dtype=blocks.dtype)
        lanes[: self.num_envs] = values
        blocks[...] = lanes.reshape(blocks.shape)

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
            self._set_session(name, snapshot[name])
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
            raise ResetNeeded(
                "the session is over; call reset"
                if self._alone
                else f"the session in lane {int(over.argmax())} is over; reset it (autoreset is "
                "disabled)"
            )
