"""The environment under test: fresh instances, and the record that checks share."""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode, VectorEnv

from ..foundation.errors import CarouselError, whole_number
from .play import Chooser, Env, Event, Row, described, difference, events, play, replay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gymnasium.envs.registration import EnvSpec

ScalarSource = gym.Env[Any, Any] | Callable[[], gym.Env[Any, Any]] | None
_LANES_COMPARED = 16
_OF_THE_VECTOR = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers", "render_mode")


class Subject:
    """The environment under test.

    Args:
        source: an environment, or a function that makes one.
        scalar: the scalar environment, a function that makes it, or None (see `scalar`).
        seed: what the shared record is seeded with.
        steps: length of a record.
    """

    def __init__(
        self, source: Env | Callable[[], Env], scalar: ScalarSource, seed: int, steps: int
    ) -> None:
        self._make = _maker(source)
        self._scalar_source = scalar
        self._made: list[Any] = []
        self._refuse_unless_scalar()
        self.copied = isinstance(source, VectorEnv) and not _remakes(source)
        self.seed = seed
        self.steps = steps
        self.example = source if isinstance(source, VectorEnv) else _first("env", self._make)
        if not isinstance(self.example, VectorEnv):
            raise CarouselError(
                f"env is a {type(self.example).__name__}; it must be a Gymnasium vector "
                "environment or a function that makes one"
            )
        declared = self.declared
        with contextlib.suppress(ValueError):
            # the name in place of the enum is a finding, and clear enough to go on with
            declared = AutoresetMode(declared)
        self.mode = declared if isinstance(declared, AutoresetMode) else None

    def _refuse_unless_scalar(self) -> None:
        """Raise unless what was given as the scalar environment is one, or makes one."""
        env: Any = self._scalar_source
        if callable(env) and not isinstance(env, gym.Env):
            env = _first("scalar", env)
            self._made.append(env)
        if not (env is self._scalar_source is None or isinstance(env, gym.Env)):
            self.release()
            raise CarouselError(
                f"scalar is a {type(env).__name__}; it must be a scalar environment, a function "
                "that makes one, or None"
            )

    @property
    def declared(self) -> Any:
        """The autoreset mode that the metadata declares, if any."""
        metadata = getattr(self.example, "metadata", None)
        return metadata.get("autoreset_mode") if isinstance(metadata, Mapping) else None

    @cached_property
    def num_envs(self) -> int:
        """Number of lanes.

        Raises:
            CarouselError: the environment does not declare it.
        """
        given: Any = getattr(self.example, "num_envs", None)
        return whole_number("num_envs", given, 1, 2**31)

    def __str__(self) -> str:
        """The environment, as it prints itself if it can."""
        try:
            return str(self.example)
        except Exception:
            return type(self.example).__name__

    def fresh(self) -> Env:
        """An environment that has not been reset."""
        env = self._make()
        if env is self.example or any(env is other for other in self._made):
            raise CarouselError("the function returned the same environment twice")
        self._made.append(env)
        return env

    def release(self) -> None:
        """Close every environment that was made."""
        for env in self._made:
            # whether closing works is a check of its own
            with contextlib.suppress(Exception):
                env.close()
        self._made.clear()

    def chooser(self, seed: int = 0, *, alike: bool = False) -> Chooser:
        """Random actions, a function of this seed and the subject's."""
        return Chooser(self.example, self.seed + seed, alike=alike)

    def play(self, seed: int | None, *, env: Env | None = None, alike: bool = False) -> list[Row]:
        """A record of random play; the same seed of actions whatever the environment's."""
        env = self.fresh() if env is None else env
        return play(env, self.steps, self.chooser(alike=alike), seed=seed, mode=self.mode)

    @cached_property
    def base(self) -> list[Row]:
        """The record that most checks look at or play again."""
        return self.play(self.seed)

    @cached_property
    def lanes(self) -> list[list[Event]]:
        """`base`, lane by lane."""
        return events(self.base, self.example, self.mode)

    @property
    def compared(self) -> list[int]:
        """The lanes that are held against the scalar environment: all, or some of very many."""
        n = self.num_envs
        return sorted({int(i) for i in np.linspace(0, n - 1, min(n, _LANES_COMPARED))})

    @property
    def has_ends(self) -> bool:
        """Whether an episode ended in `base` before its last row."""
        return any(row.over().any() for row in self.base[:-1] if row.is_step)

    @property
    def no_end(self) -> str:
        """Why a check that needs the end of an episode was skipped."""
        return f"no episode ended within {self.steps} steps; ask for more steps"

    @cached_property
    def infos_repeat(self) -> bool:
        """Whether the same seed gives the same infos; they may hold times, for instance."""
        return difference(self.base, replay(self.fresh(), self.base), infos=True) is None

    def difference(self, one: Sequence[Row], other: Sequence[Row]) -> str | None:
        """Where two records first differ, in what the same seed gives again."""
        return difference(one, other, infos=self.infos_repeat)

    # -- other environments -------------------------------------------------------------------

    def scalar(self) -> gym.Env[Any, Any] | str:
        """The scalar environment, or a sentence that says why there is none."""
        if isinstance(self._scalar_source, gym.Env):
            return self._scalar_source
        if self._scalar_source is not None:
            env = self._scalar_source()
        else:
            spec = self.example.unwrapped.spec
            if spec is None or spec.entry_point is None:
                return "no scalar environment is given, and there is no spec to make it from"
            if self.example is not self.example.unwrapped:
                return "no scalar environment is given, and that of the spec lacks the wrappers"
            env = _scalar_of(spec)
        self._made.append(env)
        return env

    def larger(self, lanes: int) -> Env | str:
        """The same environment with another number of lanes, or why there is none."""
        if not _remakes(self.example):
            return "there is no spec to make the environment with more lanes from"
        spec = copy.deepcopy(self.example.spec)
        assert spec is not None
        spec.kwargs["num_envs"] = lanes
        env = gym.make_vec(spec)
        self._made.append(env)
        return env


def _first(name: str, make: Callable[[], Any]) -> Any:
    """The result of a function's first call.

    Raises:
        CarouselError: the call raises.
    """
    try:
        return make()
    except Exception as error:
        raise CarouselError(
            f"{name} cannot be made: the function given raised {described(error)}"
        ) from None


def _remakes(env: Env) -> bool:
    """Whether the spec makes the environment; wrappers around it are not part of the spec."""
    return env.spec is not None and env is env.unwrapped


def _maker(source: Env | Callable[[], Env]) -> Callable[[], Env]:
    if not isinstance(source, VectorEnv):
        if not callable(source):
            raise CarouselError(
                f"env is a {type(source).__name__}; it must be a Gymnasium vector environment or "
                "a function that makes one"
            )
        return source
    if _remakes(source):
        spec = source.spec
        assert spec is not None
        return lambda: gym.make_vec(copy.deepcopy(spec))
    return lambda: copy.deepcopy(source)


def _scalar_of(spec: EnvSpec) -> gym.Env[Any, Any]:
    """The scalar environment of a vector environment's spec, with those arguments it takes."""
    spec = copy.deepcopy(spec)
    wrappers = spec.kwargs.get("wrappers", ())
    kwargs = {key: value for key, value in spec.kwargs.items() if key not in _OF_THE_VECTOR}
    limit = kwargs.pop("max_episode_steps", None)
    entry = spec.entry_point
    assert entry is not None
    creator = entry if callable(entry) else load_env_creator(entry)
    taken = inspect.signature(creator).parameters
    if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values()):
        # arguments such as the autoreset mode mean nothing to a scalar environment
        kwargs = {key: value for key, value in kwargs.items() if key in taken}
    spec.kwargs = kwargs
    env = gym.make(spec, max_episode_steps=limit, disable_env_checker=True)
    for wrapper in wrappers:
        env = wrapper(env)
    return env
