"""The command that takes routers through shifts."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (the command line reads annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from carousel_envs.shifts import SEVERITIES

from ..system import console
from ..system.interruption import explained
from .options import (
    AxisOption,
    ForceResultsOption,
    JsonOption,
    SeedOption,
    SetOption,
    UsersOption,
    WorkersOption,
    environment_after,
    routers_and_environment,
)

if TYPE_CHECKING:
    from ..study.shift_study import Outcome


def generalise(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="ROUTER... ENV",
            help="one router or more, then the environment. A router is a policy file "
            "(.safetensors), a folder (every policy file below it; those of one algorithm and view "
            "are its seeds), or a scripted name: see `carousel envs`",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR", help="folder for results.parquet, summary.json and report.html"
        ),
    ],
    axis: AxisOption = None,
    severity: Annotated[
        list[float] | None,
        typer.Option(
            metavar="SEVERITY",
            help="how far, 0 to 1; may be repeated (default: "
            f"{', '.join(f'{s:g}' for s in SEVERITIES)})",
        ),
    ] = None,
    control: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DIR", help="policies that were trained on a shifted target; may be repeated"
        ),
    ] = None,
    changes: SetOption = None,
    users: UsersOption = 2000,
    seed: SeedOption = 0,
    workers: WorkersOption = 2,
    force: ForceResultsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take routers through the shifts, beside the frozen loop and the re-derived optimum.

    A study that was cut short goes on when the same command is given again.
    """
    from ..study.shift_study import Study, run_study

    routers, env = routers_and_environment(names)
    name, population = environment_after(routers, env, changes)
    study = Study(
        name,
        population,
        tuple(routers),
        users=users,
        seed=seed,
        axes=None if axis is None else tuple(axis),
        severities=SEVERITIES if severity is None else tuple(severity),
        controls=tuple(control or ()),
        changes=tuple(changes or ()),
    )
    with explained(lambda: "interrupted; the same command goes on from here"):
        outcome = run_study(study, out, force=force, workers=workers)
    show(outcome, out, as_json)


def show(outcome: Outcome, out: Path, as_json: bool) -> None:
    """What a study found, on standard output.

    Raises:
        CarouselError: after all has been told, if there is no page of it.
    """
    from ..study.shift_summary import document_of_rows, print_study

    if as_json:
        console.print_json({"out": str(out), **document_of_rows(outcome.rows)})
    else:
        print_study(outcome.summary, outcome.rows)
        if outcome.kept:
            console.say(f"{out} held these results already")
        else:
            console.say(f"wrote results.parquet and summary.json in {out}")
        if not outcome.no_page:
            console.say(f"the page is {out / 'report.html'}; open it in a browser")
    if outcome.no_page:
        raise outcome.no_page
