"""Hand-written routers by name, from the simplest up, and the three views as things that act.

`make(name, target, training)` builds one. A scripted router is solved for the users it meets
(`target`); with the prefix `frozen-` it is solved for the training population and used elsewhere as
it is. Some take an argument after a colon: `fixed:bob`, `loop:0.4`. `docs/routers.md` has a section
on each.

A router is a module of this package: `DESCRIPTION` (one sentence), `TAKES` (what its argument is,
or "") and `build(population, argument)`, which returns a policy. `TRAINED`, where a module has it,
says that it is solved for the training users under any name.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from carousel_envs import CarouselError, Population
from carousel_envs.foundation.errors import UsageError, did_you_mean, shown

from ..router import NamedRouter, refuse_unless_shown_alike
from . import (
    clairvoyant,
    cue_pattern,
    fixed,
    lin_ucb,
    linear_thompson,
    loop,
    masked_planner,
    memoryless,
    myopic,
    open_loop,
    operating_system,
    optimal,
    uniform,
    whittle,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType

    from carousel_envs.registry import AnyPopulation

FROZEN = "frozen-"

_MODULES: Mapping[str, ModuleType] = MappingProxyType(
    {
        "fixed": fixed,
        "uniform": uniform,
        "open-loop": open_loop,
        "operating-system": operating_system,
        "cue-pattern": cue_pattern,
        "lin-ucb": lin_ucb,
        "linear-thompson": linear_thompson,
        "myopic": myopic,
        "memoryless": memoryless,
        "whittle": whittle,
        "loop": loop,
        "optimal": optimal,
        "masked-planner": masked_planner,
        "clairvoyant": clairvoyant,
    }
)

_USERS_ONLY = (cue_pattern, loop, masked_planner, memoryless, whittle)

NAMES = tuple(_MODULES)
"""Names of the scripted routers, from the simplest up."""

ALIASES: Mapping[str, str] = MappingProxyType({"greedy": "myopic"})
"""Other names of the same routers."""


def is_name(text: str) -> bool:
    """Whether this is how a scripted router is called, with or without prefix and argument."""
    known = text.partition(":")[0].removeprefix(FROZEN)
    return known in _MODULES or known in ALIASES


def canonical(text: str) -> str:
    """A scripted router as it is called, whatever case it was written in.

    Raises:
        UsageError: there is no such router.
    """
    plain, colon, argument = text.partition(":")
    folded = plain.casefold()
    known = folded.removeprefix(FROZEN)
    if known not in _MODULES and known not in ALIASES:
        names = (*NAMES, *ALIASES)
        others = ", ".join(f"{alias} ({meant})" for alias, meant in ALIASES.items())
        raise UsageError(
            f"router {shown(text)} is neither a file nor a scripted router"
            f"{did_you_mean(known, names)}; known are {', '.join(NAMES)} and {others}, each also "
            f"with the prefix {FROZEN!r}"
        )
    return f"{folded}{colon}{argument}"


def describe(name: str) -> str:
    """One sentence on a scripted router."""
    return str(_MODULES[ALIASES.get(name, name)].DESCRIPTION)


def describe_as(text: str) -> str:
    """One sentence on a scripted router as it is called, with or without prefix and argument."""
    plain = text.partition(":")[0]
    where = "; solved for the training users" if plain.startswith(FROZEN) else ""
    return describe(plain.removeprefix(FROZEN)) + where


def takes(name: str) -> str:
    """What the argument of a scripted router is, or "" where it takes none."""
    return str(_MODULES[ALIASES.get(name, name)].TAKES)


def make(name: str, target: AnyPopulation, training: AnyPopulation | None = None) -> NamedRouter:
    """Build a scripted router.

    Args:
        name: `NAME`, `frozen-NAME`, either with `:ARGUMENT` where the router takes one.
        target: the users it will meet.
        training: the users a frozen router is solved for; default: the target.

    Raises:
        CarouselError: unknown name (`UsageError`) or argument, a router that these users have no
            use for, or a frozen one whose training users show other columns than those it will
            meet.
    """
    if not isinstance(name, str):
        raise UsageError(f"name is {shown(name)}; it must be that of a router, and come first")
    name = canonical(name)
    plain, colon, argument = name.partition(":")
    frozen = plain.startswith(FROZEN)
    known = plain.removeprefix(FROZEN)
    module = _MODULES[ALIASES.get(known, known)]
    if colon and not module.TAKES:
        raise UsageError(f"router {plain!r} takes no argument; it was given {shown(argument)}")
    trained = frozen or getattr(module, "TRAINED", False)
    population = training if trained and training is not None else target
    if module in _USERS_ONLY and not isinstance(population, Population):
        raise CarouselError(f"router {plain!r} needs users with moods; there are none in questions")
    refuse_unless_shown_alike(plain, population, target)
    policy = module.build(population, argument) if colon else module.build(population)
    fingerprint = population.fingerprint if trained else None
    return NamedRouter(name, describe_as(name), policy, fingerprint, population)
