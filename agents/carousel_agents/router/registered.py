"""Routers that are made by their name: the record of each, and `make`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carousel_envs import CarouselError, any_population
from carousel_envs.foundation.errors import FROM_PLUGIN, UsageError, did_you_mean, shown, takes
from carousel_envs.foundation.plugins import Registry
from carousel_envs.rollout import check_methods
from carousel_envs.spec import model_of

from .protocol import NamedRouter, refuse_unless_shown_alike

if TYPE_CHECKING:
    from collections.abc import Callable

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy


@dataclass(frozen=True)
class RouterSpec:
    """A router that is made by its name.

    Attributes:
        name: as on the command line; lower case.
        description: one sentence.
        build: (population) to a policy for it; with an argument also (population, argument), the
            text behind the colon of `name:argument`.
        takes: what the argument is; empty: it takes none.
        aliases: other names.
        trained: whether it is solved for the training users under any name, not for those it
            meets.
        needs_users: whether it needs users with moods.
    """

    name: str
    description: str
    build: Callable[..., Policy]
    takes: str = ""
    aliases: tuple[str, ...] = ()
    trained: bool = False
    needs_users: bool = False

    def __post_init__(self) -> None:
        for name in (self.name, *self.aliases):
            # with the prefix it would be looked up without
            if not isinstance(name, str) or not _NAME.fullmatch(name) or name.startswith(FROZEN):
                raise CarouselError(
                    f"name of a router is {shown(name)}; it must be lower-case letters and digits, "
                    f"with hyphens between words, such as 'my-router', and not begin with "
                    f"{FROZEN!r}"
                )
        arguments = ("population", "argument") if self.takes else ("population",)
        takes(f"router {self.name!r}: build", self.build, *arguments)


ROUTERS: Registry[RouterSpec] = Registry("router", "routers", builtin=("carousel_agents.scripted",))
"""Routers by name, from the simplest up, then those of plugins."""

register = ROUTERS.register

_NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
FROZEN = "frozen-"
"""Before a name: solved for the training users, and used elsewhere as it is."""


def aliases() -> dict[str, str]:
    """The name of a router by each of its other names."""
    return {alias: spec.name for spec in ROUTERS.values() for alias in spec.aliases}


def is_name(text: str) -> bool:
    """Whether this names a registered router, with or without prefix and argument, in any case."""
    known = text.partition(":")[0].casefold().removeprefix(FROZEN)
    return known in ROUTERS or known in aliases()


def canonical(text: str) -> str:
    """The name of a registered router in lower case; its argument stays as it is.

    Raises:
        UsageError: there is no such router.
    """
    plain, colon, argument = text.partition(":")
    folded = plain.casefold()
    known = folded.removeprefix(FROZEN)
    others = aliases()
    if known not in ROUTERS and known not in others:
        names = (*ROUTERS, *others)
        meant = ", ".join(f"{alias} ({name})" for alias, name in others.items())
        near = did_you_mean(known, names)
        raise UsageError(
            f"router {shown(text)} is neither a file nor a registered router{near}; known are "
            f"{', '.join(ROUTERS)} and {meant}, each also with the prefix {FROZEN!r}"
            f"{'' if near else FROM_PLUGIN}"
        )
    return f"{folded}{colon}{argument}"


def spec_of(text: str) -> RouterSpec:
    """The record of a router by its name or another one, with or without prefix and argument."""
    known = text.partition(":")[0].removeprefix(FROZEN)
    return ROUTERS[aliases().get(known, known)]


def describe_as(text: str) -> str:
    """One sentence on a registered router, or on `module:object`, as it is called."""
    if not is_name(text):
        return f"the router of {text}"
    where = "; solved for the training users" if text.startswith(FROZEN) else ""
    return spec_of(text).description + where


def make(
    name: str, target: AnyPopulation | str, training: AnyPopulation | str | None = None
) -> NamedRouter:
    """Make a registered router.

    Args:
        name: `NAME`, `frozen-NAME`, either with `:ARGUMENT` where the router takes one.
        target: the users it will meet, or the name of a preset.
        training: the users a frozen router is solved for; default: the target.

    Raises:
        CarouselError: unknown name (`UsageError`) or argument, a router that these users have no
            use for, or a frozen one whose training users show other columns than those it will
            meet.
    """
    if not isinstance(name, str):
        raise UsageError(f"name is {shown(name)}; it must be that of a router, and come first")
    name = canonical(name)
    target = any_population(target)
    plain, colon, argument = name.partition(":")
    spec = spec_of(plain)
    if colon and not spec.takes:
        raise UsageError(f"router {plain!r} takes no argument; it was given {shown(argument)}")
    trained = plain.startswith(FROZEN) or spec.trained
    population = any_population(training if trained and training is not None else target)
    if spec.needs_users and not model_of(population).has_users:
        kind = model_of(population).kind
        raise CarouselError(f"router {plain!r} needs users with moods; there are none in {kind}")
    refuse_unless_shown_alike(plain, population, target)
    policy = _built(spec, population, argument if colon else None)
    fingerprint = population.fingerprint if trained else None
    return NamedRouter(name, describe_as(name), policy, fingerprint, population)


def _built(spec: RouterSpec, population: AnyPopulation, argument: str | None) -> Policy:
    """What a record builds, without an argument or with one.

    Raises:
        UsageError: the argument is no value that it can read.
    """
    try:
        made = spec.build(population) if argument is None else spec.build(population, argument)
    except CarouselError:
        raise
    except ValueError as error:
        if argument is None:
            raise
        raise UsageError(
            f"argument of router {spec.name!r} is {shown(argument)}; it takes {spec.takes}: {error}"
        ) from error
    check_methods(made, spec.name)
    return made
