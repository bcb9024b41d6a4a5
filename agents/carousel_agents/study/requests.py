"""Requests: everything that decides a result, as plain data that two runs can compare."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.plugins import digests
from carousel_envs.reference.store import solvers

from ..generalisation.columns import requested
from .source_digest import sources

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_PACKAGES = ("persona-carousel", "gymnasium", "numpy", "numba")


def versions() -> dict[str, str]:
    """Versions of the packages that decide the rows."""
    return {name: metadata.version(name) for name in _PACKAGES}


def code() -> dict[str, Any]:
    """The part of every study's request that says which code plays it."""
    found = digests()
    return {
        "versions": versions(),
        "solvers": solvers(),
        "sources": sources(),
        # before the digest of the plugin that brings it: a refusal tells the first difference
        **requested(),
        **({"plugins": found} if found else {}),
    }


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[str, Any, Any]:
    """The first entry in which two different requests disagree.

    Returns:
        Its name and its two values; "nothing" where a request does not have it.
    """
    first, second = _flat(one), _flat(other)
    return next(
        (key, first.get(key, "nothing"), second.get(key, "nothing"))
        for key in (*second, *first)
        if first.get(key, "nothing") != second.get(key, "nothing")
    )


def _flat(request: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in request.items():
        flat |= (
            {f"{key}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {key: value}
        )
    return flat


def refusal(out: Path, there: Mapping[str, Any], request: Mapping[str, Any]) -> CarouselError:
    """The error for a folder that holds the results of another request.

    Args:
        out: the folder.
        there: the request that it answers; empty if nothing says.
        request: the request that was made now.
    """
    told = "it has no summary.json"
    if there:
        key, found, asked = difference(there, request)
        told = f"{key} is {found!r} there, {asked!r} was asked for"
    return CarouselError(
        f"{out} holds results of another study: {told}; give --force to replace them, or another "
        "folder"
    )
