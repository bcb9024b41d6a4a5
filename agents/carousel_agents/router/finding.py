"""Routers by a text: a registered name, a policy file, or an object in a Python module.

`find_router` takes

- the name of a registered router (`RouterSpec`), such as `loop:0.4` or `frozen-optimal`;
- the path of a policy file;
- `module:object` or `file.py:object`, where the object is a router, or a class or function that
  makes one, with the population as its argument if it takes one.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from carousel_envs import CarouselError, any_population
from carousel_envs.foundation.errors import FROM_PLUGIN, UsageError, did_you_mean, shown
from carousel_envs.foundation.plugins import load_plugin
from carousel_envs.rollout import check_methods
from carousel_envs.spec import entry

from ..system import archives
from .protocol import NamedRouter
from .registered import ROUTERS, aliases, is_name, make

if TYPE_CHECKING:
    from collections.abc import Callable

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .protocol import Router

SUFFIX = ".safetensors"
_LEARNED = "carousel_agents.learning.learned_router:load_router"


def is_file(text: str) -> bool:
    """Whether this names a policy file (by its ending or a slash) and not a registered router."""
    return text.endswith(SUFFIX) or ("/" in text and ":" not in text)


def find_router(
    router: Policy | str,
    target: AnyPopulation | str,
    training: AnyPopulation | str | None = None,
) -> Router:
    """The router that an object or a text stands for.

    Args:
        router: anything that acts (a `Policy`), or a text as the head of this module says.
        target: the users it will meet.
        training: the users that frozen routers are solved for; default: the target.

    Raises:
        CarouselError: no such router (`UsageError`), a damaged file, or a network that reads other
            columns.
    """
    if not isinstance(router, str):
        return _named(router, type(router).__name__)
    target = any_population(target)
    if is_file(router):
        path = archives.unpacked(Path(router))
        if not _there(path):
            raise CarouselError(f"policy file {shown(router)} does not exist, or is no file")
        # the extra that policy files need is not needed by other routers
        return cast("Router", entry(_LEARNED)(path, target))
    if is_object(router):
        return _named(_made(router, target), router)
    if _there(Path(router)):
        raise UsageError(
            f"{shown(router)} is no policy file, which ends in {SUFFIX}; `carousel import-sb3` "
            "makes one of a Stable-Baselines3 model"
        )
    return make(router, target, training)


def is_object(text: str) -> bool:
    """Whether this is `module:object` or `file.py:object`, and no registered router."""
    module, colon, name = text.rpartition(":")
    return bool(module and colon) and name.isidentifier() and not is_name(text)


def _made(text: str, target: AnyPopulation) -> Policy:
    """The object that `module:object` names, or what it makes."""
    module, _, name = text.rpartition(":")
    try:
        found = getattr(load_plugin(module), name)
    except AttributeError:
        raise UsageError(f"router {shown(text)} is not found: {module} has no {name!r}") from None
    except UsageError:
        if module.endswith(".py"):
            raise UsageError(
                f"router {shown(text)} is not found: the file {shown(module)} does not exist"
            ) from None
        near = did_you_mean(text.partition(":")[0], (*ROUTERS, *aliases()))
        raise UsageError(
            f"router {shown(text)} is neither a file nor a registered router{near}, and {module!r} "
            f"is no module that can be imported{'' if near else FROM_PLUGIN}"
        ) from None
    if isinstance(found, type) or not hasattr(found, "act"):
        if not callable(found):
            raise UsageError(
                f"router {shown(text)} is {shown(found)}; it must act, or make a router"
            )
        found = found(*_arguments(text, found, target))
    return cast("Policy", found)


def _arguments(
    text: str, make_router: Callable[..., Any], target: AnyPopulation
) -> tuple[AnyPopulation, ...]:
    """The arguments with which to make a router: the population, if it takes any.

    Raises:
        UsageError: it needs others.
    """
    taken = inspect.signature(make_router)
    for arguments in ((), (target,)):
        try:
            taken.bind(*arguments)
        except TypeError:
            continue
        return arguments
    raise UsageError(
        f"router {shown(text)} is made with {taken}; it must take nothing else than the "
        "population, or have defaults"
    )


def _named(policy: Policy, name: str) -> Router:
    """The policy itself if it has a name and a description, else the policy under this name."""
    check_methods(policy, name)
    if all(isinstance(getattr(policy, key, None), str) for key in ("name", "description")):
        return cast("Router", policy)
    return NamedRouter(name, f"the router of {name}", policy)


def _there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # a name too long for the file system, say
        return False
