"""A digest of the source that decides a study's rows, to tell results of other source apart."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import carousel_envs.wrappers

if TYPE_CHECKING:
    from collections.abc import Mapping

_PLAYS = (
    *("generalisation", "scripted", "router"),
    *("learning/inference.py", "learning/layers.py", "learning/policy_file.py"),
    *("learning/policy_format.py", "learning/learned_router.py", "learning/stacking.py"),
    *("learning/view.py", "learning/levels/__init__.py", "learning/levels/record.py"),
)
_KEEPS = ("gap_parts", "improvement", "statistics", "summary")
READS = (
    *(f"generalisation/{name}.py" for name in _KEEPS),
    *(
        f"system/{name}.py"
        for name in ("archives", "extras", "interruption", "lazily", "locks", "workers")
    ),
)
"""Modules that keep rows, put them together, or hand out work: a change there changes no row."""


@cache
def sources() -> str:
    """First 8 hex digits of a SHA-256 over the source that decides rows, except for the source that
    `carousel_envs.reference.store.solvers` covers."""
    return digest(deciding())


def deciding() -> dict[str, Path]:
    """The files that decide rows, in order of a name that is the same on every machine."""
    agents, wrappers = Path(__file__).parents[1], Path(carousel_envs.wrappers.__file__).parent
    found = {f"wrappers/{path.name}": path for path in wrappers.glob("*.py")}
    for part in _PLAYS:
        place = agents / part
        for path in [place] if place.is_file() else place.rglob("*.py"):
            found[path.relative_to(agents).as_posix()] = path
    return {name: found[name] for name in sorted(found) if name not in READS}


def digest(files: Mapping[str, Path]) -> str:
    """First 8 hex digits of a SHA-256 over names and contents."""
    whole = hashlib.sha256()
    for name, path in files.items():
        whole.update(name.encode() + path.read_bytes())
    return whole.hexdigest()[:8]
