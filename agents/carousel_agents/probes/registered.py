"""The record of a probe, and the registry of all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError, any_population
from carousel_envs.foundation.errors import shown, takes, whole_number
from carousel_envs.foundation.plugins import Registry
from carousel_envs.rollout import seen_by
from carousel_envs.spec import model_of

from ..router import FROZEN, find_router, training_fingerprint
from ..router.registered import is_name
from ..system.extras import MissingExtraError
from .finding import Finding
from .transcript import MOST_SESSIONS, STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from ..router import Router


@dataclass(frozen=True)
class Probe:
    """A question about a router.

    Attributes:
        name: as on the command line; lower case.
        question: that it asks, in a sentence.
        run: (router, population, training, sessions, seed) to a `Finding`; `router` acts,
            `training` are the users that it was trained on, whom `population` may differ from.
        needs_users: whether it needs users with moods.
        headline: name of the estimate that says most; "": none does.
        shows: what its figure shows, in a sentence of plain words.
        limits: what it does not show, in another.

    Raises:
        CarouselError: the name is not one, or `run` takes other arguments.
    """

    name: str
    question: str
    run: Callable[..., Finding]
    needs_users: bool = True
    headline: str = ""
    shows: str = ""
    limits: str = ""

    def __post_init__(self) -> None:
        if not self.name.replace("-", "").isalnum() or self.name != self.name.casefold():
            raise CarouselError(
                f"name of a probe is {shown(self.name)}; it must be lower-case letters and digits, "
                "with hyphens between words"
            )
        takes(
            f"probe {self.name!r}: run",
            self.run,
            *("router", "population", "training", "sessions", "seed"),
        )

    def finding(self, **found: Any) -> Finding:
        """A `Finding` of this probe."""
        return Finding(
            probe=self.name,
            question=self.question,
            shows=self.shows,
            limits=self.limits,
            **found,
        )

    def cannot_say(self, reason: str, **found: Any) -> Finding:
        """A `Finding` without a verdict."""
        return self.finding(**{"estimates": {}, **found}, verdict=None, reason=reason)


class _MadeAnew:
    """A registered router, made for whatever users it meets, as everywhere else."""

    made_anew = True

    def __init__(self, made: Router, name: str, home: AnyPopulation) -> None:
        self.name, self.description = made.name, made.description
        self._made, self._home = made, home

    def view(self, env: Any) -> Any:
        """The environment as the router made for its users sees it."""
        self._made = find_router(self.name, env.unwrapped.population, self._home)
        return seen_by(self._made, env)

    def initial_state(self, lanes: int, seed: int) -> Any:
        """Of the router made last."""
        return self._made.initial_state(lanes, seed)

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        """Of the router made last."""
        return self._made.act(observation, state)


FEWEST = 50
"""Sessions below which no verdict is given: intervals that are resampled from fewer are too
narrow."""

PROBES: Registry[Probe] = Registry("probe", "probes", builtin=("carousel_agents.probes",))
"""Probes by name, then those of plugins."""

register = PROBES.register


def probe(
    name: str,
    router: Policy | str,
    population: AnyPopulation | str,
    *,
    training: AnyPopulation | str | None = None,
    sessions: int = 4000,
    seed: int = 0,
) -> Finding:
    """Put a question to a router.

    Args:
        name: of the probe (`PROBES`).
        router: a `Policy`, or what `find_router` takes; a registered name without "frozen-" is
            made anew for all users that a probe has it meet.
        population: the users it meets, or the name of a preset.
        training: the users it was trained on; default: the population.
        sessions: played, 2 to 65 536.
        seed: session i uses the streams of `transcript.STREAMS` + seed + i, 0 to 2**32.

    Returns:
        What the probe found. It has no verdict with fewer than `FEWEST` sessions, where an estimate
        is no number, and where the router could not be played with users that the probe has it
        meet; the reason says so.

    Raises:
        CarouselError: there is no such probe or router (`UsageError`), a number is not allowed, a
            policy file was trained on other users, or a package is missing.
    """
    asked = PROBES.find(name)
    population = any_population(population)
    home = population if training is None else any_population(training)
    whole_number("sessions", sessions, 2, MOST_SESSIONS)
    whole_number("seed", seed, 0, 2**32)
    acting = find_router(router, population, home)
    if isinstance(router, str) and is_name(router) and not router.startswith(FROZEN):
        acting = _MadeAnew(acting, router, home)
    if asked.needs_users and not model_of(population).has_users:
        kind = model_of(population).kind
        return asked.cannot_say(f"It needs users with moods; there are none in {kind}.")
    named = isinstance(router, str)
    if named and training_fingerprint(acting) not in (None, home.fingerprint):
        raise CarouselError(
            f"router {acting.name!r} was trained on other users than those that are named as its "
            "training users"
        )
    try:
        found = asked.run(acting, population, training=home, sessions=sessions, seed=STREAMS + seed)
    except MissingExtraError:
        raise
    except CarouselError as error:
        # so it is with a router that does not fit the users that a probe has it meet
        return asked.cannot_say(f"It could not be asked: {error}.")
    numbers = [x for one in found.estimates.values() for x in (one.value, one.low, one.high)]
    if not all(x is None or isfinite(x) for x in numbers):
        return replace(found, verdict=None, reason=f"Not all estimates are numbers. {found.reason}")
    if found.verdict is not None and sessions < FEWEST:
        reason = f"{sessions} sessions are too few for a verdict. {found.reason}"
        return replace(found, verdict=None, reason=reason)
    return found
