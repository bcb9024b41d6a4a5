"""Populations by what a person types: an environment, changes of its fields, shifts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from carousel_envs import any_population
from carousel_envs.foundation.errors import UsageError, shown
from carousel_envs.registry import environment_id, shifts_of, short_name
from carousel_envs.shifts import parse_shift, shifted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from carousel_envs.registry import AnyPopulation


def assigned(option: str, changes: Sequence[str]) -> dict[str, Any]:
    """Values by name from texts of the form name=value; a value is JSON, or else text.

    Raises:
        UsageError: another form.
    """
    found: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or not name:
            raise UsageError(f"{option} {shown(change)} must have the form field=value")
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError):
            found[name] = text
    return found


def population_of(
    environment: str, changes: Sequence[str] = (), shifts: Sequence[str] = ()
) -> AnyPopulation:
    """The population of an environment with fields changed, then shifted.

    Args:
        environment: a name or an id.
        changes: texts of the form field=value.
        shifts: texts of the form axis=severity, applied one after the other.

    Raises:
        CarouselError: no such environment, field, value or axis, another form, or an axis that
            means nothing here.
    """
    population = any_population(short_name(environment_id(environment)))
    known = {name.casefold(): name for name in type(population).model_fields}
    fields = {
        known.get(name.casefold(), name): value
        for name, value in assigned("--set", changes).items()
    }
    return shifted_population(population.replace(**fields) if fields else population, shifts)


def shifted_population(population: AnyPopulation, shifts: Sequence[str]) -> AnyPopulation:
    """Apply shifts of the form axis=severity, one after the other.

    Raises:
        CarouselError: another form, an unknown axis, a severity outside [0, 1], or an axis that
            means nothing here.
    """
    axes = shifts_of(population)
    target: AnyPopulation = shifted(population, [parse_shift(text, axes) for text in shifts])
    return target
