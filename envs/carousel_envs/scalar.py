"""One lane of any environment with lanes, as a scalar environment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np

from .errors import CarouselError, as_array, shown, whole_number
from .lanes import RENDER_MODES, Info, LaneVectorEnv

if TYPE_CHECKING:
    from numpy.typing import NDArray


class LaneEnv(gym.Env[Any, Any], ABC):
    """One session at a time: a vector environment at one lane, autoreset disabled.

    Args:
        one: the vector environment that plays.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": list(RENDER_MODES),
        "render_fps": 4,
    }

    def __init__(self, one: LaneVectorEnv) -> None:
        self._one = one
        self.render_mode = one.render_mode
        self._action = np.zeros(1, dtype=np.int64)
        self._outputs = one._outputs()
        self._user = -1  # who plays: drawn or given at `reset`, the same until the next
        self._n_actions = one._mask.shape[1]
        self.observation_space = one.single_observation_space
        self.action_space = one.single_action_space

    @abstractmethod
    def _turn_info(self, detail: Any, events: list[int]) -> Info:
        """Info of a turn, without the state: detail and events as `LaneVectorEnv._turn` has them.

        Written out by every subclass, like `LaneVectorEnv._info`.
        """

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Start a session; see `LaneVectorEnv.reset`."""
        if seed is not None:
            seed = whole_number("seed", seed, 0, 2**63 - 1)
        super().reset(seed=seed)
        obs, info = self._one.reset(seed=seed, options=options)
        self._user = int(info["user"][0])
        return obs[0], {"action_mask": info["action_mask"][0], "user": self._user}

    def step(
        self, action: int | np.integer[Any]
    ) -> tuple[NDArray[np.float32], float, bool, bool, Info]:
        """Play one turn with persona `action`; see `LaneVectorEnv.step`."""
        self._action[0] = self._read_action(action)
        one, (reward, detail, events) = self._one, self._outputs
        one._play(self._action, self._outputs)
        row = events[:, 0].tolist()  # terminated, truncated, ...
        info = self._turn_info(detail[..., 0].tolist(), row)
        info["action_mask"] = one._mask[0].copy()
        info["user"] = self._user
        return one._obs[0].copy(), reward.item(), row[0] != 0, row[1] != 0, info

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

    def hidden(self) -> dict[str, Any]:
        """What no router sees; see `LaneVectorEnv.hidden`."""
        return {key: value[0] for key, value in self._one.hidden().items()}

    def action_masks(self) -> NDArray[np.bool_]:
        """Which personas are available, bool of shape (K,) (the form sb3-contrib asks for)."""
        return np.asarray(self._one.action_masks()[0])

    def render(self) -> Any:
        """The last turn as a line (ansi), or the session so far as an image (rgb_array)."""
        frames = self._one.render()
        return None if frames is None else frames[0]

    def close(self) -> None:
        """Refuse every further call."""
        self._one.close()
