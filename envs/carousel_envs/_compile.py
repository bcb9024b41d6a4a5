"""The one place that says how kernels are compiled."""

from __future__ import annotations

import hashlib
import sys
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from ._kernel_cache import keep
from ._say import say_once

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_NOWHERE = (
    "kernels are compiled anew in every process, which takes some seconds: neither this package's "
    "folder nor the user's cache folder can be written; NUMBA_CACHE_DIR may name a place"
)


def njit(function: Callable[..., Any]) -> Any:
    """Compile a function: without the interpreter lock, no exceptions on division, cached on disk.

    What is cached is used as long as no file that holds compiled functions has changed: numba
    itself looks at the outermost function's file alone, and would go on with what that called
    before. The cache lies beside the source, where that cannot be written in the user's folder, or
    where NUMBA_CACHE_DIR says (`_kernel_cache`). Without any such place there is none, which is
    logged once.

    With NUMBA_DISABLE_JIT=1 nothing is compiled: the same results, thousands of times slower.
    """
    return _compiled(function, _OPTIONS)


def inlined(function: Callable[..., Any]) -> Any:
    """`njit` for what is part of a loop: never called, whatever it costs, because a loop that calls
    does not become vector instructions."""
    return _compiled(function, {**_OPTIONS, "forceinline": True})


def _compiled(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return _interpreted(function)
    try:
        return _stamped(numba.njit(cache=True, **options)(function))
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
    say_once("nowhere", _NOWHERE)
    return numba.njit(**options)(function)


def _interpreted(function: Callable[..., Any]) -> Any:
    """The function in Python, with what compiled code does and NumPy does not: records whose fields
    are attributes, and integers that wrap around without a word."""

    @wraps(function)
    def call(*arguments: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*map(_with_attributes, arguments))

    return call


def _with_attributes(value: Any) -> Any:
    records = isinstance(value, np.ndarray) and value.dtype.names is not None
    return value.view(np.recarray) if records else value


def _stamped(compiled: Any) -> Any:
    """Let the cache of a function hold for the sources of all compiled functions as they are."""
    file = compiled._cache._cache_file._source_stamp
    own = compiled.__module__.partition(".")[0]
    keep(compiled, (file, _sources(__package__), _sources(own)))
    return compiled


_CONSTANTS = ("codes.py", "tables.py", "users.py")
"""Files without compiled functions whose numbers are compiled into those that import them."""


@cache
def _sources(package: str | None) -> str:
    """A digest of the package's files that go into compiled functions; empty for any other."""
    module = sys.modules.get(package or "")
    digest = hashlib.sha256()
    for folder in getattr(module, "__path__", ()):
        for path in sorted(Path(folder).rglob("*.py")):
            content = path.read_bytes()
            if b"njit" in content or path.name in _CONSTANTS:
                digest.update(content)
    return digest.hexdigest()
