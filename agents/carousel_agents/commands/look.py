"""Commands that describe environments: what there is, reference values, shifts."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads annotations)
from typing import TYPE_CHECKING, Annotated, Any

import gymnasium as gym
import typer

from carousel_envs import environment_ids
from carousel_envs.foundation.errors import UsageError
from carousel_envs.reference import proofs
from carousel_envs.registry import shifts_of
from carousel_envs.shifts import SHIFTS, GradedShift

from ..router import FROZEN, ROUTERS
from ..system import console
from . import frontier_table, reference_tables
from .options import (
    EnvArgument,
    JsonOption,
    OptionalEnvArgument,
    SetOption,
    environment,
    environment_of_users,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def envs(as_json: JsonOption = False) -> None:
    """List environments and scripted routers."""
    populations = {name: environment(name)[1] for name in environment_ids()}
    routers: list[dict[str, Any]] = [
        {
            "router": spec.name,
            "aliases": list(spec.aliases),
            "argument": spec.takes,
            "description": spec.description,
        }
        for spec in ROUTERS.values()
    ]
    if as_json:
        rows = [
            {"env": name, "population": population.model_dump(mode="json")}
            for name, population in populations.items()
        ]
        console.print_json({"environments": rows, "routers": routers})
        return
    console.print_table(
        "Environments",
        ("environment", "actions", "turns", "what it isolates"),
        (
            (name, str(p.n_actions), str(p.session_length), summary_of(name))
            for name, p in populations.items()
        ),
    )
    console.print_table(
        f"Scripted routers (with the prefix {FROZEN!r}: solved for the training users)",
        ("router", "argument", "what it does"),
        (
            (", ".join([row["router"], *row["aliases"]]), row["argument"], row["description"])
            for row in routers
        ),
    )


def summary_of(env: str) -> str:
    """The first line of an environment's page."""
    page = gym.make(env).unwrapped.__doc__ or ""
    return page.strip().splitlines()[0]


def reference(
    env: OptionalEnvArgument = None,
    changes: SetOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="every environment in one table, instead of ENV")
    ] = False,
    gap: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE",
            help="close bounds up to this share of value - blind, as 1% or 0.01",
        ),
    ] = None,
    within: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="close bounds for at most this long, as 10s"),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="write a proof of the bounds, for `carousel verify`"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Solve an environment: the optimum or bounds on it, and what simpler routers reach."""
    if every == (env is not None):
        raise UsageError("give either an environment or --all")
    if every and any(one is not None for one in (gap, within, certificate)):
        raise UsageError(
            "--gap, --within and --certificate need an environment, --all shows them as they are"
        )
    closed = None if gap is None else _share(gap)
    seconds = None if within is None else _seconds(within)
    if env is None:
        if changes:
            raise UsageError("--set needs an environment, --all shows them as they are")
        with console.status("solving") as status:
            rows = reference_tables.gate_rows(lambda name: status(f"solving {name}"))
        if as_json:
            console.print_json({"rows": rows})
        else:
            reference_tables.print_gate(rows)
        return
    name, population = environment(env, changes)
    with console.status(f"solving {name}") as status:
        document = reference_tables.reference_document(
            name,
            population,
            gap=closed,
            within=seconds,
            certificate=certificate,
            report=lambda low, high: status(f"solving {name}: between {low:.3f} and {high:.3f}"),
        )
    if as_json:
        console.print_json(document)
    else:
        reference_tables.print_reference(document, population.session_length)


def verify(
    certificate: Annotated[Path, typer.Argument(metavar="FILE", help="a certificate")],
    as_json: JsonOption = False,
) -> None:
    """Check a certificate: whether its bounds on the optimum follow from the model's definition."""
    with console.status("checking"):
        held = proofs.verify(certificate)
    document = {
        "population_fingerprint": held.population.fingerprint,
        "lower": held.lower,
        "upper": held.upper,
    }
    if as_json:
        console.print_json({**document, "population": held.population.model_dump(mode="json")})
        return
    console.say(
        f"proven: no router earns more than {held.upper:.6f} per session, and one earns "
        f"{held.lower:.6f}, with users of fingerprint {held.population.fingerprint}"
    )


def _seconds(told: str) -> float:
    """A time as it is typed: 10s or 10."""
    try:
        return float(told.removesuffix("s"))
    except ValueError:
        raise UsageError(f"--within is {told!r}; seconds such as 10s are allowed") from None


def _share(told: str) -> float:
    """A share as it is typed: 1% or 0.01."""
    number, percent = told.removesuffix("%"), told.endswith("%")
    try:
        return float(number) / (100.0 if percent else 1.0)
    except ValueError:
        raise UsageError(f"--gap is {told!r}; a share such as 1% or 0.01 is allowed") from None


def frontier(
    env: EnvArgument = "Welfare",
    points: Annotated[int, typer.Option(metavar="N", help="most points to show, 2 to 1000")] = 9,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trade engagement against welfare: the best routers for every weighing of the two."""
    name, population = environment_of_users(env, changes)
    with console.status(f"solving {name}"):
        document = frontier_table.frontier_document(name, population, points)
    if as_json:
        console.print_json(document)
    else:
        frontier_table.print_frontier(document)


def shifts(
    env: OptionalEnvArgument = None,
    changes: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the shifts, what is expected of them, and with ENV which of them mean nothing there."""
    if changes and not env:
        raise UsageError("--set changes the users of an environment; name one")
    population = environment(env, changes)[1] if env else None
    axes: Mapping[str, GradedShift[Any]] = shifts_of(population) if population else SHIFTS
    rows: list[dict[str, Any]] = [
        {
            "axis": shift.name,
            "kind": shift.kind,
            "moves": list(shift.moves),
            "expected": dict(shift.expected),
            "description": shift.description,
            "obstacle": shift.obstacle(population) if population else "",
        }
        for shift in axes.values()
    ]
    if as_json:
        console.print_json({"shifts": rows})
        return
    console.print_table(
        "Shifts, severity 0 (training) to 1; two at once: one+other",
        ("axis", "kind", "what happens"),
        ((row["axis"], row["kind"], _shift_in_words(row)) for row in rows),
    )


def _shift_in_words(row: Mapping[str, Any]) -> str:
    lines = [row["description"], f"moves: {', '.join(row['moves'])}"]
    if row["expected"]:
        expected = ", ".join(f"{name} {way}" for name, way in row["expected"].items())
        lines.append(f"expected: {expected}")
    if row["obstacle"]:
        lines.append(f"not here: {row['obstacle']}")
    return "\n".join(lines)
