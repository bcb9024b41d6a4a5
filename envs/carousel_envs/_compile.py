"""The one place that says how kernels are compiled."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_NOWHERE = (
    "kernels are compiled anew in every process, which takes some seconds: neither this package's "
    "folder nor the user's cache folder can be written; NUMBA_CACHE_DIR may name a place"
)


def njit(function: Callable[..., Any]) -> Any:
    """Compile a function: without the interpreter lock, no exceptions on division, cached on disk.

    The cache lies beside the source, where that cannot be written in the user's cache folder, or
    where NUMBA_CACHE_DIR says. Without any such place there is none, and a warning.
    """
    try:
        return numba.njit(cache=True, **_OPTIONS)(function)
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
    # always told of the same line, so that it is shown once
    warnings.warn_explicit(_NOWHERE, RuntimeWarning, __file__, 1, module=__name__, registry=_SHOWN)
    return numba.njit(**_OPTIONS)(function)


_SHOWN: dict[Any, Any] = {}
