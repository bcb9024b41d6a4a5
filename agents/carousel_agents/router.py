"""The one interface that every router has, and how a router is found.

A router is a `Policy` (batched `act`, explicit state; see `carousel_envs.rollout`) with a name.
Nothing that evaluates or probes a router asks how it was made. `find_router` finds one by

- the name of a registered router (`RouterSpec`), such as `loop:0.4` or `frozen-optimal`;
- the path of a policy file;
- `module:object` or `file.py:object`, where the object is a router, or a class or function that
  makes one, with the population as its argument if it takes one.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from carousel_envs import CarouselError, any_population
from carousel_envs.foundation.errors import UsageError, did_you_mean, finite_rows, shown
from carousel_envs.foundation.plugins import Registry, load_plugin
from carousel_envs.registry import columns_of
from carousel_envs.rollout import Policy, seen_by
from carousel_envs.spec import entry, model_of

from .system import archives

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation


class Router(Policy, Protocol):
    """A policy with a name and one sentence on what it does."""

    @property
    def name(self) -> str:
        """As on the command line."""
        ...

    @property
    def description(self) -> str:
        """One sentence."""
        ...


@dataclass(frozen=True)
class NamedRouter:
    """A policy under a name.

    Attributes:
        name: as on the command line.
        description: one sentence.
        policy: what acts.
        trained_on: fingerprint of the training users that it was solved for; None where it was
            solved for those it meets.
        built_for: whose columns it reads; None: it says so itself.
    """

    name: str
    description: str
    policy: Policy = field(repr=False)
    trained_on: str | None = None
    built_for: AnyPopulation | None = field(default=None, repr=False)

    def check_fits(self, population: AnyPopulation) -> None:
        """Say so if it was built for other columns.

        Raises:
            CarouselError: it was.
        """
        if self.built_for is not None:
            refuse_unless_shown_alike(self.name, self.built_for, population)

    def view(self, env: Any) -> Any:
        """The environment as the policy sees it."""
        return seen_by(self.policy, env)

    def initial_state(self, lanes: int, seed: int) -> Any:
        """As the policy's."""
        return self.policy.initial_state(lanes, seed)

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        """As the policy does.

        Raises:
            CarouselError: the observation is no array of rows, or the policy cannot read it.
        """
        if not (isinstance(observation, np.ndarray) and observation.ndim == 2):
            observation = finite_rows("observation", observation)
        try:
            return self.policy.act(observation, state)
        except (IndexError, ValueError) as error:
            # looked at only now: it would cost a twentieth of what a scripted router does
            finite_rows("observation", observation)
            if isinstance(error, IndexError):
                raise CarouselError(
                    f"observation has shape {observation.shape}; router {self.name!r} cannot read "
                    f"it: {error}"
                ) from None
            raise


def refuse_unless_shown_alike(
    router: str, population: AnyPopulation, target: AnyPopulation
) -> None:
    """A router reads its columns by place: those it was solved for must be those it will meet,
    though somebody else may sit in a slot.

    Raises:
        CarouselError: they differ.
    """
    own, met = ((model_of(one), model_of(one).laid_out(one)) for one in (population, target))
    if own != met:
        widths = [len(columns_of(one)) for one in (population, target)]
        raise CarouselError(
            f"router {router!r} was solved for observations of {widths[0]} columns and would "
            f"meet {widths[1]}; training users and those it meets must show the same columns, "
            "with as many levels"
        )


# -- routers by name ------------------------------------------------------------------------------


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
        needs_users: whether it is for users with moods alone.
    """

    name: str
    description: str
    build: Callable[..., Policy]
    takes: str = ""
    aliases: tuple[str, ...] = ()
    trained: bool = False
    needs_users: bool = False


ROUTERS: Registry[RouterSpec] = Registry("router", "routers", builtin=("carousel_agents.scripted",))
"""Routers by name, from the simplest up, then those of plugins."""

register = ROUTERS.register

FROZEN = "frozen-"
"""Before a name: solved for the training users, and used elsewhere as it is."""

SUFFIX = ".safetensors"
_LEARNED = "carousel_agents.learning.learned_router:load_router"


def aliases() -> dict[str, str]:
    """The name of a router by each of its other names."""
    return {alias: spec.name for spec in ROUTERS.values() for alias in spec.aliases}


def is_name(text: str) -> bool:
    """Whether this is how a registered router is called, with or without prefix and argument, in
    whatever case."""
    known = text.partition(":")[0].casefold().removeprefix(FROZEN)
    return known in ROUTERS or known in aliases()


def is_file(text: str) -> bool:
    """Whether this names a policy file (by its ending or a slash) and not a registered router."""
    return text.endswith(SUFFIX) or ("/" in text and ":" not in text)


def canonical(text: str) -> str:
    """A registered router as it is called, whatever case it was written in.

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
        raise UsageError(
            f"router {shown(text)} is neither a file nor a scripted router"
            f"{did_you_mean(known, names)}; known are {', '.join(ROUTERS)} and {meant}, each also "
            f"with the prefix {FROZEN!r}"
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
        raise CarouselError(f"router {plain!r} needs users with moods; there are none in questions")
    refuse_unless_shown_alike(plain, population, target)
    policy = spec.build(population, argument) if colon else spec.build(population)
    fingerprint = population.fingerprint if trained else None
    return NamedRouter(name, describe_as(name), policy, fingerprint, population)


def find_router(
    router: Policy | str,
    target: AnyPopulation | str,
    training: AnyPopulation | str | None = None,
) -> Router:
    """The router that a person or a caller means.

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
        known = (*ROUTERS, *aliases())
        raise UsageError(
            f"router {shown(text)} is neither a file nor a scripted router"
            f"{did_you_mean(text.partition(':')[0], known)}, and {module!r} is no module that can "
            "be imported"
        ) from None
    if isinstance(found, type) or not hasattr(found, "act"):
        if not callable(found):
            raise UsageError(
                f"router {shown(text)} is {shown(found)}; it must act, or make a router"
            )
        found = found(*([target] if _takes_one(found) else []))
    return cast("Policy", found)


def _takes_one(make_router: Callable[..., Any]) -> bool:
    """Whether a call of this needs an argument."""
    parameters = inspect.signature(make_router).parameters.values()
    return any(
        p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        for p in parameters
    )


def _named(policy: Policy, name: str) -> Router:
    """The policy itself if it has a name and a description, else the policy under this name."""
    if all(isinstance(getattr(policy, key, None), str) for key in ("name", "description")):
        return cast("Router", policy)
    return NamedRouter(name, f"the router of {name}", policy)


def _there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # a name too long for the file system, say
        return False


def training_fingerprint(router: Router) -> str | None:
    """Fingerprint of the users a router was trained on, or a frozen one solved for; else None."""
    return getattr(router, "trained_on", None)
