"""The native vector environment as a Stable-Baselines3 `VecEnv`: the fast `VectorToVecEnv`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown, truth_value
from carousel_envs.lanes.snapshots import take_back
from carousel_envs.lanes.vector import LaneVectorEnv
from carousel_envs.registry import vector_env
from carousel_envs.wrappers.forms import LaneWrapper

from .lane_access import SharedLanes
from .lane_resets import autoreset_mode
from .vec_env import VectorToVecEnv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation

    from .vec_env import Infos, TimeLimit
    from .view import View


class CarouselVecEnv(VectorToVecEnv):
    """N sessions at a time for Stable-Baselines3.

    Args:
        env: a native vector environment of ours, wrapped or as it is, in same-step mode; see
            `of` for one made from a population.
        seed: lane i is the scalar environment seeded seed + i.
        time_limit, infos, monitor: see `VectorToVecEnv`. A session's length is part of the task and
            shown in the observation, so "end" is the time limit that the presets of `train` use.
        dealt: whether a lane is paid the reward of the lane before it, less the mean of all lanes
            but its own, so that neither what is picked in a session nor its length is paid: a
            control. `episode` still tells a lane's own return.

    Raises:
        CarouselError: an argument is not allowed.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        seed: int = 0,
        *,
        time_limit: TimeLimit = "bootstrap",
        infos: Infos = "all",
        monitor: bool = True,
        dealt: bool = False,
    ) -> None:
        if not isinstance(getattr(env, "unwrapped", None), LaneVectorEnv):
            raise CarouselError(
                f"env is {shown(env)}; it must be a native vector environment of Carousel "
                "(VectorToVecEnv takes any other)"
            )
        mode = autoreset_mode(env)
        if mode != AutoresetMode.SAME_STEP:
            raise CarouselError(
                f"env starts sessions anew in mode {mode.value}; it must "
                f"be {AutoresetMode.SAME_STEP.value} (autoreset_mode='SameStep' when it is made; "
                "CarouselVecEnv.of makes one from a population)"
            )
        super().__init__(env, seed, time_limit=time_limit, infos=infos, monitor=monitor)
        self._dealt = truth_value("dealt", dealt)
        if dealt and self.num_envs < 2:
            raise CarouselError("dealt is True for 1 lane; there must be another to be paid from")

    @classmethod
    def of(
        cls,
        population: AnyPopulation,
        lanes: int,
        seed: int = 0,
        *,
        view: View | None = None,
        render_mode: str | None = None,
        **options: Any,
    ) -> CarouselVecEnv:
        """N lanes of the environment that plays a population, as `view` shows it.

        Args:
            population: users or questions.
            lanes: N.
            seed: lane i is the scalar environment seeded seed + i.
            view: what is shown; default: the present observation.
            render_mode: None, "ansi" or "rgb_array".
            options: `time_limit`, `infos`, `monitor` and `dealt`, as for the class.
        """
        env = vector_env(
            population, lanes, autoreset_mode=AutoresetMode.SAME_STEP, render_mode=render_mode
        )
        return cls(env if view is None else view.wrap(env), seed, **options)

    def step_wait(
        self,
    ) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Observations, rewards (float32), dones, infos; see the class."""
        observation, reward, done, infos = super().step_wait()
        if self._dealt:
            # less what others earn on the mean, or else a session would be paid for going on
            others = (reward.sum() - reward) / (self.num_envs - 1)
            reward = np.roll(reward, 1) - others
        return observation, reward, done, infos

    def _options_of_lanes(self, options: list[dict[str, Any]]) -> dict[str, Any]:
        if all(entry is options[0] for entry in options):
            return options[0]
        for lane, entry in enumerate(options):
            for name in entry:
                if name != "user":
                    raise CarouselError(
                        f"option {shown(name)} of lane {lane} is unknown; known is user"
                    )
        users = [entry.get("user") for entry in options]
        return {"user": [-1 if user is None else user for user in users]}

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """As for `VectorToVecEnv`; what sessions were made with cannot be set.

        Raises:
            CarouselError: the attribute is the environment's own.
        """
        lanes = self._access
        owner = lanes.owner(attr_name) if isinstance(lanes, SharedLanes) else None
        if isinstance(owner, (LaneVectorEnv, LaneWrapper)):
            raise CarouselError(
                f"set_attr({attr_name!r}) is not possible: all lanes share one environment, and "
                "sessions are played as it was made; make another"
            )
        super().set_attr(attr_name, value, indices)

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
