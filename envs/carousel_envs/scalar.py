"""The scalar environment: the vector environment at one lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from .carousel import RENDER_MODES, CarouselVectorEnv, Info, Reward
from .errors import CarouselError, as_array, shown, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Population


class CarouselEnv(gym.Env[Any, Any]):
    """One session at a time: the vector environment at one lane.

    Takes the arguments of `CarouselVectorEnv` except `num_envs` and `autoreset_mode`. Observations
    are float32 of shape (D,); `info` holds the same keys as Python scalars (`action_mask` an int8
    array of shape (K,)).
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": list(RENDER_MODES),
        "render_fps": 4,
    }

    def __init__(
        self,
        *,
        population: Population | str = "Boredom",
        reward: Reward = "sampled",
        render_mode: str | None = None,
    ) -> None:
        self._one = CarouselVectorEnv(
            1,
            population=population,
            reward=reward,
            autoreset_mode=AutoresetMode.DISABLED,
            render_mode=render_mode,
        )
        self.population = self._one.population
        self.columns = self._one.columns
        self.render_mode = render_mode
        self._action = np.zeros(1, dtype=np.int64)
        self.observation_space = self._one.single_observation_space
        self.action_space = self._one.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Start a session; see `CarouselVectorEnv.reset`."""
        if seed is not None:
            seed = whole_number("seed", seed, 0, 2**63 - 1)
        super().reset(seed=seed)
        obs, info = self._one.reset(seed=seed, options=options)
        return obs[0], {"action_mask": info["action_mask"][0], "user": int(info["user"][0])}

    def step(
        self, action: int | np.integer[Any]
    ) -> tuple[NDArray[np.float32], float, bool, bool, Info]:
        """Play one turn with persona `action`; see `CarouselVectorEnv.step`."""
        one = self._one
        self._action[0] = self._read_action(action)
        reward, mean, welfare, events, _ = one._play(self._action)
        terminated, truncated, _, swapped, refused, mood, *more = events[:, 0].tolist()
        info = {
            "engagement_mean": mean.item(),
            "swapped": swapped != 0,
            "refused": refused != 0,
            "mood": mood,
            "action_mask": one._mask[0].copy(),
            "user": int(one._lanes["user"][0]),
        }
        if more:
            kept, unmasked = more
            if one._keeps_welfare:
                info["welfare"] = welfare.item()
                info["kept"] = kept != 0
            if self.population.unmask:
                info["unmasked"] = unmasked != 0
                info["payoff"] = self.population.unmask_payoff if unmasked else 0.0
        return one._obs[0].copy(), reward.item(), terminated != 0, truncated != 0, info

    def _read_action(self, action: int | np.integer[Any]) -> int:
        number = action
        if type(action) is not int:
            given = as_array("action", action)
            whole = given.dtype.kind in "iu" and given.size == 1
            number = int(given.reshape(-1)[0]) if whole else -1
        if not 0 <= number < self.population.n_actions:
            raise CarouselError(
                f"action is {shown(action)}; it must be an integer from 0 to "
                f"{self.population.n_actions - 1}"
            )
        return int(number)

    def hidden(self) -> dict[str, Any]:
        """What no router sees; see `CarouselVectorEnv.hidden`."""
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
