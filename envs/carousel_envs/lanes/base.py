"""`LaneBase`: the arguments and arrays of an environment with lanes, and its abstract methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from ..compiled import codes
from ..compiled.blocks import BLOCK, LANE
from ..foundation.errors import one_of, truth_value, whole_number
from .recorded_spec import recorded

if TYPE_CHECKING:
    from collections.abc import Callable

    from gymnasium.envs.registration import EnvSpec
    from numpy.typing import NDArray

    from ..compiled.bound_arrays import Bound
    from ..population import BasePopulation
    from .recording import Recorder

Info = dict[str, Any]
Outputs = tuple["NDArray[np.float64]", "NDArray[Any]", "NDArray[np.int8]"]
"""Outputs of a turn: reward (float64, (N,)), detail (one array of shape (..., N)) and events (int8,
(E, N)), whose first rows are those that `compiled.codes` numbers."""

MAX_LANES = 2**24
RENDER_MODES = ("ansi", "rgb_array")
_MODE_CODES = {
    AutoresetMode.NEXT_STEP: codes.NEXT_STEP,
    AutoresetMode.SAME_STEP: codes.SAME_STEP,
    AutoresetMode.DISABLED: codes.DISABLED,
}


@dataclass(frozen=True)
class Lanes:
    """Arguments of an environment as the caller gave them, unchecked.

    Attributes:
        num_envs: number of lanes N, 1 to 2**24.
        autoreset_mode: one of Gymnasium's three modes (the enum or its value).
        render_mode: None, "ansi" or "rgb_array".
        copy: False returns the environment's own arrays, which the next step changes in place: in
            same-step mode observations, action masks and users, in the other modes all of them.
        max_episode_steps: turns after which sessions are truncated, if fewer than the
            population's; observations do not change, as with Gymnasium's `TimeLimit`.
    """

    num_envs: int
    autoreset_mode: AutoresetMode | str
    render_mode: str | None
    copy: bool
    max_episode_steps: int | None


class Played(NamedTuple):
    """What an environment takes from its population.

    Attributes:
        space: space of one observation, float32 of shape (D,).
        n_actions: number of actions, K.
        n_users: rows of the table of users.
        session_length: turns after which sessions are truncated.
        state: dtype of the sessions of a block of lanes, a record of fields of shape (BLOCK,);
            among them are at least turn, persona (-1: none yet) and over.
        kept: the fields of the state that a snapshot holds.
    """

    space: spaces.Box
    n_actions: int
    n_users: int
    session_length: int
    state: np.dtype[np.void]
    kept: tuple[str, ...]


class LaneBase(VectorEnv[Any, Any, Any], ABC):
    """Arguments, arrays and refusals of an environment with lanes; see `LaneVectorEnv`."""

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": list(RENDER_MODES),
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    population: BasePopulation
    columns: Any
    column_names: tuple[str, ...]
    _bound: Bound
    _kernel: ClassVar[Callable[..., int]]
    """Plays a turn, given the places of `_bound`, the actions and the outputs; see `_turn`."""

    _alone = False
    """Whether this plays the session of a scalar environment; messages then mention no lanes."""

    def __init__(self, lanes: Lanes, played: Played) -> None:
        self._spec: EnvSpec | None = None
        n = self.num_envs = whole_number("num_envs", lanes.num_envs, 1, MAX_LANES)
        self._batch = (n,)
        self._read_modes(lanes)
        self.single_observation_space = self._space = played.space
        self.single_action_space = spaces.Discrete(played.n_actions)
        self._n_users = played.n_users
        self._kept_fields = played.kept
        self._lanes = np.zeros(n, dtype=LANE)
        self._blocks = np.zeros(-(-n // BLOCK), dtype=played.state)
        width = played.space.shape[0]
        self._obs = np.zeros((n, width), dtype=np.float32)
        self._mask = np.zeros((n, played.n_actions), dtype=np.int8)
        same_step = self.autoreset_mode == AutoresetMode.SAME_STEP
        self._final_obs = np.zeros((n if same_step else 0, width), dtype=np.float32)
        self._started = False
        self._waiting = False  # whether a session may be over that only `reset` restarts
        self._recorder: Recorder | None = None
        self._limit_turns(lanes.max_episode_steps, played.session_length)

    # made when asked for: with many lanes they take longer to make than everything else
    @cached_property
    def observation_space(self) -> spaces.Space[Any]:  # type: ignore[override]
        """Space of the observations of all lanes, float32 of shape (N, D)."""
        return batch_space(self.single_observation_space, self.num_envs)

    @cached_property
    def action_space(self) -> spaces.Space[Any]:  # type: ignore[override]
        """Space of the picks of all lanes, int64 of shape (N,)."""
        return batch_space(self.single_action_space, self.num_envs)

    def _read_modes(self, lanes: Lanes) -> None:
        one_of("render_mode", lanes.render_mode, (None, *RENDER_MODES))
        mode = lanes.autoreset_mode
        if not isinstance(mode, AutoresetMode):
            one_of("autoreset_mode", mode, [mode.value for mode in AutoresetMode])
        self.autoreset_mode = AutoresetMode(mode)
        self.copy = truth_value("copy", lanes.copy)
        self.render_mode = lanes.render_mode
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}  # type: ignore[misc]
        self._mode = _MODE_CODES[self.autoreset_mode]

    def _limit_turns(self, asked: int | None, session_length: int) -> None:
        limit = session_length
        if asked is not None:
            limit = whole_number("max_episode_steps", asked, 1, 2**63 - 1)
        self._cuts = limit < session_length
        self.max_episode_steps = min(limit, session_length)

    @property
    def spec(self) -> EnvSpec | None:
        """What Gymnasium makes this environment from; None if it was made in another way."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        """Record what Gymnasium makes this environment from, its population included."""
        idle = () if self._cuts else ("max_episode_steps",)
        self._spec = spec and recorded(spec, self.population, self.max_episode_steps, idle=idle)

    # -- what a subclass provides -------------------------------------------------------------

    @abstractmethod
    def _begin(self, which: NDArray[np.bool_], users: NDArray[np.int64]) -> None:
        """Start episode `lanes.episode` in the marked lanes with these users (-1: drawn)."""

    @abstractmethod
    def _outputs(self) -> Outputs:
        """New arrays for the outputs of a turn."""

    def _turn(self, actions: NDArray[np.int64], outputs: Outputs) -> int:
        """Run the kernel for one turn, into these outputs.

        Returns:
            Number of sessions that ended, or -1 - i if action i is not allowed (nothing has
            changed).
        """
        reward, detail, events = outputs
        # written out, because gathering arguments takes as long as several lanes
        return self._kernel(self._bound.places, actions, reward, detail, events)

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
        """Info of one step or reset: outputs of the turn (0 where none was played) and the state.

        Written out by every subclass: this runs every step, and loops over names cost more than
        the turn itself. `flags` is `events` seen as bool.
        """

    def _derive(self, info: Info) -> None:
        """Add entries to a step's info that derive from others; by default none."""

    @abstractmethod
    def _available(self, observation: NDArray[np.float32]) -> NDArray[np.int8]:
        """Action masks of these observations, shape (N, K)."""

    @abstractmethod
    def hidden(self) -> dict[str, NDArray[Any]]:
        """The hidden state before the next turn (copies).

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
        """

    def _cut_short(self) -> None:
        """Called when the limit of turns, unknown to the kernel, may have ended sessions."""

    # -- state and refusals -------------------------------------------------------------------

    def _session(self, name: str) -> NDArray[Any]:
        """An entry of every lane's state, shape (N,) (a copy)."""
        return np.asarray(self._blocks[name].flatten()[: self.num_envs])

    def _set_session(self, name: str, values: NDArray[Any]) -> None:
        """Set an entry of every lane's state, shape (N,)."""
        blocks = self._blocks[name]
        lanes = np.zeros(blocks.size, dtype=blocks.dtype)
        lanes[: self.num_envs] = values
        blocks[...] = lanes.reshape(blocks.shape)

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
