"""Environments by name and by population: ids, classes, columns and shifts.

Everything that differs between environments is in their records (`spec.EnvironmentSpec`), which
the functions here read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from .foundation.errors import CarouselError, UsageError, named
from .population import AnyPopulation, any_population
from .spec import ENVIRONMENTS, NAMESPACE, entry, model_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .lanes.scalar import LaneEnv
    from .lanes.vector import LaneVectorEnv
    from .shifts import GradedShift
    from .users.population import Population

__all__ = [
    "AnyPopulation",
    "any_population",
    "columns_of",
    "environment_id",
    "environment_ids",
    "model_of",
    "names",
    "played_under",
    "scalar_env",
    "shifts_of",
    "short_name",
    "users_of",
    "vector_env",
]


def names() -> tuple[str, ...]:
    """Name of every environment."""
    return tuple(ENVIRONMENTS)


def environment_ids() -> tuple[str, ...]:
    """Every registered id."""
    return tuple(spec.id for spec in ENVIRONMENTS.values())


def environment_id(name: str) -> str:
    """The id of an environment, from its name or its id, ignoring case.

    Raises:
        UsageError: no such environment.
    """
    by_name = {name: spec.id for name, spec in ENVIRONMENTS.items()}
    by_name.update({full: full for full in by_name.values()})
    return by_name[named("environment", name, by_name, listed=environment_ids(), plugins=True)]


def played_under(environment: str, population: AnyPopulation) -> str:
    """The id under which a population is played.

    Args:
        environment: a registered id or its name, in any case; or an unregistered id with a
            namespace other than Carousel, such as `Mine/Boredom-v0`.
        population: the preset of that id or changed users, but no other preset.

    Raises:
        CarouselError: no such environment (`UsageError`), or the population belongs to another.
    """
    try:
        known = environment_id(environment)
    except UsageError:
        own = isinstance(environment, str) and "/" in environment
        if own and environment.partition("/")[0].casefold() != NAMESPACE.casefold():
            return environment
        raise
    name = short_name(known)
    ENVIRONMENTS[name].model.population_type.read(population, of=name)
    return known


def short_name(env_id: str) -> str:
    """The name within an id: Boredom of Carousel/Boredom-v0."""
    return env_id.rpartition("/")[2].rpartition("-v")[0] or env_id


def vector_env(population: AnyPopulation, num_envs: int, **options: Any) -> LaneVectorEnv:
    """The vector environment that plays a population; options are those of its class."""
    made = entry(model_of(population).vector)(num_envs, population=population, **options)
    return cast("LaneVectorEnv", made)


def scalar_env(population: AnyPopulation, **options: Any) -> LaneEnv:
    """The scalar environment that plays a population; options are those of its class."""
    return cast("LaneEnv", entry(model_of(population).scalar)(population=population, **options))


def columns_of(population: AnyPopulation) -> tuple[str, ...]:
    """Names of the observation columns, in order, length D."""
    return model_of(population).columns(population)


def shifts_of(population: AnyPopulation) -> Mapping[str, GradedShift[Any]]:
    """Every shift of this type of population, by name."""
    return model_of(population).shifts()


def users_of(population: AnyPopulation, refusal: str) -> Population:
    """The population, if its sessions are played by rows of a table of users.

    Raises:
        CarouselError: they are not; the message is `refusal`.
    """
    if not model_of(population).has_users:
        raise CarouselError(refusal)
    return cast("Population", population)
