"""Seeds and options of a reset, for every environment with lanes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode

from ..foundation.errors import CarouselError, as_array, shown, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


SEEDS = 2**64
"""Seeds are below this: some clients draw them from 64 bits."""


def read_seeds(seed: Any, lanes: int) -> int | list[int | None] | None:
    """Read a seed: one for all lanes, one per lane (None: not seeded), or None.

    Raises:
        CarouselError: a seed is not allowed, or their number is not that of the lanes.
    """
    many = isinstance(seed, (Sequence, np.ndarray)) and not isinstance(seed, str)
    if not many or np.ndim(seed) == 0:
        return None if seed is None else whole_number("seed", seed, 0, SEEDS - 1)
    if len(seed) != lanes:
        raise CarouselError(f"seed has {len(seed)} entries; it must have {lanes}")
    return [
        None if one is None else whole_number(f"seed[{i}]", one, 0, SEEDS - 1)
        for i, one in enumerate(seed)
    ]


def read_options(
    options: dict[str, Any] | None,
    lanes: int,
    users: int,
    mode: AutoresetMode,
    *,
    alone: bool = False,
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Read the options of a reset.

    Args:
        options: as the caller gave them.
        lanes: N.
        users: rows of the table of users.
        mode: of autoreset.
        alone: whether the environment is scalar.

    Returns:
        Which lanes to start (bool, (N,)) and the rows of their users (int64, (N,); -1:
        drawn).

    Raises:
        CarouselError: an option is unknown or not allowed. Gymnasium's own environments ignore
            unknown options; here a misspelt one would silently play other users.
    """
    options = {} if options is None else options
    if not isinstance(options, dict):
        raise CarouselError(f"options is {shown(options)}; it must be a dict or None")
    masked = mode == AutoresetMode.DISABLED and not alone
    known = ("user", "reset_mask") if masked else ("user",)
    for name in options:
        if name not in known and (alone or name != "reset_mask"):
            raise CarouselError(f"option {shown(name)} is unknown; known: {', '.join(known)}")
    return _read_mask(options, lanes, mode), _read_users(options, lanes, users, alone)


def _read_mask(options: dict[str, Any], lanes: int, mode: AutoresetMode) -> NDArray[np.bool_]:
    """Which lanes to start, bool, shape (N,)."""
    if "reset_mask" not in options:
        return np.ones(lanes, dtype=np.bool_)
    if mode != AutoresetMode.DISABLED:
        raise CarouselError(
            f"reset_mask is only allowed with autoreset_mode Disabled; it is {mode.value}"
        )
    which = as_array("reset_mask", options["reset_mask"])
    if which.dtype != np.bool_ or which.shape != (lanes,):
        raise CarouselError(
            f"reset_mask has dtype {which.dtype} and shape {which.shape}; it must be "
            f"bool of shape ({lanes},)"
        )
    if not which.any():
        raise CarouselError("reset_mask marks no lane; it must mark at least one")
    # kernels are compiled for arrays that are contiguous and can be written
    return which.copy()


def _read_users(options: dict[str, Any], lanes: int, users: int, alone: bool) -> NDArray[np.int64]:
    """Which users to play, int64, shape (N,); -1: drawn."""
    chosen = np.full(lanes, -1, dtype=np.int64)
    if options.get("user") is None:
        return chosen
    given = as_array("user", options["user"])
    if given.dtype.kind not in "iu" or given.shape not in ((), (lanes,)):
        several = "" if alone else f" or an integer array of shape ({lanes},)"
        raise CarouselError(
            f"user has dtype {given.dtype} and shape {given.shape}; it must be an integer{several}"
        )
    if given.min() < -1 or given.max() >= users:
        raise CarouselError(
            f"user holds {given.min() if given.min() < -1 else given.max()}; it must lie "
            f"in -1 (drawn) to {users - 1}"
        )
    chosen[:] = given
    return chosen
