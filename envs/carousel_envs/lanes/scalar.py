"""One lane of any environment with lanes, as a scalar environment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np

from ..foundation.errors import CarouselError, as_array, shown, truth_value, whole_number
from .base import RENDER_MODES, Info
from .options import SEEDS
from .recorded_spec import recorded

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec
    from numpy.typing import NDArray

    from .vector import LaneVectorEnv


SMALL = tuple(np.arange(128, dtype=np.int8))
"""Small numbers of an info, made once."""


KEYS = "1234567890qwertyu"
"""A key for each action, of which there are at most 17."""


class LaneEnv(gym.Env[Any, Any], ABC):
    """One session at a time: a vector environment at one lane, autoreset disabled.

    Args:
        one: the vector environment that plays.
        info_arrays: whether every value of an info is an array (a number or flag one of shape ()),
            for libraries that read the dtype of every value, such as TorchRL; steps take longer.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": list(RENDER_MODES),
        "render_fps": 4,
    }

    def __init__(self, one: LaneVectorEnv, *, info_arrays: bool = False) -> None:
        self.info_arrays = truth_value("info_arrays", info_arrays)
        self._spec: EnvSpec | None = None
        one._alone = True
        self._one = one
        self.population, self.columns = one.population, one.columns
        self.column_names = one.column_names
        self.render_mode = one.render_mode
        self._action = np.zeros(1, dtype=np.int64)
        self._outputs = one._outputs()
        self._rows = self._take_rows()
        self._user = np.int32(-1)  # who plays: drawn or given at `reset`, the same until the next
        self._n_actions = one._mask.shape[1]
        self.observation_space = one.single_observation_space
        self.action_space = one.single_action_space

    def _take_rows(self) -> tuple[NDArray[Any], ...]:
        """The only lane's row of each array that a turn writes: reward, detail, events,
        observation, mask. Indexing them at every step would cost a good part of a turn."""
        reward, detail, events = self._outputs
        return reward[0, ...], detail[..., 0], events[:, 0], self._one._obs[0], self._one._mask[0]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # a copy's rows would be of arrays that its kernel does not write
        self._rows = self._take_rows()

    @property
    def spec(self) -> EnvSpec | None:
        """What Gymnasium makes this environment from; None if it was made in another way."""
        return self._spec

    @spec.setter
    def spec(self, spec: EnvSpec | None) -> None:
        """Record what Gymnasium makes this environment from, its population included."""
        one = self._one
        self._spec = spec and recorded(spec, one.population, one.max_episode_steps)

    @abstractmethod
    def _turn_info(self, detail: NDArray[Any], events: bytes) -> Info:
        """Info of a turn, without the state, from the detail and events of one lane.

        Numbers are NumPy scalars. Flags are Python bools, because from NumPy's Gymnasium's vector
        environments make arrays of objects, whose sums are wrong.

        Written out by every subclass, like `LaneVectorEnv._info`.
        """

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Start a session; see `LaneVectorEnv.reset`."""
        if seed is not None:
            seed = whole_number("seed", seed, 0, SEEDS - 1)
        super().reset(seed=seed)
        self._one._start(seed, options)
        self._user = self._one._user[0]
        _, detail, events, observation, mask = self._rows
        detail[...], events[...] = 0, 0
        return observation.copy(), self._info(detail, events.tobytes(), mask)

    def step(
        self, action: int | np.integer[Any]
    ) -> tuple[NDArray[np.float32], float, bool, bool, Info]:
        """Play one turn with persona `action`; see `LaneVectorEnv.step`."""
        self._action[0] = self._read_action(action)
        self._one._play(self._action, self._outputs)
        reward, detail, events, observation, mask = self._rows
        happened = events.tobytes()  # terminated, truncated, ...
        info = self._info(detail, happened, mask)
        return observation.copy(), reward.item(), happened[0] != 0, happened[1] != 0, info

    def _info(self, detail: NDArray[Any], events: bytes, mask: NDArray[np.int8]) -> Info:
        info = self._turn_info(detail, events)
        info["action_mask"] = mask.copy()
        info["user"] = self._user
        if self.info_arrays:
            return {key: np.asarray(value) for key, value in info.items()}
        return info

    def _read_action(self, action: int | np.integer[Any]) -> int:
        number = action
        if isinstance(action, np.integer):
            number = int(action)
        elif type(action) is not int:
            given = as_array("action", action)
            whole = given.dtype.kind in "iu" and given.size == 1
            number = int(given.reshape(-1)[0]) if whole else -1
        if not 0 <= number < self._n_actions:
            raise CarouselError(
                f"action is {shown(action)}; it must be an integer from 0 to {self._n_actions - 1}"
            )
        return int(number)

    def get_keys_to_action(self) -> dict[str, int]:
        """Keys for `gymnasium.utils.play.play`: 1 picks the first persona, 2 the second, and so on
        along the keyboard (0, q, w, ... from the tenth on). Play with `wait_on_player=True`;
        otherwise the first persona is picked whenever no key is pressed."""
        return dict(zip(KEYS, range(self._n_actions), strict=False))

    def hidden(self) -> dict[str, Any]:
        """The hidden state; see `LaneVectorEnv.hidden`."""
        return {key: value[0] for key, value in self._one.hidden().items()}

    def action_masks(self) -> NDArray[np.bool_]:
        """Which personas are available, bool of shape (K,) (as sb3-contrib expects)."""
        return np.asarray(self._one.action_masks()[0])

    def render(self) -> Any:
        """The last turn as a line (ansi), or the session so far as an image (rgb_array)."""
        frames = self._one.render()
        return None if frames is None else frames[0]

    def close(self) -> None:
        """Close the environment; every later call raises."""
        self._one.close()
