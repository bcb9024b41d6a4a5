"""Algorithms that need packages which the library itself does not ask for.

Nothing here imports those packages, or torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Extra:
    """An optional requirement, and the module of ours that uses it.

    Attributes:
        name: of the extra, as in `persona-carousel[name]`, and of the module beside this one. That
            module holds `ALGORITHMS` and `SOURCES`, as `algorithms` and `extract` do.
        imported: what cannot be imported without it.
        packages: what of it decides what training does; the first gives it its name.
    """

    name: str
    imported: str
    packages: tuple[str, ...]


_SBX = Extra("sbx", "sbx", ("sbx-rl", "jax", "jaxlib", "flax", "optax"))

EXTRAS: Mapping[str, Extra] = MappingProxyType({"sbx-ppo": _SBX, "sbx-dqn": _SBX})
"""By algorithm."""


def refuse_missing(algorithm: str) -> None:
    """Refuse an algorithm whose extra is not installed.

    Raises:
        CarouselError: it is not.
    """
    extra = EXTRAS.get(algorithm)
    if extra is not None and find_spec(extra.imported) is None:
        raise CarouselError(
            f"{algorithm} needs {extra.packages[0]}, which is not installed: pip install "
            f"'persona-carousel[{extra.name}]' brings it"
        )


def module_of(algorithm: str) -> Any:
    """The module of ours that knows an algorithm of `EXTRAS`.

    Raises:
        CarouselError: its extra is missing, or cannot be imported.
    """
    refuse_missing(algorithm)
    extra = EXTRAS[algorithm]
    try:
        return import_module(f".{extra.name}", __package__)
    except ImportError as error:
        raise CarouselError(
            f"{algorithm} needs {extra.packages[0]}, which cannot be imported: {error}; pip "
            f"install 'persona-carousel[{extra.name}]' brings what fits together"
        ) from None


def packages_of(algorithm: str) -> tuple[str, ...]:
    """Packages beyond the library's own that decide what training does."""
    extra = EXTRAS.get(algorithm)
    return () if extra is None else extra.packages
