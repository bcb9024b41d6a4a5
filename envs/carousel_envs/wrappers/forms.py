"""The scalar and the vector form of a wrapper, from one batched implementation.

A wrapper is written once, over lanes (`Observer._push`, `ContentFilter._screen`). Its scalar form
is the batch of one, as the scalar environment is the vector environment at one lane.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from ..foundation.errors import CarouselError, shown
from ..lanes.recorded_spec import plain
from ..lanes.snapshots import refuse_unfit, take_back

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from ..users.population import Population

    Rows = slice | NDArray[np.int64]

    # to a type checker a wrapper may be either form, which it cannot express
    _Either = Any
else:
    _Either = object

Info = dict[str, Any]

_BELOW = "below."
ALL = slice(None)
NONE = np.zeros(0, dtype=np.int64)


class LaneWrapper(_Either):  # type: ignore[misc]
    """A wrapper around a Carousel environment; its class picks the form that fits.

    Attributes:
        column_names: name of every column of an observation, in order.
        lanes: N; 1 in the scalar form.
    """

    column_names: tuple[str, ...]
    lanes: int

    def __new__(cls, env: Any = None, *arguments: Any, **keywords: Any) -> Self:
        form: type[Any] = cls
        if not issubclass(cls, (ScalarForm, VectorForm)):
            form = _form_of(cls, VectorForm if isinstance(env, VectorEnv) else ScalarForm)
        made: Self = object.__new__(form)
        return made

    @property
    def population(self) -> Population:
        """The population of the environment."""
        population: Population = self.unwrapped.population
        return population

    def action_masks(self) -> NDArray[np.bool_]:
        """Which personas are available; see the environment."""
        masks: NDArray[np.bool_] = self.unwrapped.action_masks()
        return masks

    def hidden(self) -> dict[str, Any]:
        """The hidden state; see the environment."""
        hidden: dict[str, Any] = self.unwrapped.hidden()
        return hidden


def _form_of(cls: type[Any], wanted: type[Any]) -> type[Any]:
    """The scalar or the vector form of a wrapper, created if a subclass does not define it.

    Raises:
        CarouselError: no base of the class has such a form.
    """
    for base in cls.__mro__[: cls.__mro__.index(LaneWrapper)]:
        forms: list[type[Any]] = base.__subclasses__()
        for form in forms:
            if issubclass(form, wanted):
                if base is cls:
                    return form
                # pickled by the name of its class, from which the form is created again
                names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
                reduce = {"__reduce__": lambda self: (_blank, (cls, wanted), self.__dict__)}
                return type(cls.__name__, (cls, form), {**names, "__doc__": cls.__doc__, **reduce})
    raise CarouselError(
        f"{cls.__name__} is no wrapper that could be put around an environment; ContentFilter, "
        "VisibleContext, History, BeliefFeatures, Clairvoyance and their subclasses are"
    )


def _blank(cls: type[Any], wanted: type[Any]) -> Any:
    """An instance of a form before its `__init__`."""
    return object.__new__(_form_of(cls, wanted))


class ScalarForm(gym.Wrapper, RecordConstructorArgs):
    """Wraps one session at a time."""

    lanes = 1

    def _open(self, env: Any, **arguments: Any) -> spaces.Box:
        """Wrap `env` and remember how; returns the space of one of its observations."""
        refuse_unless_ours(env)
        # recorded for `env.spec`, from which Gymnasium makes the same wrapper again
        recorded = {name: plain(value) for name, value in arguments.items()}
        RecordConstructorArgs.__init__(self, _disable_deepcopy=True, **recorded)
        gym.Wrapper.__init__(self, env)
        space: spaces.Box = env.observation_space
        return space

    def _set_space(self, space: spaces.Box) -> None:
        self.observation_space = space


class VectorForm(VectorWrapper):
    """Wraps many sessions at once."""

    def _open(self, env: Any, **_: Any) -> spaces.Box:
        """Wrap `env`; returns the space of one of its observations."""
        refuse_unless_ours(env)
        VectorWrapper.__init__(self, env)
        self.lanes = env.num_envs
        self._mode = AutoresetMode(env.metadata["autoreset_mode"])
        self._copy = bool(getattr(env.unwrapped, "copy", True))
        self._over = np.zeros(self.lanes, dtype=np.bool_)
        space: spaces.Box = env.single_observation_space
        return space

    def _set_space(self, space: spaces.Box) -> None:
        self.single_observation_space = space
        self.observation_space = batch_space(space, self.lanes)

    def _state(self) -> dict[str, NDArray[Any]]:
        """The arrays of this wrapper that the next step depends on, by name."""
        return {"over": self._over}

    def _refuse_impossible(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Raise if an array of this wrapper holds a state that no session can reach.

        Raises:
            CarouselError: it does.
        """
        # in the other modes the environment below shows which sessions begin anew
        if self._mode == AutoresetMode.NEXT_STEP:
            below = snapshot.get(f"{_BELOW}over")
            # anything but an array is refused below, by name
            if isinstance(below, np.ndarray) and not np.array_equal(snapshot["over"], below != 0):
                raise CarouselError("the snapshot's over is not what the sessions below say")

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """The state of every session (copies), with that of the environment below; see there."""
        inner: Any = self.env
        below: dict[str, NDArray[Any]] = inner.snapshot()
        own = {name: array.copy() for name, array in self._state().items()}
        return {**{f"{_BELOW}{name}": array for name, array in below.items()}, **own}

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a snapshot of an environment made and wrapped in the same way.

        Raises:
            CarouselError: an array is missing, has another type or shape, or holds a state that no
                session can reach.
        """
        own = self._state()
        # before anything below changes
        refuse_unfit(own, snapshot)
        self._refuse_impossible(snapshot)
        inner: Any = self.env
        inner.restore(
            {
                name.removeprefix(_BELOW): array
                for name, array in snapshot.items()
                if isinstance(name, str) and name.startswith(_BELOW)
            }
        )
        take_back(own, snapshot)

    def _mine(self, array: NDArray[Any]) -> NDArray[Any]:
        """The array, or a copy if callers may keep it (`copy`)."""
        return array.copy() if self._copy else array

    def _begun(self, options: dict[str, Any] | None) -> NDArray[np.int64]:
        """The lanes that a reset with these options started; clears the record of ended ones."""
        self._over[:] = False
        mask = (options or {}).get("reset_mask")
        return np.arange(self.lanes) if mask is None else np.flatnonzero(mask)

    def _beginning(
        self, terminated: NDArray[np.bool_], truncated: NDArray[np.bool_]
    ) -> NDArray[np.bool_] | None:
        """Lanes whose row of this step shows the start of a session, bool, shape (N,): lanes that
        were over before it (next-step mode) or that it ended (same-step mode); None without any."""
        if self._mode == AutoresetMode.DISABLED:
            return None
        over = terminated | truncated
        began = over if self._mode == AutoresetMode.SAME_STEP else self._over.copy()
        self._over[:] = over
        return began if began.any() else None


def refuse_unless_ours(env: Any) -> None:
    """Raise unless this is a Carousel environment, or a wrapper around one that names its columns.

    Raises:
        CarouselError: it is not.
    """
    base = getattr(env, "unwrapped", None)
    if not isinstance(env, (gym.Env, VectorEnv)) or not (hasattr(base, "column_names")):
        raise CarouselError(
            f"env is {shown(env)}; it must be a Carousel environment, scalar or native vector, or "
            "a wrapper around one"
        )
    names, shape = names_of(env), single_space(env).shape
    if shape != (len(names),):
        raise CarouselError(
            f"env shows observations of shape {shape}; it must be ({len(names)},), so a wrapper "
            "that changes the columns without naming them must stand further out"
        )


def single_space(env: Any) -> Any:
    """Space of one observation of a scalar or vector environment."""
    return env.single_observation_space if isinstance(env, VectorEnv) else env.observation_space


def names_of(env: Any) -> tuple[str, ...]:
    """Name of every column that an environment of ours shows, through wrappers of any kind."""
    while env is not env.unwrapped:
        if isinstance(env, LaneWrapper):
            return env.column_names
        env = env.env
    return tuple(env.column_names)


def read_names(what: str, given: Any, known: Iterable[str]) -> tuple[str, ...]:
    """One name or several, each of them known and none twice.

    Raises:
        CarouselError: none at all, an unknown one, or one that repeats.
    """
    known = tuple(known)
    allowed = f"known are {', '.join(known)}"
    try:
        names = (given,) if isinstance(given, str) else tuple(given)
    except TypeError:
        raise CarouselError(f"{what} is {shown(given)}; it must hold names; {allowed}") from None
    if not names:
        raise CarouselError(f"{what} is empty; it must hold at least one name; {allowed}")
    for name in names:
        if not isinstance(name, str) or name not in known:
            raise CarouselError(f"{what} holds {shown(name)}; {allowed}")
    if len(set(names)) != len(names):
        raise CarouselError(f"{what} is {shown(names)}; no name may repeat")
    return names
