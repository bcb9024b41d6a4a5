"""`BasePopulation`: what populations of all types share, and how arguments are read as one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from pydantic import model_validator

from .foundation.errors import CarouselError, UsageError, named, shown
from .foundation.validation import Fields
from .spec import ENVIRONMENTS, population_types


class BasePopulation(Fields):
    """A frozen, validated distribution over sessions.

    A subclass declares its fields, among them `personas` and `session_length`, and may override
    the properties below.
    """

    if TYPE_CHECKING:
        personas: tuple[str, ...]
        """Names of the personas that the router may enact."""
        session_length: int
        """Turns after which a session is truncated."""

        @property
        def n_users(self) -> int:
            """Rows of the table of users; 1 unless a subclass overrides it."""

    model_version: ClassVar[int] = 1
    """Counts changes of the dynamics; part of every fingerprint, so that results never mix."""

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over the type, its version and every field."""
        text = f"{type(self).__name__}-{self.model_version}:{self.to_json()}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def actions(self) -> tuple[str, ...]:
        """What each action enacts, in order, length K."""
        return self.personas

    @property
    def n_actions(self) -> int:
        """Number of actions, K."""
        return len(self.actions)

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        # a default that neither is a field nor hides one
        if "n_users" not in cls.model_fields and not hasattr(cls, "n_users"):
            cls.n_users = property(lambda _: 1)  # type: ignore[assignment,method-assign]

    @model_validator(mode="after")
    def _personas_differ(self) -> Self:
        names = self.personas
        if len(set(names)) != len(names):
            raise ValueError(f"personas {shown(names)} repeats a name; each may appear once")
        return self

    # -- making one ---------------------------------------------------------------------------

    @classmethod
    def presets(cls) -> Mapping[str, Mapping[str, Any]]:
        """Fields of every preset of this type, by the name of its environment."""
        return {
            name: spec.fields
            for name, spec in ENVIRONMENTS.items()
            if spec.model.population_type is cls
        }

    @classmethod
    def preset(cls, name: str) -> Self:
        """The population behind the id of an environment; the name ignores case.

        Raises:
            UsageError: no environment of this name plays populations of this type.
        """
        known = cls.presets()
        try:
            found = named("preset", name, known, plugins=True)
        except UsageError:
            for other, spec in ENVIRONMENTS.items():
                if isinstance(name, str) and other.casefold() == name.casefold():
                    kind = spec.model.population_type.__name__
                    raise UsageError(
                        f"preset {other!r} is one of {kind}, not of {cls.__name__}: "
                        f"{kind}.preset({other!r}); known here are {', '.join(known)}"
                    ) from None
            raise
        return cls(**known[found])

    @classmethod
    def named(cls) -> Mapping[str, Self]:
        """Every preset of this type, by name."""
        # kept until another environment is registered
        known = cls.presets()
        kept: dict[str, Self] = cls.__dict__.get("_named", {})
        if kept.keys() != known.keys():
            kept = {name: cls.preset(name) for name in known}
            type.__setattr__(cls, "_named", kept)
        return kept

    @classmethod
    def read(cls, given: Any, of: str | None = None) -> Self:
        """Read an argument as a population of this type.

        Args:
            given: a population of this type, its `to_json` or `model_dump` (text or a mapping), or
                the name of a preset.
            of: the preset whose id the population is played under; other presets are then refused,
                changed users are not. None: it is played under no id.

        Raises:
            CarouselError: `given` is none of these, or another preset than `of`.
        """
        if isinstance(given, str) and not is_json(given):
            name = next((one for one in ENVIRONMENTS if one.casefold() == given.casefold()), given)
            if of not in (None, name):
                raise _foreign(name, of)
            return cls.preset(name)
        if isinstance(given, str):
            population = cls.from_json(given)
        elif isinstance(given, (cls, Mapping)):
            population = cls.model_validate(given)
        else:
            raise CarouselError(_not_one(cls, given))
        if of is not None and population != cls.named()[of]:
            for name, preset in cls.named().items():
                if population == preset:
                    raise _foreign(name, of)
        return population


AnyPopulation = BasePopulation
"""A population of any type."""


def any_population(population: AnyPopulation | Mapping[str, Any] | str) -> AnyPopulation:
    """Read an argument as a population of any type.

    Args:
        population: a population, its `to_json` or `model_dump` (text or a mapping; the type is the
            one that has most of these fields), or the name of a preset.

    Raises:
        CarouselError: it is none of these.
    """
    if isinstance(population, BasePopulation):
        return population
    if isinstance(population, Mapping) or (isinstance(population, str) and is_json(population)):
        return _type_of(population).read(population)
    if isinstance(population, str):
        name = named("population", population, ENVIRONMENTS, plugins=True)
        return cast("AnyPopulation", ENVIRONMENTS[name].model.population_type.preset(name))
    types = [kind.__name__ for kind in population_types()]
    raise CarouselError(
        f"population is {shown(population)}; it must be a {', '.join(types)}, the JSON of "
        f"{'either' if len(types) == 2 else 'one'} (text or a mapping), or the name of a preset: "
        f"{', '.join(ENVIRONMENTS)}"
    )


def _type_of(fields: Mapping[str, Any] | str) -> type[AnyPopulation]:
    """The type of population that has most of these fields; the first such type on a tie."""
    types = population_types()
    if isinstance(fields, str):
        try:
            fields = json.loads(fields)
        except (ValueError, RecursionError):
            return types[0]  # its reader raises with the reason
    return max(types, key=lambda kind: sum(name in kind.model_fields for name in fields))


def is_json(text: str) -> bool:
    """Whether a text looks like a JSON object rather than a name."""
    return text.lstrip().startswith("{")


def _foreign(name: str, of: str | None) -> CarouselError:
    known = name in ENVIRONMENTS
    what = f"the preset {name}, whose id is {ENVIRONMENTS[name].id}" if known else shown(name)
    return CarouselError(
        f"population is {what}; {ENVIRONMENTS[of or ''].id} plays its own preset or changed users, "
        "such as a shifted population"
    )


def _not_one(kind: type[AnyPopulation], given: Any) -> str:
    if isinstance(given, BasePopulation):
        ids = ", ".join(ENVIRONMENTS[name].id for name in given.presets())
        return (
            f"population is {type(given).__name__}, which {ids} can play; here it must be "
            f"{kind.__name__}"
        )
    return (
        f"population is {shown(given)}; it must be {kind.__name__}, its JSON (text or a mapping), "
        f"or the name of a preset: {', '.join(kind.presets())}"
    )
