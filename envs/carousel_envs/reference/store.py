"""What took long to solve, kept on disk and found again by the population's fingerprint.

An entry is a SHA-256 digest (32 bytes) and what it is the digest of, a NumPy archive of plain
arrays. The digest is compared before anything is parsed, and reading runs no code; an entry that is
damaged, or was made by another version of the solvers, is solved anew and replaced. Nothing depends
on the store: without a place to write, everything is solved each time.

The folder is the environment variable `CAROUSEL_CACHE` (empty: keep nothing), else the user's cache
folder. Deleting it is always safe.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from platformdirs import user_cache_path

from ..errors import CarouselError
from ..files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ..population import Population

SOLVER_VERSION = 1
"""Counts changes of what a solver finds; part of every entry's name, so that results never mix."""

_log = logging.getLogger(__name__)

Arrays = dict[str, "NDArray[Any]"]


def folder() -> Path | None:
    """Where entries lie; None: nowhere."""
    named = os.environ.get("CAROUSEL_CACHE")
    if named is None:
        return user_cache_path("persona-carousel", appauthor=False) / "references"
    return Path(named).expanduser() if named else None


def entry_path(what: str, population: Population) -> Path | None:
    """The file that holds `what` was solved for a population, or None if nothing is kept."""
    place = folder()
    name = f"{what}-{population.fingerprint}-{SOLVER_VERSION}.reference"
    return None if place is None else place / name


def stored(what: str, population: Population, solve: Callable[[], Arrays]) -> Arrays:
    """The arrays that `solve` returns, from the store if they are there.

    Args:
        what: which solver's, a short name.
        population: whom they belong to.
        solve: makes them; none may have dtype object.
    """
    path = entry_path(what, population)
    if path is None:
        return solve()
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        _log.warning("%s is damaged (%s); it is solved anew", path, error)
    arrays = solve()
    archive = io.BytesIO()
    np.savez_compressed(archive, allow_pickle=False, **arrays)
    content = archive.getvalue()
    try:
        write_whole(path, hashlib.sha256(content).digest() + content)
    except CarouselError as error:
        _log.warning("%s; it will be solved again next time", error)
    return arrays


def _read(path: Path) -> Arrays:
    whole = path.read_bytes()
    digest, content = whole[:32], whole[32:]
    if hashlib.sha256(content).digest() != digest:
        raise ValueError("its content is not what was written")
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}
