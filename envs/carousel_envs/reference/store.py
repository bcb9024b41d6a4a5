"""Slow solutions, kept on disk under the fingerprint of their population.

An entry is a SHA-256 digest (32 bytes) of its name and content, followed by the content, a NumPy
archive of plain arrays. The digest is compared before anything is parsed, and reading runs no code.
The name contains the population's fingerprint and a digest of the source that solves and simulates,
so an entry that is damaged, misnamed or made by another version of the solvers is solved again and
replaced. Nothing depends on the store: without a place to write, every population is solved each
time.

A change of that source orphans earlier entries, so the store is bounded: once it is full, the least
recently used entries are removed (`prune`; the time of a file is that of its last use).

The folder is the environment variable `CAROUSEL_CACHE` (empty: keep nothing), else the user's cache
folder. Deleting it is always safe.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import logging
import os
import zipfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from platformdirs import user_cache_path

from ..foundation.errors import CarouselError
from ..foundation.files import clear_parts, read_whole, write_whole
from ..foundation.messages import say_once

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ..users.population import Population

_log = logging.getLogger(__name__)

LARGEST_BYTES = 1 << 30
"""Largest size of the store."""
_SUFFIX = ".reference"
_LARGEST_ENTRY = 1 << 30
"""Largest size of an entry; a larger file is not read."""
_NEVER_SOLVES = (
    "checking",
    "environments",
    "reference/distance",
    "shifts",
    "wrappers",
    "lanes/font.py",
    "lanes/sheet.py",
    "questions/environment.py",
    "questions/render.py",
    "reference/acting/prediction.py",
    "users/environment.py",
    "users/render.py",
    "_version.py",
)
"""Parts of the package that bear on no solution: a change there keeps all entries."""

Arrays = dict[str, "NDArray[Any]"]


def folder() -> Path | None:
    """Folder of the entries, or None if nothing is kept."""
    named = os.environ.get("CAROUSEL_CACHE")
    if named is None:
        return user_cache_path("persona-carousel", appauthor=False) / "references"
    if not named:
        return None
    try:
        place = Path(named).expanduser()
        if place.is_dir() or not place.exists():
            return place
        reason = "it is no folder"
    except (OSError, RuntimeError) as error:
        reason = str(error)
    say_once("CAROUSEL_CACHE", f"CAROUSEL_CACHE is {named!r} ({reason}); nothing is kept")
    return None


@cache
def solvers() -> str:
    """First 8 hex digits of a SHA-256 over the source that solves and simulates."""
    digest = hashlib.sha256()
    package = Path(__file__).parents[1]
    for path in sorted(package.rglob("*.py")):
        within = path.relative_to(package)
        if solves(within):
            digest.update(str(within).encode() + path.read_bytes())
    return digest.hexdigest()[:8]


def solves(module: Path) -> bool:
    """Whether a module, as a path within the package, may bear on solutions."""
    return not any(module.is_relative_to(part) for part in _NEVER_SOLVES)


def entry_path(what: str, population: Population) -> Path | None:
    """The file with the entry `what` of a population, or None if nothing is kept."""
    place = folder()
    name = f"{what}-{population.as_solved.fingerprint}-{solvers()}{_SUFFIX}"
    return None if place is None else place / name


@dataclass(frozen=True)
class Entry:
    """A file of the store.

    Attributes:
        path: of the file.
        size: in bytes.
        used: time of the last write or read, in seconds since 1970.
        current: whether this version of the solvers made it, and would find it.
    """

    path: Path
    size: int
    used: float
    current: bool


def entries() -> list[Entry]:
    """All entries, the least recently used first; those of other versions included."""
    place, found = folder(), []
    for path in () if place is None else place.glob(f"*{_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # another process has removed it
            known = path.stat()
            current = path.stem.rpartition("-")[2] == solvers()
            found.append(Entry(path, known.st_size, known.st_mtime, current))
    return sorted(found, key=lambda entry: (entry.used, entry.path.name))


def prune(largest: int = LARGEST_BYTES) -> list[Entry]:
    """Remove the least recently used entries until the store has at most `largest` bytes.

    An entry that cannot be removed, such as another user's, stays, which is logged once.

    Returns:
        The entries that were removed.
    """
    known, removed = entries(), []
    total = sum(entry.size for entry in known)
    for entry in known:
        if total <= largest:
            break
        try:
            entry.path.unlink(missing_ok=True)
        except OSError as error:
            say_once("entry", f"{entry.path} cannot be removed ({error.strerror}); it stays")
            continue
        total -= entry.size
        removed.append(entry)
    return removed


def stored(
    what: str,
    population: Population,
    solve: Callable[[], Arrays],
    keep: Callable[[], bool] = lambda: True,
) -> Arrays:
    """The arrays that `solve` returns, from the store if it has them.

    Args:
        what: short name of the solver.
        population: the population solved.
        solve: computes the arrays; none may have dtype object.
        keep: asked afterwards, whether they are to be kept.
    """
    path = entry_path(what, population)
    if path is None:
        return solve()
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        _log.warning("%s is damaged (%s); it is solved anew", path, error)
    arrays = solve()
    if not keep():
        return arrays
    archive = io.BytesIO()
    np.savez_compressed(archive, allow_pickle=False, **arrays)
    content = archive.getvalue()
    try:
        write_whole(path, _digest(path, content) + content)
    except CarouselError as error:
        _log.warning("%s; it will be solved again next time", error)
        return arrays
    # left by processes that were killed while writing
    clear_parts(path.parent, f"*{_SUFFIX}")
    prune()
    return arrays


def _read(path: Path) -> Arrays:
    whole = read_whole(path, _LARGEST_ENTRY)
    digest, content = whole[:32], whole[32:]
    if _digest(path, content) != digest:
        raise ValueError("it does not hold what was written under this name")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    with contextlib.suppress(OSError):  # the store may be another user's, and read-only
        os.utime(path)
    return arrays


def _digest(path: Path, content: bytes) -> bytes:
    return hashlib.sha256(path.name.encode() + content).digest()
