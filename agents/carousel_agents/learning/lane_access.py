"""Attributes and methods of single lanes, as Stable-Baselines3's `VecEnv` offers them.

Gymnasium's `SyncVectorEnv` and `AsyncVectorEnv` hold an environment object per lane. A native
vector environment holds none: its attributes belong to all lanes, and its methods answer for all
of them at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv
from stable_baselines3.common.env_util import is_wrapped

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown

from .lane_rows import split

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_SINGLE: Mapping[str, str] = {
    "observation_space": "single_observation_space",
    "action_space": "single_action_space",
}
_READS = ("action_masks", "hidden", "render")
"""Methods that answer for all lanes and change none, so that some of the answers may be taken."""
_WHOLE = ("close", "reset", "step")
_UNSET = object()


class LaneAccess(Protocol):
    """What belongs to single lanes; `lanes` are their indices."""

    def get(self, name: str, lanes: Sequence[int]) -> list[Any]:
        """An attribute of each lane."""
        ...

    def set(self, name: str, value: Any, lanes: Sequence[int]) -> None:
        """Set an attribute of each lane."""
        ...

    def call(
        self, name: str, lanes: Sequence[int], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Any]:
        """The result of a method of each lane."""
        ...

    def is_wrapped(self, wrapper: type[Any], lanes: Sequence[int]) -> list[bool]:
        """Whether each lane has this wrapper."""
        ...


def access_to(env: Any) -> LaneAccess:
    """The access that this vector environment allows."""
    base = env.unwrapped
    if isinstance(base, SyncVectorEnv):
        return SyncLanes(base)
    if isinstance(base, AsyncVectorEnv):
        return AsyncLanes(base)
    return SharedLanes(env)


class SyncLanes:
    """An environment object per lane, in this process."""

    def __init__(self, env: SyncVectorEnv) -> None:
        self._envs: Any = env.envs

    def get(self, name: str, lanes: Sequence[int]) -> list[Any]:
        """An attribute of each lane."""
        return [self._envs[i].get_wrapper_attr(name) for i in lanes]

    def set(self, name: str, value: Any, lanes: Sequence[int]) -> None:
        """Set an attribute of each lane."""
        for i in lanes:
            setattr(self._envs[i], name, value)

    def call(
        self, name: str, lanes: Sequence[int], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Any]:
        """The result of a method of each lane."""
        return [self._envs[i].get_wrapper_attr(name)(*args, **kwargs) for i in lanes]

    def is_wrapped(self, wrapper: type[Any], lanes: Sequence[int]) -> list[bool]:
        """Whether each lane has this wrapper."""
        return [is_wrapped(self._envs[i], wrapper) for i in lanes]


class AsyncLanes:
    """An environment object per lane, each in a process of its own, which all answer together."""

    def __init__(self, env: AsyncVectorEnv) -> None:
        self._env: Any = env

    def get(self, name: str, lanes: Sequence[int]) -> list[Any]:
        """An attribute of each lane."""
        values = self._env.get_attr(name)
        return [values[i] for i in lanes]

    def set(self, name: str, value: Any, lanes: Sequence[int]) -> None:
        """Set an attribute of each lane."""
        _refuse_some("set_attr", name, lanes, self._env.num_envs)
        self._env.set_attr(name, [value] * self._env.num_envs)

    def call(
        self, name: str, lanes: Sequence[int], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Any]:
        """The result of a method of each lane."""
        if name not in _READS:
            _refuse_some("env_method", name, lanes, self._env.num_envs)
        values = self._env.call(name, *args, **kwargs)
        return [values[i] for i in lanes]

    def is_wrapped(self, wrapper: type[Any], lanes: Sequence[int]) -> list[bool]:
        """Whether each lane has this wrapper."""
        # an environment in another process cannot be asked for its class
        return [False for _ in lanes]


class SharedLanes:
    """One environment object for all lanes.

    An attribute that neither the environment nor a wrapper has may be set lane by lane, and is
    kept here.
    """

    def __init__(self, env: Any) -> None:
        self._env = env
        self._notes: dict[str, list[Any]] = {}

    def owner(self, name: str) -> Any:
        """The outermost layer, wrapper or environment, that has this attribute; else None."""
        name = _SINGLE.get(name, name)
        return next((layer for layer in layers_of(self._env) if hasattr(layer, name)), None)

    def get(self, name: str, lanes: Sequence[int]) -> list[Any]:
        """An attribute of each lane."""
        if name in self._notes:
            values = [self._notes[name][i] for i in lanes]
            if _UNSET not in values:
                return values
        owner = self.owner(name)
        if owner is None:
            raise AttributeError(f"{type(self._env.unwrapped).__name__} has no attribute {name!r}")
        value = getattr(owner, _SINGLE.get(name, name))
        return [value for _ in lanes]

    def set(self, name: str, value: Any, lanes: Sequence[int]) -> None:
        """Set an attribute of each lane."""
        owner = self.owner(name)
        if owner is None:
            notes = self._notes.setdefault(name, [_UNSET] * self._env.num_envs)
            for i in lanes:
                notes[i] = value
            return
        _refuse_some("set_attr", name, lanes, self._env.num_envs)
        try:
            setattr(owner, _SINGLE.get(name, name), value)
        except AttributeError as error:
            raise CarouselError(f"set_attr({name!r}) is not possible: {error}") from None

    def call(
        self, name: str, lanes: Sequence[int], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> list[Any]:
        """The result of a method of each lane."""
        if name in ("get_wrapper_attr", "has_wrapper_attr"):
            # these are methods of scalar environments, which vector environments lack
            if name == "has_wrapper_attr":
                return [self.owner(args[0]) is not None or args[0] in self._notes for _ in lanes]
            return self.get(args[0], lanes)
        if name in _WHOLE:
            raise CarouselError(
                f"env_method({name!r}) is not possible: all lanes share one environment; use the "
                f"{name} of the VecEnv"
            )
        if name not in _READS:
            _refuse_some("env_method", name, lanes, self._env.num_envs)
        (method,) = self.get(name, [0])
        value = method(*args, **kwargs)
        # of what others return it cannot be known whether it has an entry per lane
        answers = name in _READS or isinstance(value, np.ndarray)
        if not answers:
            return [value for _ in lanes]
        try:
            return split(f"env_method({name!r})", value, lanes, self._env.num_envs)
        except ValueError as error:
            raise CarouselError(str(error)) from None

    def is_wrapped(self, wrapper: type[Any], lanes: Sequence[int]) -> list[bool]:
        """Whether each lane has this wrapper."""
        *wrappers, _ = layers_of(self._env)
        found = any(isinstance(layer, wrapper) for layer in wrappers)
        return [found for _ in lanes]


def layers_of(env: Any) -> Iterator[Any]:
    """An environment's wrappers, from the outermost on, and the environment itself."""
    while env is not env.unwrapped:
        yield env
        env = env.env
    yield env


def _refuse_some(method: str, name: str, lanes: Sequence[int], num_envs: int) -> None:
    if set(lanes) != set(range(num_envs)):
        raise CarouselError(
            f"{method}({name!r}) for lanes {shown(list(lanes))} is not possible: it would change "
            f"all {num_envs}; leave indices out"
        )
