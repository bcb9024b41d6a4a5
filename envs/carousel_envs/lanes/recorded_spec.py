"""Gymnasium's spec of an environment, made serialisable."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from ..population import BasePopulation

if TYPE_CHECKING:
    from collections.abc import Collection

    from gymnasium.envs.registration import EnvSpec


def recorded(
    spec: EnvSpec, population: BasePopulation, limit: int, *, idle: Collection[str] = ()
) -> EnvSpec:
    """The spec with plain data in place of values that JSON lacks, and with the limit of turns.

    Args:
        spec: as `gymnasium.make` or `make_vec` fills it in.
        population: what the environment plays.
        limit: turns after which a session is truncated, which the population sets, not the
            registration.
        idle: arguments without effect, which are left out.
    """
    kwargs = {name: plain(value) for name, value in spec.kwargs.items() if name not in idle}
    given = kwargs.get("population")
    if given is not None and not (isinstance(given, str) and given in population.presets()):
        kwargs["population"] = json.loads(population.to_json())
    return dataclasses.replace(spec, kwargs=kwargs, max_episode_steps=limit)


def plain(value: Any) -> Any:
    """An argument as plain data that the environment reads as the same value; a value without such
    a form is returned unchanged, and cannot be serialised."""
    if isinstance(value, BasePopulation):
        return json.loads(value.to_json())
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return _name_of(value) if callable(value) else value


def _name_of(function: Any) -> Any:
    """`module:name` if the function can be imported by it, else the function itself."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", "")
    found = getattr(sys.modules.get(module or ""), name, None)
    return f"{module}:{name}" if found is function else function
