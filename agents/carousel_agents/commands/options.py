"""What the commands share: how environments, changes and shifts are named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from carousel_envs import CarouselError, Population
from carousel_envs.errors import shown_path
from carousel_envs.registry import environment_id

from ..learning.settings import ALGORITHMS, OPTIONAL
from ..populations import population_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from carousel_envs.registry import AnyPopulation

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
    return environment_id(name), population_of(name, changes or ())


def environment_of_users(name: str, changes: Sequence[str] | None = None) -> tuple[str, Population]:
    """The same, for commands that need users who engage.

    Raises:
        CarouselError: the environment asks questions instead.
    """
    full, population = environment(name, changes)
    if not isinstance(population, Population):
        raise CarouselError(f"{full} asks questions; this command needs users who engage")
    return full, population


def refuse_to_replace(path: Path, force: bool) -> None:
    """Raise if a file is there already and may not be replaced, or if there is no telling."""
    try:
        there = path.exists()
    except OSError as error:
        raise CarouselError(
            f"{shown_path(path)} cannot be written: {error.strerror or error}"
        ) from None
    if there and not force:
        raise CarouselError(f"{path} exists; give --force to replace it")
