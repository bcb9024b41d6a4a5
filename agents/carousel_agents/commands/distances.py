"""The command that says how far shifted users are from those of training."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carousel_envs.registry import shifts_of
from carousel_envs.shifts import SEVERITIES, find_shift

from ..generalisation.distance import SEED, SESSIONS
from ..generalisation.distance import distance as distance_between
from ..system import console
from .options import AxisOption, EnvArgument, JsonOption, SeedOption, SetOption, environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carousel_envs.registry import AnyPopulation


def distance(
    env: EnvArgument,
    axis: AxisOption = None,
    changes: SetOption = None,
    sessions: Annotated[
        int, typer.Option(metavar="N", help="sessions that are drawn per distance")
    ] = SESSIONS,
    seed: SeedOption = SEED,
    as_json: JsonOption = False,
) -> None:
    """Say how far each shift takes users from training: nats per session, by severity."""
    name, population = environment(env, changes)
    with console.status(f"comparing sessions of {name}"):
        document = {
            "env": name,
            "population_fingerprint": population.fingerprint,
            "sessions": sessions,
            "seed": seed,
            **_distances(population, axis, sessions, seed),
        }
    if as_json:
        console.print_json(document)
    else:
        _print(document)


def _distances(
    population: AnyPopulation, axes: list[str] | None, sessions: int, seed: int
) -> dict[str, Any]:
    """Rows (axis, kind, severity and a distance's fields), and why axes mean nothing here."""
    known = shifts_of(population)
    rows, obstacles = [], {}
    for shift in [find_shift(name, known) for name in axes or known]:
        if reason := shift.obstacle(population):
            obstacles[shift.name] = reason
            continue
        for severity in SEVERITIES:
            target = shift.apply(population, severity)
            found = distance_between(population, target, sessions=sessions, seed=seed)
            key = {"axis": shift.name, "kind": shift.kind, "severity": severity}
            rows.append({**key, **asdict(found)})
    return {"rows": rows, "not_applicable": obstacles}


def _print(document: Mapping[str, Any]) -> None:
    found = {(row["axis"], row["severity"]): row for row in document["rows"]}
    axes = list(dict.fromkeys(axis for axis, _ in found))
    if axes:
        console.print_table(
            f"{document['env']}: nats per session by severity, and the standard error; "
            "in brackets per turn, of what both can show",
            ("axis", *(f"{severity:g}" for severity in SEVERITIES)),
            ((axis, *(_cell(found[axis, severity]) for severity in SEVERITIES)) for axis in axes),
        )
    for axis in axes:
        notes = dict.fromkeys(found[axis, severity]["note"] for severity in SEVERITIES)
        for note in filter(None, notes):
            console.say(f"{axis}: {note}")
    for axis, reason in document["not_applicable"].items():
        console.say(f"{axis}: not here: {reason}")


def _cell(row: Mapping[str, Any]) -> str:
    """Nats, or in brackets nats per turn where sessions cannot be compared as wholes, or a dash."""
    if row["nats"] is not None:
        return _with_error(row["nats"], row["nats_se"])
    if row["per_turn"] is not None:
        return f"({_with_error(row['per_turn'], row['per_turn_se'])})"
    return "-"


def _with_error(value: float, error: float | None) -> str:
    return f"{value:.3g}" + (f" ±{error:.1g}" if error else "")
