"""Options of a reset, for every environment with lanes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode

from .errors import CarouselError, as_array, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_options(
    options: dict[str, Any] | None, lanes: int, users: int, mode: AutoresetMode
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """What the options of a reset ask for.

    Args:
        options: as the caller gave them.
        lanes: N.
        users: rows of the table of users.
        mode: of autoreset.

    Returns:
        Which lanes to start (bool, (N,)) and with whom (int64, (N,); -1: drawn).

    Raises:
        CarouselError: an option is unknown or not allowed.
    """
    options = {} if options is None else options
    if not isinstance(options, dict):
        raise CarouselError(f"options is {shown(options)}; it must be a dict or None")
    for name in options:
        if name not in ("user", "reset_mask"):
            raise CarouselError(f"option {shown(name)} is unknown; known are user, reset_mask")
    which = np.ones(lanes, dtype=np.bool_)
    if "reset_mask" in options:
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
    chosen = np.full(lanes, -1, dtype=np.int64)
    if options.get("user") is not None:
        given = as_array("user", options["user"])
        if given.dtype.kind not in "iu" or given.shape not in ((), (lanes,)):
            raise CarouselError(
                f"user has dtype {given.dtype} and shape {given.shape}; it must be an integer "
                f"or an integer array of shape ({lanes},)"
            )
        if given.min() < -1 or given.max() >= users:
            raise CarouselError(
                f"user holds {given.min() if given.min() < -1 else given.max()}; it must lie "
                f"in -1 (drawn) to {users - 1}"
            )
        chosen[:] = given
    return which, chosen
