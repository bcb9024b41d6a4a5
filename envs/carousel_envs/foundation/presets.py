"""Presets, which have a name and an id, and the forms in which a population may be given."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Self, cast

from .errors import CarouselError, UsageError, named, shown
from .validation import Fields


def presets() -> Mapping[str, Mapping[str, Any]]:
    """Fields of every preset of users by name, in the order of the presets file."""
    text = resources.files(__package__).joinpath("presets.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    shared = data.pop("shared")
    found: dict[str, Mapping[str, Any]] = {}
    for name, fields in data.items():
        base = found[fields.pop("like")] if "like" in fields else shared
        found[name] = {**base, **fields}
    return found


QUESTIONS: Mapping[str, Mapping[str, Any]] = MappingProxyType({"Recall": MappingProxyType({})})
"""Fields of every preset of questions by name; what is not named has its field's default."""


def names() -> tuple[str, ...]:
    """Name of every preset, of users and of questions."""
    return (*presets(), *QUESTIONS)


def id_of(name: str) -> str:
    """The id under which a preset is registered."""
    return f"Carousel/{name}-v0"


class Preset(Fields):
    """What populations of every kind share: presets, and the forms in which one may be given."""

    @classmethod
    def presets(cls) -> Mapping[str, Mapping[str, Any]]:
        """Fields of every preset of this kind, by name."""
        raise NotImplementedError

    @classmethod
    def preset(cls, name: str) -> Self:
        """The population behind `Carousel/<name>-v0`, in whatever case the name is written.

        Raises:
            UsageError: no preset of this kind has this name.
        """
        known = cls.presets()
        try:
            return cls(**known[named("preset", name, known)])
        except UsageError:
            for kind in Preset.__subclasses__():
                for other in kind.presets():
                    if isinstance(name, str) and other.casefold() == name.casefold():
                        raise UsageError(
                            f"preset {other!r} is one of {kind.__name__}, not of {cls.__name__}: "
                            f"{kind.__name__}.preset({other!r}); known here are {', '.join(known)}"
                        ) from None
            raise

    @classmethod
    def named(cls) -> Mapping[str, Self]:
        """Every preset of this kind, by name."""
        return cast("Mapping[str, Self]", _made(cls))

    @classmethod
    def read(cls, given: Any, of: str | None = None) -> Self:
        """A population, from any form in which one may be given.

        Args:
            given: a population of this kind, what its `to_json` or `model_dump` gives (text or a
                mapping), or the name of a preset.
            of: the preset whose id the population is played under, so that no other preset may be
                given (changed users may); None: it is played under no id.

        Raises:
            CarouselError: it is none of these, or another preset than `of`.
        """
        if isinstance(given, str) and not is_json(given):
            name = next((one for one in names() if one.casefold() == given.casefold()), given)
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


@cache
def _made(kind: type[Preset]) -> Mapping[str, Preset]:
    return {name: kind.preset(name) for name in kind.presets()}


def is_json(text: str) -> bool:
    """Whether a text is meant as a JSON object rather than as a name."""
    return text.lstrip().startswith("{")


def _foreign(name: str, of: str) -> CarouselError:
    what = f"the preset {name}, whose id is {id_of(name)}" if name in names() else shown(name)
    return CarouselError(
        f"population is {what}; {id_of(of)} plays its own preset or changed users, such as a "
        "shifted population"
    )


def _not_one(kind: type[Preset], given: Any) -> str:
    if isinstance(given, Preset):
        ids = ", ".join(id_of(name) for name in given.presets())
        return (
            f"population is {type(given).__name__}, which {ids} can play; here it must be "
            f"{kind.__name__}"
        )
    return (
        f"population is {shown(given)}; it must be {kind.__name__}, its JSON (text or a mapping), "
        f"or the name of a preset: {', '.join(kind.presets())}"
    )
