"""Vector environments of Gymnasium in Stable-Baselines3."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from gymnasium.vector import VectorEnv
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import one_of, shown, truth_value, whole_number

from .lane_access import access_to
from .lane_resets import Padding, reset_of
from .lane_rows import copied, lane_infos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .lane_resets import Begun

TimeLimit = Literal["bootstrap", "end"]
Infos = Literal["all", "ends"]
_MOST_SEED = 2**63 - 1
_LIMIT = "TimeLimit.truncated"


class VectorToVecEnv(VecEnv):
    """Any Gymnasium `VectorEnv` as a `VecEnv` of Stable-Baselines3.

    Lanes stay arrays: a step is one step of the vector environment. What a learner sees is what
    Stable-Baselines3's own `DummyVecEnv` of the same environments shows: a lane whose episode
    ended shows the first observation of the next in the same step, and its info holds
    `terminal_observation`, `TimeLimit.truncated` and `episode`.

    Every autoreset mode is taken. A native environment in next-step mode is refused unless
    `reset_rows` is "pad", because its step after an end takes no action, and a `VecEnv` has no
    such step.

    Args:
        env: the vector environment.
        seed: lane i is seeded seed + i at the first reset; None leaves the seeds to the
            environment.
        time_limit: what a truncated episode means to the learner. "bootstrap" is the convention of
            Stable-Baselines3: the value of the last observation is added, as if the episode went
            on. "end": nothing comes after it.
        infos: "all" gives every lane an info of its own at every step, as `DummyVecEnv` does.
            "ends" tells of the ends of episodes alone (the three entries above) and is faster; the
            algorithms of Stable-Baselines3 read no more.
        monitor: whether `episode` (return r, length l, seconds t since the start) is reported at
            the end of an episode, as `Monitor` does. False if a `VecMonitor` is to do so.
        reset_rows: "refuse", or "pad" for native environments in next-step mode: the row that
            resets a lane is shown as one more turn of the episode that ended, which pays nothing
            and whose action is ignored. Where episodes terminate, no value changes. Where they are
            truncated, the value of what comes after is discounted once more.

    Raises:
        CarouselError: an argument is not allowed.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        seed: int | None = None,
        *,
        time_limit: TimeLimit = "bootstrap",
        infos: Infos = "all",
        monitor: bool = True,
        reset_rows: Literal["refuse", "pad"] = "refuse",
    ) -> None:
        if not isinstance(env, VectorEnv):
            raise CarouselError(
                f"env is {shown(env)}; it must be a gymnasium.vector.VectorEnv (for one scalar "
                "environment Stable-Baselines3 has DummyVecEnv)"
            )
        one_of("time_limit", time_limit, ("bootstrap", "end"))
        one_of("infos", infos, ("all", "ends"))
        one_of("reset_rows", reset_rows, ("refuse", "pad"))
        self.env: Any = env
        lanes = env.num_envs
        self._access = access_to(env)
        self._reset_lanes = reset_of(env, pad=reset_rows == "pad")
        self._padding = Padding(lanes)
        self._bootstrap = time_limit == "bootstrap"
        self._all_infos = infos == "all"
        self._monitors = truth_value("monitor", monitor)
        # an algorithm keeps an observation beyond the next step
        self._copies = not getattr(env.unwrapped, "copy", False)
        super().__init__(lanes, env.single_observation_space, env.single_action_space)
        self.metadata = dict(env.metadata)
        self._lanes = np.arange(lanes)
        self._actions: NDArray[Any] = np.zeros(lanes, dtype=np.int64)
        self._return = np.zeros(lanes)
        self._length = np.zeros(lanes, dtype=np.int64)
        self._started = time.time()
        if seed is not None:
            self.seed(whole_number("seed", seed, 0, _MOST_SEED - lanes))

    # -- reset --------------------------------------------------------------------------------

    def set_options(self, options: list[dict[str, Any]] | dict[str, Any] | None = None) -> None:
        """Options of the next reset: one dict for all lanes, or a list of one per lane.

        Raises:
            CarouselError: neither.
        """
        given = [options] if options is None or isinstance(options, dict) else options
        if (
            not isinstance(given, (list, tuple))
            or not all(entry is None or isinstance(entry, dict) for entry in given)
            or (given is options and len(given) != self.num_envs)
        ):
            raise CarouselError(
                f"options is {shown(options)}; it must be one dict, or a list of {self.num_envs} "
                "dicts, one per lane"
            )
        super().set_options(options if given is not options else [entry or {} for entry in given])

    def reset(self) -> Any:
        """Start an episode in every lane; their first observations.

        Seeds and options that were set are used for this reset alone. `reset_infos` holds what the
        environment says of each lane.

        Raises:
            CarouselError: options differ between lanes, and the environment takes one for all.
        """
        try:
            options = self._options_of_lanes(self._options)
            observation, info = self.env.reset(seed=self._seed_of_lanes(), options=options or None)
        finally:
            # also where they are refused: they were meant for this reset alone
            self._reset_seeds()
            self._reset_options()
        self._padding.begin()
        self._return[:] = 0.0
        self._length[:] = 0
        self.reset_infos = lane_infos(info, self._lanes, self.num_envs)
        return copied(observation) if self._copies else observation

    def _seed_of_lanes(self) -> int | list[int | None] | None:
        seeds = list(self._seeds)
        first = seeds[0]
        if first is None:
            return seeds if any(seed is not None for seed in seeds) else None
        # native environments take one number
        return first if seeds == [first + i for i in range(self.num_envs)] else seeds

    def _options_of_lanes(self, options: list[dict[str, Any]]) -> dict[str, Any]:
        """One dict that says what the dicts of the lanes say."""
        if any(not _equal(entry, options[0]) for entry in options[1:]):
            raise CarouselError(
                f"options differ between lanes, but a {type(self.env.unwrapped).__name__} takes "
                "one dict for all"
            )
        return options[0]

    # -- step ---------------------------------------------------------------------------------

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take one action per lane, shape (N,), which `step_wait` plays."""
        self._actions = np.asarray(actions)

    def step_wait(
        self,
    ) -> tuple[Any, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Observations, rewards (float32), dones, infos; see the class."""
        observation, reward, terminated, truncated, info = self.env.step(self._actions)
        if self._copies:
            observation = copied(observation)
        done = np.logical_or(terminated, truncated)
        truncated = truncated > terminated
        begun = None
        if self._reset_lanes is None:
            done, truncated, begun = self._padding.delay(observation, info, done, truncated)
        elif done.any():
            begun = self._reset_lanes(self.env, observation, info, done, self._all_infos)
        self._return += reward
        self._length += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if self._all_infos:
            on = self._lanes if begun is None else np.flatnonzero(~done)
            extended = {**info, _LIMIT: False}
            for lane, entry in zip(on, lane_infos(extended, on, self.num_envs), strict=True):
                infos[lane] = entry
        if begun is not None:
            observation = begun.observation
            self._tell_ends(begun, truncated, infos)
        return observation, np.array(reward, dtype=np.float32), done, infos

    def _tell_ends(
        self, begun: Begun, truncated: NDArray[np.bool_], infos: list[dict[str, Any]]
    ) -> None:
        """Write the infos of the lanes whose episode ended, and forget the episode."""
        lanes = begun.lanes
        # the row that resets a lane is no turn that was played
        lengths = (self._length[lanes] - (self._reset_lanes is None)).tolist()
        returns = self._return[lanes].tolist()
        limited = (truncated[lanes] & self._bootstrap).tolist()
        seconds = round(time.time() - self._started, 6)
        for j, lane in enumerate(lanes.tolist()):
            info = infos[lane] = begun.final[j] if self._all_infos else {}
            info["terminal_observation"] = begun.last[j]
            info[_LIMIT] = limited[j]
            if self._monitors:
                info["episode"] = {"r": returns[j], "l": lengths[j], "t": seconds}
            if self._all_infos:
                self.reset_infos[lane] = begun.first[j]
        self._return[lanes] = 0.0
        self._length[lanes] = 0

    # -- the rest -----------------------------------------------------------------------------

    def close(self) -> None:
        """Close the environment."""
        self.env.close()

    def get_images(self) -> Sequence[Any]:
        """A picture of every lane, uint8, shape (height, width, 3); None without one."""
        if self.render_mode != "rgb_array":
            warnings.warn(
                f"render_mode is {self.render_mode!r}; pictures need 'rgb_array'", stacklevel=2
            )
            return [None for _ in range(self.num_envs)]
        return self.env_method("render")

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of every lane, through wrappers. Of a native environment all lanes have the
        same; its spaces are those of one lane.

        Raises:
            AttributeError: there is none of this name.
        """
        return self._access.get(attr_name, self._indices(indices))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of lanes.

        Raises:
            CarouselError: lanes share the attribute, and not all of them are meant; or it cannot be
                set.
        """
        self._access.set(attr_name, value, self._indices(indices))

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of every lane, through wrappers. The method of a native environment is
        called once: each lane gets its part of an array that it returns (and of what
        `action_masks`, `hidden` and `render` return), and the whole of anything else.

        Raises:
            AttributeError: there is none of this name.
            CarouselError: all lanes share the method, and it is none that answers lane by lane.
        """
        lanes = self._indices(indices)
        return self._access.call(method_name, lanes, method_args, method_kwargs)

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """Whether each lane is known to be wrapped in this class; in `Monitor` if episodes are
        reported. Nothing is known of the lanes of an `AsyncVectorEnv`."""
        lanes = self._indices(indices)
        if self._monitors and issubclass(Monitor, wrapper_class):
            return [True for _ in lanes]
        return self._access.is_wrapped(wrapper_class, lanes)

    def _indices(self, indices: Any) -> list[int]:
        lanes = [int(i) for i in self._get_indices(indices)]
        for lane in lanes:
            if not -self.num_envs <= lane < self.num_envs:
                raise CarouselError(
                    f"indices hold {lane}; they must lie in 0 to {self.num_envs - 1}"
                )
        return [lane % self.num_envs for lane in lanes]


def _equal(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two dicts of options say the same; arrays in them may make `==` an array."""
    if one is other:
        return True
    return one.keys() == other.keys() and all(
        np.array_equal(value, other[name]) for name, value in one.items()
    )
