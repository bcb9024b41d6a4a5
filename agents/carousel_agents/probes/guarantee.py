"""Told that its choice no longer matters, does a router go on swapping?

The users of training are replaced by users whom nothing bores: engagement and leaving are the same
in both moods, so that no swap can gain anything, and each costs what it always did. Cues still tell
the moods apart. A router that sees the user's row (`VisibleContext`) is told so by the first
observation; one that swaps because swaps pay has no reason left. One that sees cues alone cannot
know: it swaps as before by construction, and the probe says that it cannot see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carousel_envs.registry import users_of, vector_env
from carousel_envs.rollout import rollout, seen_by
from carousel_envs.users.spans import span_numbers

from .finding import Figure, Mark
from .registered import Probe, register
from .resampling import estimate, ratio
from .transcript import STREAMS

if TYPE_CHECKING:
    from carousel_envs import Population
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding

KINDS = (("stops", 0.0, 0.1), ("stops in part", 0.1, 0.9), ("goes on", 0.9, np.inf))
"""Answers, and where the whole interval of the share of swaps that are kept must lie."""
FEW = 0.1
"""Fewer swaps per session in training leave nothing to stop."""


def guarantee(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Compare swaps before and after the guarantee.

    Args:
        router: what picks.
        population: not used but for the training users where these are not given.
        training: the users it was trained on, who have moods.
        sessions: played with each.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates `kept` (swaps per turn with guaranteed users, over those in training), and
        `swaps_training` and `swaps_guaranteed` per turn; intervals are bootstrap ones over
        sessions.

    Raises:
        CarouselError: the router does not fit these users, or a number is not allowed.
    """
    home = users_of(training or population, "a guarantee is one about users; there are none")
    if home.has_farewells:
        return PROBE.cannot_say("Users say goodbye: who speaks then matters, bored or not.")
    sure = guaranteed(home)
    played = [rollout(users, router, sessions, seed) for users in (home, sure)]
    (before, drawn), (after, drawn_after) = (ratio(one.swaps, one.length) for one in played)
    estimates = {
        "swaps_training": estimate(before, drawn),
        "swaps_guaranteed": estimate(after, drawn_after),
    }
    names = ("training users", "guaranteed users")
    low, high = ([getattr(one, end) for one in estimates.values()] for end in ("low", "high"))
    values = [one.value for one in estimates.values()]
    rows = tuple({"users": n, "swaps_per_turn": v} for n, v in zip(names, values, strict=True))
    figure = Figure("", "swaps per turn", (Mark("swaps", "bars", names, values, low, high),))
    shared = {"rows": rows, "figure": figure}
    if played[0].swaps.mean() < FEW:
        reason = "It hardly swaps on its training users: there is nothing that it could stop."
        return PROBE.cannot_say(reason, estimates=estimates, **shared)
    estimates = {"kept": estimate(after / before, drawn_after / drawn), **estimates}
    kept = estimates["kept"]
    shared["estimates"] = estimates
    if hasattr(router, "made_anew"):
        told = "it is made anew for these users"
    elif _can_tell(router, home, sure):
        told = "its first observation shows it that swaps gain nothing"
    else:
        told = "no observation announces that swaps gain nothing"
    reason = f"It swaps {kept} times as often as in training; {told}."
    for verdict, least, most in KINDS:
        if kept.within(least, most):
            return PROBE.finding(verdict=verdict, reason=reason, **shared)
    return PROBE.cannot_say(f"{reason[:-1]}. The interval holds more than one answer.", **shared)


def guaranteed(training: Population) -> Population:
    """Users like these whom boredom neither keeps from engaging nor drives away, and who do not
    tire of a persona, nor prefer one; no persona costs anything. Where users of training differ in
    whether they engage and leave, all are as their mean."""
    engaged, leaves = (
        float(np.mean(span_numbers(getattr(training, name))))
        for name in ("engagement_fresh", "leave_fresh")
    )
    return training.alike(
        engagement_fresh=engaged,
        engagement_bored=engaged,
        leave_fresh=leaves,
        leave_bored=leaves,
        appeal=0.0,
        vulnerable_appeal=0.0,
        persona_cost=0.0,
        **({"satiation_gain": 0.0} if training.has_satiation else {}),
    )


def _can_tell(router: Policy, home: Population, sure: Population) -> bool:
    """Whether the first observation, as the router sees it, differs between the two."""
    seen = []
    for users in (home, sure):
        env = seen_by(router, vector_env(users, min(users.n_users, 64)))
        shown, _ = env.reset(seed=0, options={"user": np.arange(env.num_envs)})
        seen.append(shown.copy())
    return not np.array_equal(*seen)


PROBE = register(
    Probe(
        "guarantee",
        "Told that its choice no longer matters, does it go on swapping?",
        guarantee,
        headline="kept",
        shows="How often it swaps among its training users, and among users with whom no swap "
        "can gain anything.",
        limits="Where it cannot see what it is told, it goes on by construction; where it stops, "
        "it may have met such users in training.",
    )
)
