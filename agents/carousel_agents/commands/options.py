"""What the commands share: how environments, changes and shifts are named on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from carousel_envs import CarouselError, Population
from carousel_envs.foundation.errors import UsageError, shown, shown_path
from carousel_envs.registry import environment_id, names, users_of
from carousel_envs.shifts import SHIFTS

from ..generalisation.changed_population import population_of
from ..learning.algorithms import ALGORITHMS
from ..learning.algorithms.record import algorithms_with_extras, core_algorithms
from ..router import ROUTERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from carousel_envs.registry import AnyPopulation


def completing(known: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """What a shell offers for the beginning of a name, out of those that are known by then."""

    # typer finds out by its name what the argument is
    def offer(incomplete: str) -> list[str]:
        return [one for one in known() if one.casefold().startswith(incomplete.casefold())]

    return offer


def _algorithm(name: str) -> str:
    return ALGORITHMS.find(name).name


_complete_environment: Any = completing(names)

EnvArgument = Annotated[
    str,
    typer.Argument(
        metavar="ENV",
        help="an id such as Carousel/Boredom-v0, or just Boredom",
        autocompletion=_complete_environment,
    ),
]
OptionalEnvArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="ENV",
        help="an id such as Carousel/Boredom-v0, or just Boredom",
        autocompletion=_complete_environment,
    ),
]
RouterArgument = Annotated[
    str,
    typer.Argument(
        metavar="ROUTER",
        help="a policy file (.safetensors), a name from `carousel envs`, or your own as "
        "module:object or file.py:object",
        autocompletion=completing(ROUTERS.keys),
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="one JSON document on standard output")]
AlgorithmOption = Annotated[
    str,
    typer.Option(
        metavar="ALGO",
        callback=_algorithm,
        autocompletion=completing(ALGORITHMS.keys),
        help=f"learning algorithm: {', '.join(core_algorithms())}; "
        f"{', '.join(algorithms_with_extras())} with their extra",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="FIELD=VALUE", help="change a population field; may be repeated"),
]
ShiftOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="AXIS=SEVERITY",
        help="shift the users; may be repeated",
        autocompletion=completing(lambda: [f"{axis}=" for axis in SHIFTS]),
    ),
]
AxisOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="AXIS",
        help="only this axis; may be repeated (default: all)",
        autocompletion=completing(SHIFTS.keys),
    ),
]
UsersOption = Annotated[int, typer.Option(metavar="N", help="sessions to play")]
SeedOption = Annotated[
    int,
    typer.Option(
        metavar="SEED",
        help="of the sessions, which no training plays; seeds closer than the sessions share some",
    ),
]
HistoryOption = Annotated[
    int,
    typer.Option(
        metavar="N", help="observations shown side by side, 1 to 64; 1: the present alone"
    ),
]
VisibleContextOption = Annotated[
    bool, typer.Option("--visible-context", help="show who the user is, too")
]
WorkersOption = Annotated[int, typer.Option(metavar="N", help="processes, with one thread each")]
ForceOption = Annotated[bool, typer.Option("--force", help="replace an existing file")]
ForceResultsOption = Annotated[
    bool, typer.Option("--force", help="replace the results of another request")
]


def environment(name: str, changes: Sequence[str] | None = None) -> tuple[str, AnyPopulation]:
    """The id and the population that ENV and --set name.

    Raises:
        CarouselError: no such environment or field (`UsageError`), or value.
    """
    return environment_id(name), population_of(name, changes or ())


def environment_of_users(name: str, changes: Sequence[str] | None = None) -> tuple[str, Population]:
    """The same, for commands that need users who engage.

    Raises:
        CarouselError: the environment has no such users.
    """
    full, population = environment(name, changes)
    refusal = f"{full} has no users with moods; this command needs such users"
    return full, users_of(population, refusal)


def environment_after(
    routers: Sequence[str], env: str, changes: Sequence[str] | None = None
) -> tuple[str, AnyPopulation]:
    """The same, for commands that take routers first and then the environment.

    Raises:
        CarouselError: as `environment`; or they were given the other way round (`UsageError`).
    """
    if not _is_environment(env):
        for router in routers:
            if _is_environment(router):
                raise UsageError(
                    f"{shown(router)} is an environment, and {shown(env)} is none; the router "
                    f"comes first, as in {shown(f'{env} {router}')}"
                )
    return environment(env, changes)


def routers_and_environment(names: Sequence[str]) -> tuple[list[str], str]:
    """What ROUTER... ENV stands for.

    Raises:
        UsageError: there are fewer than two names.
    """
    if len(names) < 2:
        raise UsageError(
            f"{shown(names[0])} is all that was named; give one router or more, and then the "
            "environment"
        )
    return list(names[:-1]), names[-1]


def _is_environment(name: str) -> bool:
    try:
        environment_id(name)
    except UsageError:
        return False
    return True


def check_suffix(path: Path, suffix: str, what: str) -> None:
    """Refuse the name of a file to write that does not say what it will hold.

    Raises:
        UsageError: it ends otherwise.
    """
    if path.suffix != suffix:
        raise UsageError(f"--out is {shown(str(path))}; a {what} must end in {suffix}")


def refuse_to_replace(path: Path, force: bool) -> None:
    """Raise if a file is there already and may not be replaced, or if there is no telling."""
    try:
        there, folder = path.exists(), path.is_dir()
    except OSError as error:
        raise CarouselError(
            f"{shown_path(path)} cannot be written: {error.strerror or error}"
        ) from None
    if folder:
        raise CarouselError(f"{shown_path(path)} cannot be written: it is a folder")
    if there and not force:
        raise CarouselError(f"{shown_path(path)} exists; give --force to replace it")
