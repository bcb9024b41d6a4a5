"""Shifts of who may be enacted: personas that are missing, new, or in another slot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..users.personas import repertoire, trait_names
from ..users.spans import PER_PERSONA
from .graded import Shift, between, by_name

if TYPE_CHECKING:
    from ..users.population import Population

UNAVAILABLE_MOST = 0.7


def _unavailable(population: Population, severity: float) -> Population:
    return population.replace(
        unavailability=between(population.unavailability, UNAVAILABLE_MOST, severity)
    )


def _unavailable_obstacle(population: Population) -> str:
    if population.unavailability >= UNAVAILABLE_MOST:
        return f"its unavailability is at least {UNAVAILABLE_MOST:g} already"
    return ""


def held_out(population: Population) -> tuple[str, ...]:
    """Personas of the repertoire that are not in the cast, in the repertoire's order; none where
    the population's trait space has another number of axes."""
    if len(population.archetypes[0]) != len(trait_names()):
        return ()
    return tuple(name for name in repertoire() if name not in population.personas)


def _unseen_persona(population: Population, severity: float) -> Population:
    new = held_out(population)[: len(population.personas)]
    # whoever is replaced keeps nothing but the slot
    replaced = math.ceil(severity * len(new))
    return population.replace(personas=(*new[:replaced], *population.personas[replaced:]))


def _unseen_persona_obstacle(population: Population) -> str:
    if population.fit != "traits":
        return "its fit does not come from traits, so that a persona is only a name"
    if not held_out(population):
        if len(population.archetypes[0]) != len(trait_names()):
            return "the repertoire has no place in its trait space"
        return "the whole repertoire is in its cast"
    return ""


def _permuted_slots(population: Population, severity: float) -> Population:
    n = len(population.personas)
    moved = 1 + math.ceil(severity * (n - 1))
    # everybody up to there moves up by one slot, and the first sits down where the last was
    order = (*range(1, moved), 0, *range(moved, n))
    fields: dict[str, object] = {"personas": tuple(population.personas[k] for k in order)}
    for name in PER_PERSONA:
        numbers = getattr(population, name)
        if isinstance(numbers, tuple):
            fields[name] = tuple(numbers[k] for k in order)
    if isinstance(population.fit, tuple):
        fields["fit"] = tuple(tuple(row[k] for k in order) for row in population.fit)
    return population.replace(**fields)


REPERTOIRE = by_name(
    Shift(
        "unavailable",
        "repertoire",
        ("unavailability",),
        f"each persona is unavailable to a user with up to {UNAVAILABLE_MOST:g}",
        _unavailable,
        _unavailable_obstacle,
        {"value": "falls", "personas_available": "falls"},
    ),
    Shift(
        "unseen-persona",
        "repertoire",
        ("personas",),
        "slot by slot, a persona that training did not have takes over from the one that was there",
        _unseen_persona,
        _unseen_persona_obstacle,
        {"familiar_slots": "falls"},
    ),
    Shift(
        "permuted-slots",
        "repertoire",
        ("personas", "fit", *PER_PERSONA),
        "the same personas take other slots: at first two change places, at 1 none keeps its own",
        _permuted_slots,
        expected={
            "familiar_slots": "falls",
            "value": "same",
            "blind": "same",
            "best_fixed": "same",
            "uniform": "same",
        },
    ),
)
"""Shifts of who may be enacted, by name."""
