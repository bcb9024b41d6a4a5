"""Hand-written routers by name.

`make(name, target, training)` builds one. A scripted router is solved for the users it meets
(`target`); with the prefix `frozen-` it is solved for the training population and used elsewhere as
it is. Some take an argument after a colon: `fixed:bob`, `loop:0.4`.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from carousel_envs import CarouselError, Population

from ..router import NamedRouter, Router
from . import fixed, loop, memoryless, myopic, open_loop, optimal, uniform

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
        "myopic": myopic,
        "memoryless": memoryless,
        "loop": loop,
        "optimal": optimal,
    }
)

_USERS_ONLY = (loop, memoryless)

NAMES = tuple(_MODULES)
"""Names of the scripted routers, from the simplest up."""


def describe(name: str) -> str:
    """One sentence on a scripted router."""
    return str(_MODULES[name].DESCRIPTION)


def make(name: str, target: AnyPopulation, training: AnyPopulation | None = None) -> Router:
    """Build a scripted router.

    Args:
        name: `NAME`, `frozen-NAME`, either with `:ARGUMENT` where the router takes one.
        target: the users it will meet.
        training: the users a frozen router is solved for; default: the target.

    Raises:
        CarouselError: unknown name or argument.
    """
    plain, colon, argument = name.partition(":")
    frozen = plain.startswith(FROZEN)
    module = _MODULES.get(plain.removeprefix(FROZEN))
    if module is None:
        raise CarouselError(
            f"router {name!r} is neither a file nor a scripted router; known are "
            f"{', '.join(NAMES)}, each also with the prefix {FROZEN!r}"
        )
    if colon and not module.TAKES:
        raise CarouselError(f"router {plain!r} takes no argument; it was given {argument!r}")
    population = training if frozen and training is not None else target
    if module in _USERS_ONLY and not isinstance(population, Population):
        raise CarouselError(f"router {plain!r} waits for boredom; there is none in questions")
    policy = module.build(population, argument) if colon else module.build(population)
    where = "; solved for the training users" if frozen else ""
    return NamedRouter(name, module.DESCRIPTION + where, policy)
