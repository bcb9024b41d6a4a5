"""Reference values of environments, as documents and as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carousel_envs import environment_ids
from carousel_envs.reference import RecallReference, solve
from carousel_envs.reference.reference import known
from carousel_envs.registry import any_population, short_name

from ..system import console

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carousel_envs.registry import AnyPopulation

GATE = ("value", "value_upper", "blind", "best_fixed", "uniform", "myopic")
"""Figures of the gate's table: a benchmark in which all of them are alike is worth nothing."""


def gate_rows(report: Callable[[str], None]) -> list[dict[str, Any]]:
    """One row per environment: env, tier, and the figures of the gate, per session.

    Args:
        report: called with each id before it is solved.
    """
    rows = []
    for env in environment_ids():
        report(env)
        reference = solve(any_population(short_name(env)))
        figures = {name: known(getattr(reference, name)) for name in GATE}
        rows.append({"env": env, "tier": reference.tier, **figures})
    return rows


def print_gate(rows: list[dict[str, Any]]) -> None:
    """The gate's table on standard output."""
    console.print_table(
        "Expected reward per session, swap costs paid: the optimum, and simpler routers",
        ("environment", "tier", *(name.replace("_", " ") for name in GATE)),
        (
            (short_name(row["env"]), row["tier"], *(console.number(row[name], 2) for name in GATE))
            for row in rows
        ),
    )


def reference_document(
    env: str,
    population: AnyPopulation,
    *,
    gap: float | None = None,
    within: float | None = None,
    certificate: Path | None = None,
    report: Callable[[float, float], None] | None = None,
) -> dict[str, Any]:
    """Everything that is known of one environment, as plain data; for other arguments see
    `solve`."""
    reference = solve(population, gap=gap, within=within, certificate=certificate, report=report)
    document = {
        "env": env,
        "population_fingerprint": population.fingerprint,
        **reference.summary(),
    }
    if isinstance(reference, RecallReference):
        document["rates"] = {name: rates.row() for name, rates in reference.rates.items()}
    return document


def print_reference(document: dict[str, Any], session_length: int) -> None:
    """One environment's reference on standard output."""
    known = ("env", "population_fingerprint", "thresholds", "standard_errors", "rates")
    console.print_figures(
        f"{document['env']}, expected engagement per session",
        {name: figure for name, figure in document.items() if name not in known},
    )
    for figure, error in document["standard_errors"].items():
        console.say(f"{figure} was simulated; its standard error is {error:.4f}")
    if thresholds := document["thresholds"]:
        some = [1, session_length // 2, session_length - 1]
        console.print_table(
            "The optimum swaps before turn t when P(bored) reaches",
            ("persona", *(f"t = {t + 1}" for t in some)),
            (
                (persona, *(console.number(row[t]) for t in some))
                for persona, row in thresholds.items()
            )
            if session_length > 1
            else (),
        )
    if rates := document.get("rates"):
        kinds = [kind for kind in next(iter(rates.values())) if kind != "value"]
        console.print_table(
            "Probability per question; on_forbidden, elsewhere: deceived, given the question",
            ("rate", *rates),
            ((kind, *(console.number(row[kind]) for row in rates.values())) for kind in kinds),
        )
