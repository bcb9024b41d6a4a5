"""The turn and the observation columns of an environment in plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled import rng
from ..foundation.errors import CarouselError, as_array, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DRAWS = 64
"""Draws that a turn may make of each lane."""


@dataclass(frozen=True)
class NumpyTurn:
    """The state in which a turn begins; every array has shape (N,).

    Lanes whose session is over are included; their results are discarded.

    Attributes:
        number: turns played before this one.
        persona: the router's pick, which speaks in this turn.
        swapped: whether another persona spoke before.
        streak: turns with this persona, this one included.
        keys: of the random streams of the episodes.
    """

    number: NDArray[np.int64]
    persona: NDArray[np.int64]
    swapped: NDArray[np.bool_]
    streak: NDArray[np.int64]
    keys: NDArray[np.uint64]

    def uniform(self, draw: int) -> NDArray[np.float64]:
        """Draw number `draw` (0 to 63) of this turn, uniform on [0, 1), shape (N,): a function of
        seed, lane, episode and turn alone.

        Raises:
            CarouselError: there is no such draw.
        """
        if not 0 <= draw < _DRAWS:
            raise CarouselError(f"draw is {draw}; a turn has draws 0 to {_DRAWS - 1}")
        return rng.hash_uniforms(self.keys, self.number * _DRAWS + draw)


@dataclass(frozen=True)
class NumpyColumns:
    """Positions in an observation: own columns, current persona (one-hot), turns with it, and the
    share of the session gone.

    Attributes:
        n_own: number of columns that the environment itself defines.
        n_actions: K.
    """

    n_own: int
    n_actions: int

    @property
    def persona(self) -> slice:
        """The current persona, one-hot."""
        return slice(self.n_own, self.n_own + self.n_actions)

    @property
    def streak(self) -> int:
        """Turns with the current persona."""
        return self.n_own + self.n_actions

    @property
    def width(self) -> int:
        """Number of columns, D."""
        return self.streak + 2


def checked_turn(
    answer: Any, lanes: int, keys: Mapping[str, type]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], Mapping[str, NDArray[Any]]]:
    """What `turn` of an environment returned, if it is what it must be.

    Args:
        answer: as returned.
        lanes: N.
        keys: of info, that must be there.

    Raises:
        CarouselError: it is no triple of reward, who leaves and values of info; or one of them has
            another shape or type, a reward is not finite, or a key is missing or unknown.
    """
    if not (isinstance(answer, tuple) and len(answer) == 3):
        raise CarouselError(
            f"turn returned {shown(answer)}; it must return reward, leaves and a dict of info"
        )
    reward, leaves = as_array("reward of turn", answer[0]), as_array("leaves of turn", answer[1])
    for name, array, kinds, what in (
        ("reward", reward, "biuf", "numbers"),
        ("leaves", leaves, "b", "truth values"),
    ):
        if array.shape != (lanes,) or array.dtype.kind not in kinds:
            raise CarouselError(
                f"{name} of turn has dtype {array.dtype} and shape {array.shape}; it must hold "
                f"{what}, shape ({lanes},)"
            )
    if not np.isfinite(reward).all():
        raise CarouselError(
            f"reward of turn holds {reward[~np.isfinite(reward)][0]}; every reward must be finite"
        )
    values = answer[2]
    if not isinstance(values, Mapping) or values.keys() != keys.keys():
        given = sorted(values) if isinstance(values, Mapping) else shown(values)
        raise CarouselError(
            f"info of turn has the keys {given}; they must be those of info_keys, {sorted(keys)}"
        )
    for name, kind in keys.items():
        held = as_array(f"{name} of turn", values[name])
        if held.shape != (lanes,) or not np.can_cast(held.dtype, kind, "same_kind"):
            raise CarouselError(
                f"{name} of turn has dtype {held.dtype} and shape {held.shape}; info_keys says "
                f"{np.dtype(kind)}, shape ({lanes},)"
            )
    return reward.astype(np.float64), leaves, values


def checked_columns(
    observed: Any, own: Mapping[str, tuple[float, float]], which: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """What `observe` of an environment returned, if it is what `own_columns` says.

    Args:
        observed: as returned.
        own: smallest and largest value of each column, by its name.
        which: the lanes that are looked at, shape (N,).

    Returns:
        The columns, shape (N, C).

    Raises:
        CarouselError: it has another shape, or holds what is no number or beyond the limits.
    """
    array, shape = as_array("what observe returned", observed), (len(which), len(own))
    if array.shape != shape:
        raise CarouselError(
            f"observe returned shape {array.shape}; it must be {shape}: a row per lane, a column "
            "for each of own_columns"
        )
    if array.dtype.kind not in "biuf":
        raise CarouselError(f"observe returned dtype {array.dtype}; it must return numbers")
    columns = array.astype(np.float32)
    low, high = np.array(list(own.values()), dtype=np.float32).reshape(-1, 2).T
    # no number compares as beyond
    beyond = ~((columns >= low) & (columns <= high)) & which[:, None]
    if beyond.any():
        i, c = np.argwhere(beyond)[0]
        name = list(own)[c]
        raise CarouselError(
            f"observe returned {columns[i, c]} for {name!r} of lane {i}; own_columns says "
            f"{own[name][0]} to {own[name][1]}"
        )
    return columns


def checked_limits(own: Any) -> Mapping[str, tuple[float, float]]:
    """What `own_columns` of an environment returned, if it is a pair of limits by name.

    Raises:
        CarouselError: it is something else.
    """
    if not isinstance(own, Mapping):
        raise CarouselError(
            f"own_columns returned {shown(own)}; it must return a dict: name of each column to its "
            "smallest and largest value"
        )
    for name, limits in own.items():
        found = np.asarray(limits, dtype=object)
        numbers = all(isinstance(x, (int, float, np.number)) for x in found.flat)
        if found.shape != (2,) or not numbers or not limits[0] <= limits[1]:
            raise CarouselError(
                f"own_columns says {shown(limits)} of {name!r}; it must say the smallest and the "
                "largest value, two numbers"
            )
    return own
