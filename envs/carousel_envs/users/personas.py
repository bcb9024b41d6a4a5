"""The repertoire: named personas with traits, interests and a knowledge cutoff.

A persona is enacted by the router; it never acts by itself. Only its traits enter the dynamics
(through the fit of a user's taste) or, where questions are asked, its interests and its knowledge
cutoff; name and description are for people.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import Field

from ..foundation.errors import CarouselError, shown
from ..foundation.validation import Fields, Finite


class Persona(Fields):
    """One persona (frozen).

    Raises:
        CarouselError: a field is unknown or not allowed.
    """

    texts: ClassVar[tuple[str, ...]] = ("name", "description", "interests")

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_-]*$",
        max_length=40,
        description="unique; lower-case letters, digits, '_' and '-', up to 40, a letter first",
    )
    description: str = Field(default="", max_length=400, description="one sentence for people")
    traits: tuple[Finite, ...] = Field(
        default=(),
        max_length=64,
        description="position in trait space, one number per axis, up to 64",
    )
    interests: tuple[str, ...] = Field(
        default=(), description="topics that the persona can talk about"
    )
    knowledge_cutoff: int = Field(
        default=9999, ge=0, le=9999, description="last year that the persona knows about, 0 to 9999"
    )


OwnPersonas = Annotated[
    tuple[Persona, ...],
    Field(
        max_length=16,
        description="personas of this population's own, which `personas` may name beside those of "
        "the repertoire; a persona given in `personas` is kept here",
    ),
]


def with_own_personas(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a population with names alone in `personas`: a `Persona` given there, or its
    fields, moves to `own_personas`, from which personas that are not named are dropped."""
    given = fields.get("personas")
    if not isinstance(given, (list, tuple)):
        return fields
    others = fields.get("own_personas", ())
    if not (isinstance(others, (list, tuple)) and all(map(_is_persona, others))):
        return fields  # to be refused
    own = {one.name: one for one in (_read("own_personas", one) for one in others)}
    names: list[Any] = []
    for one in given:
        if _is_persona(one):
            persona = _read("personas", one)
            own[persona.name] = persona
            one = persona.name
        names.append(one)
    kept = tuple(persona for name, persona in own.items() if name in names)
    if not kept and not others:
        return {**fields, "personas": type(given)(names)}
    return {**fields, "personas": type(given)(names), "own_personas": kept}


def _read(field: str, given: Any) -> Persona:
    try:
        return Persona.model_validate(given)
    except CarouselError as error:
        raise CarouselError(f"{field} holds a persona that cannot be: {error}") from None


def _is_persona(given: Any) -> bool:
    return isinstance(given, (Persona, Mapping))


def cast_of(names: Iterable[str], own: Iterable[Persona]) -> tuple[Persona, ...]:
    """The personas of these names, a population's own before those of the repertoire.

    Raises:
        ValueError: a name is in neither; the message names it.
    """
    known = {**repertoire(), **{persona.name: persona for persona in own}}
    for name in names:
        if name not in known:
            raise ValueError(f"personas names {shown(name)}; known are {', '.join(known)}")
    return tuple(known[name] for name in names)


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
