"""The command that asks how many users must be seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  (the command line reads annotations)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..system import console
from ..system.interruption import explained
from .option_records import taking
from .options import (
    ForceResultsOption,
    JsonOption,
    SeedOption,
    SetOption,
    UsersOption,
    environment_after,
    routers_and_environment,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class UsersSeenOptions:
    """Arguments and options of `carousel users-seen`."""

    names: Annotated[
        list[str],
        typer.Argument(
            metavar="ROUTER... ENV",
            help="policy files, or folders of them, then the environment; the policies may be "
            "trained on any number of users of the same ranges",
        ),
    ]
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="folder for results.parquet and summary.json")
    ]
    changes: SetOption = None
    table: Annotated[
        int,
        typer.Option(
            metavar="N", help="how many users of training, and how many new ones, are met"
        ),
    ] = 50
    users: UsersOption = 2000
    seed: SeedOption = 0
    force: ForceResultsOption = False
    as_json: JsonOption = False


@taking(UsersSeenOptions)
def users_seen(asked: UsersSeenOptions) -> None:
    """Score policies on users of their training and on new ones, by the number trained on.

    Users must differ: give the ranges that the policies were trained with by --set. The frozen loop
    of the same training users stands beside them: its gap is what the two tables differ by. A study
    that was cut short goes on when the same command is given again.
    """
    from ..generalisation.users_seen import curve
    from ..study.users_study import UsersStudy, run_users_study

    routers, env = routers_and_environment(asked.names)
    name, population = environment_after(routers, env, asked.changes)
    study = UsersStudy(
        name,
        population,
        tuple(routers),
        asked.table,
        asked.users,
        asked.seed,
        changes=tuple(asked.changes or ()),
    )
    with explained(lambda: "interrupted; the same command goes on from here"):
        outcome = run_users_study(study, asked.out, force=asked.force)
    found = curve(outcome.rows)
    if asked.as_json:
        console.print_json({"out": str(asked.out), "rows": found})
        return
    _print(name, found)
    if outcome.kept:
        console.say(f"{asked.out} held these results already")
    else:
        console.say(f"wrote results.parquet and summary.json in {asked.out}")


def _print(environment: str, rows: Sequence[Mapping[str, Any]]) -> None:
    console.print_table(
        f"{environment}: score on users of training and on new ones",
        (
            *("router", "users", "seeds", "training", "95 % interval", "new", "95 % interval"),
            *("gap", "95 % interval"),
        ),
        (
            (
                *(row["router"], str(row["users_trained"]), str(row["seeds"])),
                *(console.number(row["seen"]), console.ends(row["seen_low"], row["seen_high"])),
                *(console.number(row["new"]), console.ends(row["new_low"], row["new_high"])),
                *(console.number(row["gap"]), console.ends(row["gap_low"], row["gap_high"])),
            )
            for row in rows
        ),
    )
