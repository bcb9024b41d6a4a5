"""Lanes whose observation columns are scaled before a model reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnvWrapper

from .inference import scaled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from stable_baselines3.common.vec_env import VecEnv
    from stable_baselines3.common.vec_env.base_vec_env import VecEnvStepReturn

    from .view import Scaling

_NO_CLIP = np.float32(np.inf)


class ScaledVecEnv(VecEnvWrapper):
    """Columns as `Scaling` brings them to the same size, computed as policy files compute it.

    Args:
        venv: a `CarouselVecEnv`.
        scaling: of its columns.
    """

    def __init__(self, venv: VecEnv, scaling: Scaling) -> None:
        width = len(scaling.centre)
        super().__init__(venv, spaces.Box(-np.inf, np.inf, (width,), np.float32))
        self.scaling = scaling
        self._is_count = np.zeros(width, dtype=np.bool_)
        self._is_count[list(scaling.counts)] = True

    def reset(self) -> NDArray[np.float32]:
        """Start a session in every lane; scaled observations."""
        observation: Any = self.venv.reset()
        return self._scaled(observation)

    def step_wait(self) -> VecEnvStepReturn:
        """As the lanes themselves, but scaled; the last observations of sessions too."""
        observation, reward, done, infos = self.venv.step_wait()
        ended = np.flatnonzero(done)
        if len(ended):
            name = "terminal_observation"
            last = self._scaled(np.stack([infos[i][name] for i in ended]))
            for i, row in zip(ended, last, strict=True):
                infos[i] = {**infos[i], name: row}
        plain: Any = observation
        return self._scaled(plain), reward, done, infos

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """The state of every session; see `CarouselVecEnv`."""
        lanes: Any = self.venv
        state: dict[str, NDArray[Any]] = lanes.snapshot()
        return state

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot; see `CarouselVecEnv`."""
        lanes: Any = self.venv
        lanes.restore(snapshot)

    def _scaled(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        scaling = self.scaling
        x: NDArray[np.float32] = scaled(
            observation, self._is_count, scaling.centre, scaling.scale, _NO_CLIP
        )
        return x
