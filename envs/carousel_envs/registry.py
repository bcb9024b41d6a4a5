"""Every environment by name: its population, its class, and the axes along which it shifts.

There are two kinds of population, users (`Population`) and questions (`Questions`). What takes
either asks here which is which.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .foundation.errors import CarouselError, named, shown
from .foundation.presets import QUESTIONS, id_of, is_json, names
from .questions.environment import RecallEnv, RecallVectorEnv
from .questions.observation import question_column_names
from .questions.population import Questions
from .shifts import SHIFTS
from .shifts.questions import SHIFTS as QUESTION_SHIFTS
from .users.environment import CarouselEnv, CarouselVectorEnv
from .users.observation import column_names
from .users.population import Population

if TYPE_CHECKING:
    from .lanes.scalar import LaneEnv
    from .lanes.vector import LaneVectorEnv
    from .shifts import GradedShift

AnyPopulation = Population | Questions

_NAMESPACE = "Carousel/"

__all__ = [
    "AnyPopulation",
    "any_population",
    "columns_of",
    "environment_id",
    "environment_ids",
    "names",
    "played_under",
    "scalar_env",
    "shifts_of",
    "short_name",
    "vector_env",
]


def environment_ids() -> tuple[str, ...]:
    """Every registered id."""
    return tuple(id_of(name) for name in names())


def environment_id(name: str) -> str:
    """The id that a name, or an id itself, stands for, whatever case it is written in.

    Raises:
        UsageError: no such environment.
    """
    ids = environment_ids()
    by_name = {**{short_name(full): full for full in ids}, **{full: full for full in ids}}
    return by_name[named("environment", name, by_name, listed=ids)]


def played_under(environment: str, population: AnyPopulation) -> str:
    """The id under which a population is played.

    Args:
        environment: a registered id or its name, in any case; or an id of one's own, with a
            namespace other than Carousel, as `Mine/Boredom-v0`.
        population: the preset of that id or changed users, but no other preset.

    Raises:
        CarouselError: no such environment (`UsageError`), or another plays these.
    """
    own = isinstance(environment, str) and "/" in environment
    if own and not environment.casefold().startswith(_NAMESPACE.casefold()):
        return environment
    known = environment_id(environment)
    name = short_name(known)
    (Questions if name in QUESTIONS else Population).read(population, of=name)
    return known


def short_name(env_id: str) -> str:
    """The name within an id: Boredom of Carousel/Boredom-v0."""
    return env_id.removeprefix(_NAMESPACE).removesuffix("-v0")


def any_population(population: AnyPopulation | Mapping[str, Any] | str) -> AnyPopulation:
    """A population of either kind, from any form in which one may be given.

    Args:
        population: a population, what its `to_json` or `model_dump` gives (text or a mapping; of
            the kind that has most of these fields), or the name of a preset.

    Raises:
        CarouselError: it is none of these.
    """
    if isinstance(population, (Population, Questions)):
        return population
    if isinstance(population, Mapping) or (isinstance(population, str) and is_json(population)):
        return _kind_of(population).read(population)
    if isinstance(population, str):
        name = named("population", population, names())
        return (Questions if name in QUESTIONS else Population).preset(name)
    raise CarouselError(
        f"population is {shown(population)}; it must be a Population, Questions, the JSON of "
        f"either (text or a mapping), or the name of a preset: {', '.join(names())}"
    )


def _kind_of(fields: Mapping[str, Any] | str) -> type[Population] | type[Questions]:
    """The kind of population that has most of the fields that JSON names."""
    if isinstance(fields, str):
        try:
            fields = json.loads(fields)
        except (ValueError, RecursionError):
            return Population  # whose reader says what is wrong
    of_users, of_questions = (
        sum(name in kind.model_fields for name in fields) for kind in (Population, Questions)
    )
    return Questions if of_questions > of_users else Population


def vector_env(population: AnyPopulation, num_envs: int, **options: Any) -> LaneVectorEnv:
    """The vector environment that plays a population; options as its class takes them."""
    if isinstance(population, Questions):
        return RecallVectorEnv(num_envs, population=population, **options)
    return CarouselVectorEnv(num_envs, population=population, **options)


def scalar_env(population: AnyPopulation, **options: Any) -> LaneEnv:
    """The scalar environment that plays a population; options as its class takes them."""
    if isinstance(population, Questions):
        return RecallEnv(population=population, **options)
    return CarouselEnv(population=population, **options)


def columns_of(population: AnyPopulation) -> tuple[str, ...]:
    """Names of the observation columns, in order, length D."""
    if isinstance(population, Questions):
        return question_column_names(population)
    return column_names(population)


def shifts_of(population: AnyPopulation) -> Mapping[str, GradedShift[Any]]:
    """Every shift of this kind of population, by name."""
    return QUESTION_SHIFTS if isinstance(population, Questions) else SHIFTS
