"""What the fields of a `Population` must be together, beyond what each must be alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ..foundation.errors import shown
from .personas import trait_names
from .spans import PER_PERSONA, SPANS, span_numbers

if TYPE_CHECKING:
    from .personas import Persona
    from .population import Population

MAX_JOINT_SYMBOLS = 4096
"""Most combinations of cue levels that one population may have."""

_ORDERED = (
    ("engagement_bored", "engagement_fresh"),
    ("leave_fresh", "leave_bored"),
    ("farewell_fresh", "farewell_bored"),
)


def refuse_inconsistent(population: Population) -> None:
    """Raise unless the fields fit together.

    Raises:
        ValueError: two fields contradict each other, or one contradicts the model.
    """
    cast, personas = population.cast, population.personas  # an unknown name is refused first
    if len(set(personas)) != len(personas):
        raise ValueError(f"personas {personas!r} repeats a name; each may appear once")
    _check_cues(population.cues)
    _check_per_persona(population)
    _check_traits(population, cast)
    _check_weights(population)
    for small, large in _ORDERED:
        low, high = getattr(population, small), getattr(population, large)
        if span_numbers(low)[-1] > span_numbers(high)[0]:
            raise ValueError(f"{small} is {low!r}; it must not exceed {large} ({high!r})")
    _check_pair(population)
    shows = population.shows
    if len(set(shows)) != len(shows):
        raise ValueError(f"shows is {shown(shows)}; each sign may appear once")
    if population.has_farewells and "farewell" not in shows:
        raise ValueError(
            f"shows is {shows!r}; it must name 'farewell' where farewell_bored is above 0"
        )
    _check_unmask(population)


def _check_unmask(population: Population) -> None:
    if "payoff" in population.shows and not population.unmask:
        raise ValueError(
            f"shows is {population.shows!r}; it may name 'payoff' where unmask is true"
        )


def _check_weights(population: Population) -> None:
    weights, archetypes = population.archetype_weights, population.archetypes
    if len(weights) != len(archetypes):
        raise ValueError(
            f"archetype_weights has {len(weights)} entries; "
            f"there must be one per archetype ({len(archetypes)})"
        )
    total = sum(weights)
    if total == 0.0:
        raise ValueError("archetype_weights are all zero; at least one must be positive")
    if total == math.inf:
        raise ValueError("archetype_weights have an infinite sum; it must be finite")


def _check_traits(population: Population, cast: tuple[Persona, ...]) -> None:
    # where fit does not come from traits, personas may have none
    given = [persona for persona in cast if persona.traits or population.fit == "traits"]
    n_traits = len(given[0].traits) if given else len(trait_names())
    for persona in given:
        if len(persona.traits) != n_traits or n_traits == 0:
            raise ValueError(
                f"persona {persona.name!r} has {len(persona.traits)} traits; every persona "
                f"must have as many, at least 1 ({given[0].name!r} has {n_traits})"
            )
    for taste in population.archetypes:
        if len(taste) != n_traits:
            raise ValueError(
                f"archetypes holds {shown(taste)}; every taste must have {n_traits} coordinates"
            )


def _check_pair(population: Population) -> None:
    for name in population.pair or ():
        if name not in SPANS:
            raise ValueError(f"pair names {shown(name)}; it may name {', '.join(SPANS)}")
        if len(span_numbers(getattr(population, name))) == 1:
            raise ValueError(f"pair names {name}, which is a number; it must be a range")
    if population.pair is not None and population.pair[0] == population.pair[1]:
        raise ValueError(f"pair names {population.pair[0]} twice; it must name two fields")


def _check_per_persona(population: Population) -> None:
    for name in PER_PERSONA:
        numbers = getattr(population, name)
        if isinstance(numbers, tuple) and len(numbers) != len(population.personas):
            raise ValueError(
                f"{name} has {len(numbers)} entries; it must be one number or one per persona "
                f"({len(population.personas)})"
            )
    if isinstance(population.fit, tuple):
        shape = (len(population.archetypes), len(population.personas))
        if len(population.fit) != shape[0] or any(len(row) != shape[1] for row in population.fit):
            raise ValueError(
                f"fit is {shown(population.fit)}; as a table it must have {shape[0]} rows (one per "
                f"archetype) of {shape[1]} numbers (one per persona)"
            )


def _check_cues(cues: tuple[tuple[tuple[float, ...], ...], ...]) -> None:
    joint = 1
    for j, cue in enumerate(cues):
        if len(cue) != 2:
            raise ValueError(f"cues[{j}] has {len(cue)} rows; it must have 2 (fresh, bored)")
        if len(cue[0]) != len(cue[1]) or len(cue[0]) < 2:
            raise ValueError(
                f"cues[{j}] has {len(cue[0])} and {len(cue[1])} levels; both moods must have "
                "the same number, at least 2"
            )
        for mood, row in zip(("fresh", "bored"), cue, strict=True):
            if abs(sum(row) - 1.0) > 1e-6:
                raise ValueError(
                    f"cues[{j}] for mood {mood} sums to {sum(row):.6g}; every row must sum to 1"
                )
        joint *= len(cue[0])
        if joint > MAX_JOINT_SYMBOLS:
            raise ValueError(
                f"cues have at least {joint} joint levels; at most {MAX_JOINT_SYMBOLS} are allowed"
            )
