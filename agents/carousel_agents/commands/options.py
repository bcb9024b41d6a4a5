"""What the commands share: how environments, changes and shifts are named on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carousel_envs import CarouselError, Population, any_population
from carousel_envs.errors import shown
from carousel_envs.registry import AnyPopulation, environment_id, shifts_of, short_name
from carousel_envs.shifts import parse_shift, shifted

from ..learning.settings import ALGORITHMS, OPTIONAL

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

EnvArgument = Annotated[
    str, typer.Argument(metavar="ENV", help="an id such as Carousel/Boredom-v0, or just Boredom")
]
RouterArgument = Annotated[
    str,
    typer.Argument(
        metavar="ROUTER",
        help="a policy file (.safetensors) or a scripted name: see `carousel envs`",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on standard output")]
AlgorithmOption = Annotated[
    str,
    typer.Option(
        help=f"learning algorithm: {', '.join(ALGORITHMS)}; {', '.join(OPTIONAL)} with their extra"
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="change a population field; may be repeated"),
]
UsersOption = Annotated[int, typer.Option(help="sessions to play")]
SeedOption = Annotated[int, typer.Option(help="session i uses the streams of seed + i")]


def environment(name: str, changes: Sequence[str] | None = None) -> tuple[str, AnyPopulation]:
    """The id and the population that ENV and --set name.

    Raises:
        CarouselError: no such environment, field or value.
    """
    full = environment_id(name)
    population = any_population(short_name(full))
    fields = assigned("--set", changes or [])
    return full, population.replace(**fields) if fields else population


def assigned(option: str, changes: Sequence[str]) -> dict[str, Any]:
    """Values by name from texts of the form name=value; a value is JSON, or else text.

    Raises:
        CarouselError: another form.
    """
    found: dict[str, Any] = {}
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals or not name:
            raise CarouselError(f"{option} {shown(change)} must have the form field=value")
        try:
            found[name] = json.loads(text)
        except (ValueError, RecursionError):
            found[name] = text
    return found


def environment_of_users(name: str, changes: Sequence[str] | None = None) -> tuple[str, Population]:
    """The same, for commands that need users who engage.

    Raises:
        CarouselError: the environment asks questions instead.
    """
    full, population = environment(name, changes)
    if not isinstance(population, Population):
        raise CarouselError(f"{full} asks questions; this command needs users who engage")
    return full, population


def shifted_population(population: AnyPopulation, shifts: Sequence[str] | None) -> AnyPopulation:
    """Apply shifts of the form axis=severity, one after the other.

    Raises:
        CarouselError: another form, an unknown axis, a severity outside [0, 1], or an axis that
            means nothing here.
    """
    axes = shifts_of(population)
    chosen = [parse_shift(text, axes) for text in shifts or []]
    target: AnyPopulation = shifted(population, chosen)
    return target


def refuse_to_replace(path: Path, force: bool) -> None:
    """Raise if a file is there already and may not be replaced."""
    if path.exists() and not force:
        raise CarouselError(f"{path} exists; give --force to replace it")
