"""What a trial of `tune` proposes, in the search space of an algorithm's record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError

from .algorithms import ALGORITHMS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from optuna import Trial

_SCALED = {"lanes", "batch_size"}


def space_of(algorithm: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The search space of an algorithm (`Algorithm.space`), with the values of `settings` among
    those to choose: a preset's lanes and batches depend on its steps.

    Raises:
        CarouselError: no such algorithm (`UsageError`), or it has no search space.
    """
    space = dict(ALGORITHMS.find(algorithm).space)
    if not space:
        raise CarouselError(f"{algorithm} has no search space, so it cannot be tuned")
    for name in _SCALED & space.keys():
        space[name] = tuple(sorted({*space[name], settings[name]}))
    return space


def propose(trial: Trial, algorithm: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that a trial proposes, in the space of an algorithm with these settings."""
    found: dict[str, Any] = {}
    for name, space in space_of(algorithm, settings).items():
        if space[-1] in ("log", "linear"):
            low, high, scale = space
            found[name] = trial.suggest_float(name, low, high, log=scale == "log")
        else:
            found[name] = trial.suggest_categorical(name, list(space))
    return as_settings(found)


def as_settings(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A trial's parameters as settings: networks are kept as text, which every storage can hold."""
    if "network" not in parameters:
        return dict(parameters)
    network = parameters["network"]
    return {**parameters, "network": [int(width) for width in network.split(",") if width]}


def as_parameters(algorithm: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a trial's parameters, as far as they lie in the space."""
    found = {}
    for name, space in space_of(algorithm, settings).items():
        value = settings[name]
        if name == "network":
            value = ",".join(str(width) for width in value)
        in_range = space[-1] in ("log", "linear") and space[0] <= value <= space[1]
        if in_range or value in space:
            found[name] = value
    return found
