"""The native vector environment as a Stable-Baselines3 `VecEnv`.

Lanes stay arrays: no environment object, monitor or dictionary is made per lane. Lanes whose
session goes on share one empty, read-only info.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from gymnasium.vector import AutoresetMode
from stable_baselines3.common.vec_env import VecEnv

from carousel_envs import CarouselError
from carousel_envs.registry import vector_env
from carousel_envs.snapshots import take_back

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gymnasium.vector import VectorEnv
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation

    from .view import View

_NOTHING: MappingProxyType[str, Any] = MappingProxyType({})


class CarouselVecEnv(VecEnv):
    """N sessions at a time for Stable-Baselines3.

    Args:
        env: a native vector environment of ours, wrapped or as it is, in same-step mode; see
            `of` for one made from a population.
        seed: lane i is the scalar environment seeded seed + i.
        time_limit: what a truncated session means to the learner. "bootstrap" is the convention of
            Stable-Baselines3: the value of the last observation is added, as if the session went
            on. "end": a session's length is part of the task and shown in the observation, so
            nothing comes after it. In both cases `terminal_observation` is the session's own last
            observation.

    Raises:
        CarouselError: an argument is not allowed.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        seed: int = 0,
        *,
        time_limit: Literal["bootstrap", "end"] = "bootstrap",
    ) -> None:
        if time_limit not in ("bootstrap", "end"):
            raise CarouselError(f"time_limit is {time_limit!r}; it must be 'bootstrap' or 'end'")
        if env.metadata["autoreset_mode"] != AutoresetMode.SAME_STEP:
            raise CarouselError(
                f"env starts sessions anew in mode {env.metadata['autoreset_mode'].value}; it must "
                f"be {AutoresetMode.SAME_STEP.value} (autoreset_mode='SameStep' when it is made; "
                "CarouselVecEnv.of makes one from a population)"
            )
        self.env: Any = env
        self.render_mode = None
        lanes = env.num_envs
        super().__init__(lanes, self.env.single_observation_space, self.env.single_action_space)
        self._bootstrap = time_limit == "bootstrap"
        self._start_seed: int | None = seed
        self._actions: NDArray[np.int64] = np.zeros(lanes, dtype=np.int64)
        self._return = np.zeros(lanes)
        self._length = np.zeros(lanes, dtype=np.int64)

    @classmethod
    def of(
        cls,
        population: AnyPopulation,
        lanes: int,
        seed: int = 0,
        *,
        view: View | None = None,
        time_limit: Literal["bootstrap", "end"] = "bootstrap",
    ) -> CarouselVecEnv:
        """N lanes of the environment that plays a population, as `view` shows it."""
        env = vector_env(population, lanes, autoreset_mode=AutoresetMode.SAME_STEP)
        return cls(env if view is None else view.wrap(env), seed, time_limit=time_limit)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the next reset: lane i with seed + i."""
        self._start_seed = seed
        return [None if seed is None else seed + i for i in range(self.num_envs)]

    def reset(self) -> NDArray[np.float32]:
        """Start a session in every lane; observations, float32, shape (N, D)."""
        observation, _ = self.env.reset(seed=self._start_seed)
        self._start_seed = None
        self._return[:] = 0.0
        self._length[:] = 0
        self.reset_infos = [{} for _ in range(self.num_envs)]
        first: NDArray[np.float32] = observation
        return first

    def step_async(self, actions: NDArray[np.integer]) -> None:
        self._actions = np.asarray(actions)

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Observations, rewards (float32), dones, infos.

        The info of a session that ended holds `terminal_observation`, `TimeLimit.truncated` and
        `episode` (return r, length l), as Stable-Baselines3 expects them.
        """
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        done = terminated | truncated
        self._return += reward
        self._length += 1
        infos: list[Any] = [_NOTHING] * self.num_envs
        if done.any():
            last = info["final_obs"]
            for i in np.flatnonzero(done):
                infos[i] = {
                    "terminal_observation": last[i],
                    "TimeLimit.truncated": bool(truncated[i]) and self._bootstrap,
                    "episode": {"r": float(self._return[i]), "l": int(self._length[i])},
                }
            self._return[done] = 0.0
            self._length[done] = 0
        return observation, reward.astype(np.float32), done, infos

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """The state of every session (copies); see the environment."""
        own = {"return": self._return.copy(), "length": self._length.copy()}
        return {**{f"env.{name}": a for name, a in self.env.snapshot().items()}, **own}

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot of lanes made in the same way.

        Raises:
            CarouselError: an array is missing, or has another type or shape.
        """
        self.env.restore(
            {name.removeprefix("env."): a for name, a in snapshot.items() if name[:4] == "env."}
        )
        take_back({"return": self._return, "length": self._length}, snapshot)

    def close(self) -> None:
        self.env.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The attribute of the shared environment, once per lane."""
        value = getattr(self.env, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise CarouselError(
            f"set_attr({attr_name!r}) is not possible: all lanes share one environment"
        )

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Only `action_masks`: which personas each lane can be given, bool, shape (K,) a lane."""
        if method_name != "action_masks":
            raise CarouselError(f"env_method({method_name!r}) is unknown; known is 'action_masks'")
        masks = self.env.action_masks()
        return [masks[i] for i in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False for _ in self._get_indices(indices)]
