"""The one place that says how kernels are compiled."""

from __future__ import annotations

import hashlib
import re
import sys
from functools import cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from ..foundation.messages import say_once
from .kernel_cache import keep
from .parts import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PACKAGE = __name__.partition(".")[0]
_OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_NOWHERE = (
    "kernels are compiled anew in every process, which takes some seconds: neither this package's "
    "folder nor the user's cache folder can be written; NUMBA_CACHE_DIR may name a place"
)


_COMPILING = "compiling the session kernel; this takes some seconds once per installation"


def njit(function: Callable[..., Any]) -> Any:
    """Compile a function: without the interpreter lock, no exceptions on division, cached on disk.

    What is cached is used as long as no file that holds compiled functions has changed: numba
    itself looks at the outermost function's file alone, and would go on with what that called
    before. The cache lies beside the source, where that cannot be written in the user's folder, or
    where NUMBA_CACHE_DIR says (`kernel_cache.py`). Without any such place there is none, which is
    logged once.

    With NUMBA_DISABLE_JIT=1 nothing is compiled: the same results, thousands of times slower.
    """
    return _compiled(function, _OPTIONS)


def session_kernel(function: Callable[..., Any]) -> Any:
    """`njit` for what plays sessions, which takes seconds to compile: before it does, that is
    logged, once."""
    return _compiled(function, _OPTIONS, announced=_COMPILING)


def part(function: Callable[..., Any]) -> Any:
    """Compile a function as part of those compiled functions that call it; Python cannot.

    Much sooner there than with `njit`, and nothing of it is kept on disk, because the functions
    that call it contain it (`parts.py`).
    """
    return _part(function, _OPTIONS)


def inlined(function: Callable[..., Any]) -> Any:
    """`part` for what belongs to a loop: never called, whatever it costs, because a loop that calls
    does not become vector instructions."""
    return _part(function, {**_OPTIONS, "forceinline": True})


def _part(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return _interpreted(function)
    return Part(function, options)


def _compiled(
    function: Callable[..., Any], options: dict[str, Any], announced: str | None = None
) -> Any:
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return _interpreted(function)
    try:
        return _stamped(numba.njit(cache=True, **options)(function), announced)
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


def _stamped(compiled: Any, announced: str | None) -> Any:
    """Let the cache of a function hold for the sources of all compiled functions as they are."""
    file = compiled._cache._cache_file._source_stamp
    own = compiled.__module__.partition(".")[0]
    keep(compiled, (file, _sources(_PACKAGE), _sources(own)), announced)
    return compiled


_IMPORT = re.compile(rb"^from (\.+)([\w.]*) import (?:\(([^)]*)\)|([^\n(]*))", re.MULTILINE)
_COMPILED = re.compile(rb"njit|\bSlot\(|^@(?:session_kernel|part|inlined)$", re.MULTILINE)
_CONSTANT = re.compile(rb"\b[A-Z][A-Z0-9_]+\b")


@cache
def _sources(package: str | None) -> str:
    """A digest of the package's files that go into compiled functions; empty for any other."""
    module = sys.modules.get(package or "")
    digest = hashlib.sha256()
    for folder in getattr(module, "__path__", ()):
        for path, content in sorted(compiled_files(Path(folder)).items()):
            digest.update(path.relative_to(folder).as_posix().encode() + content)
    return digest.hexdigest()


def compiled_files(folder: Path) -> dict[Path, bytes]:
    """The files below a folder that go into compiled functions, with their content: those that
    define such functions or declare their arrays, and those whose constants these import, directly
    or through others."""
    every = {path: path.read_bytes() for path in folder.rglob("*.py")}
    found = {path: content for path, content in every.items() if _COMPILED.search(content)}
    waiting = list(found)
    while waiting:
        path = waiting.pop()
        for source in _constants_from(path, every):
            if source not in found:
                found[source] = every[source]
                waiting.append(source)
    return found


def _constants_from(path: Path, every: Mapping[Path, bytes]) -> Iterator[Path]:
    """The files whose constants a file imports, by their names or as attributes of a module."""
    for dots, module, several, one in _IMPORT.findall(every[path]):
        place = path.parents[len(dots) - 1].joinpath(*filter(None, module.decode().split(".")))
        names = several or one
        if _CONSTANT.search(names) and place.with_suffix(".py") in every:
            yield place.with_suffix(".py")
        for name in re.findall(rb"\w+", names):
            if (source := place / f"{name.decode()}.py") in every:
                yield source
