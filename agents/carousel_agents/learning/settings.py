"""The settings of a training run: an algorithm's preset with changes.

Nothing here imports torch.
"""

from __future__ import annotations

import math
import tomllib
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import UsageError
from carousel_envs.foundation.files import read_whole, unreadable

from .algorithms import ALGORITHMS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .algorithms import Algorithm, Settings

_FEWEST_LANES = 32
"""Fewer lanes make batches so small that their gradients are noise."""


def installed(algorithm: str) -> Algorithm:
    """The record of an algorithm whose packages are there.

    Raises:
        CarouselError: there is none of this name (`UsageError`), or its extra is not installed.
    """
    found = ALGORITHMS.find(algorithm)
    found.refuse_missing()
    return found


def check_algorithm(name: str) -> str:
    """The name as it is registered, if there is such an algorithm.

    Raises:
        CarouselError: there is none (`UsageError`), or its extra is not installed.
    """
    return installed(name).name


def preset(algorithm: str) -> Settings:
    """The settings that come with an algorithm.

    Raises:
        CarouselError: no such algorithm, or its extra is not installed.
    """
    return installed(algorithm).preset


def settings_of(algorithm: str, changes: Mapping[str, Any] | None = None) -> Settings:
    """The preset with some values changed.

    Where `steps` is small (`Budget.full`), so are lanes and batches, unless one of the two is among
    the changes.

    Raises:
        CarouselError: no such algorithm, its extra is not installed, or a value that is not
            allowed.
    """
    record = installed(algorithm)
    known, budget = record.preset, record.budget
    if not changes:
        return known
    chosen = known.replace(**changes)
    given = not changes.keys().isdisjoint(("lanes", "batch_size"))
    if chosen.steps >= budget.full or given:
        return chosen
    lanes = round(chosen.lanes * chosen.steps / budget.full)
    lanes = min(chosen.lanes, max(_FEWEST_LANES, lanes))
    scaled = {"lanes": lanes}
    if batch := getattr(chosen, "batch_size", None):
        scaled["batch_size"] = math.ceil(batch * lanes / chosen.lanes)
    return chosen.replace(**scaled)


def shortfall(algorithm: str, steps: int | None) -> str | None:
    """A sentence, if an algorithm's preset needs more steps than these.

    Args:
        algorithm: its name; one that is not registered here needs no number of steps.
        steps: environment steps; None: those of the preset.
    """
    try:
        record = ALGORITHMS.find(algorithm)
    except UsageError:
        # in a table of runs that were trained by a plugin which is not loaded
        return None
    if (record.preset.steps if steps is None else steps) >= record.budget.needs:
        return None
    return (
        f"steps is {steps}; on Boredom, {algorithm} needs {record.budget.needs} with most seeds: "
        "with fewer, a router may never swap"
    )


def read_settings(path: Path) -> dict[str, Any]:
    """Changes to a preset, from a TOML file of `name = value` lines.

    Raises:
        CarouselError: the file cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(read_whole(path).decode())
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError) as error:
        # not only of syntax: a number of thousands of digits is refused as well
        raise CarouselError(f"{path} is no TOML: {error}") from None
