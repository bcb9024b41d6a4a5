"""The repertoire: named personas with traits, interests and a knowledge cutoff.

A persona is enacted by the router; it never acts by itself. Only its traits enter the dynamics
(through the fit of a user's taste) or, where questions are asked, its interests and its knowledge
cutoff; name and description are what a person sees.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..foundation.errors import CarouselError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Persona:
    """One persona.

    Attributes:
        name: unique, lower case.
        description: one sentence for people.
        traits: position in trait space, one coordinate in [-1, 1] per name in `trait_names()`.
        interests: topics the persona can talk about.
        knowledge_cutoff: last year the persona knows about.
    """

    name: str
    description: str
    traits: tuple[float, ...]
    interests: tuple[str, ...]
    knowledge_cutoff: int


@cache
def _load() -> tuple[tuple[str, ...], Mapping[str, Persona]]:
    text = resources.files(__package__).joinpath("personas.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    traits = tuple(data["trait_names"])
    personas: dict[str, Persona] = {}
    for entry in data["persona"]:
        persona = Persona(
            name=entry["name"],
            description=entry["description"],
            traits=tuple(float(x) for x in entry["traits"]),
            interests=tuple(entry["interests"]),
            knowledge_cutoff=entry["knowledge_cutoff"],
        )
        if len(persona.traits) != len(traits):
            raise CarouselError(
                f"persona {persona.name!r} has {len(persona.traits)} traits; "
                f"the repertoire names {len(traits)}"
            )
        personas[persona.name] = persona
    return traits, MappingProxyType(personas)


def trait_names() -> tuple[str, ...]:
    """Names of the axes of trait space, in the order of `Persona.traits`."""
    return _load()[0]


def repertoire() -> Mapping[str, Persona]:
    """Every persona by name, in the order of the repertoire file (read-only)."""
    return _load()[1]
