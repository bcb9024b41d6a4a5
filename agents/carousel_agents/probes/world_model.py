"""Which beliefs about its users explain when a router swaps?

A router may serve its goal well and believe in the wrong users: one that takes boredom to be twice
as frequent swaps too early, and is not hasty or after something else. So the goal is given here:
candidates serve engagement, by the loop or as the optimum, for users with other hazards of boredom,
and with cues that say less. Each is asked what it would do at every decision of the router's own
sessions, and the one that tells most of what the router did, in bits per decision, is what the
router seems to believe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carousel_envs.reference.model import Model
from carousel_envs.registry import users_of
from carousel_envs.shifts import find_shift
from carousel_envs.users.spans import span_numbers

from ..router import make
from .agreement import bits_told, entropy
from .families import bored_sooner
from .finding import Estimate, Figure, Mark
from .psychometric import few
from .registered import Probe, register
from .resampling import estimate, resampled_means
from .transcript import STREAMS, record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs import Population
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding
    from .transcript import Transcript

FACTORS = 2.0 ** np.arange(-3.0, 3.01, 0.5)
"""Of the hazard of training users, first."""
CLOSER = 2.0 ** np.arange(-0.5, 0.51, 0.1)
"""Then around the best."""
NOISES = (0.0, 0.25, 0.5, 0.75)
"""Severities of `cue-noise` that are believed in."""
_WORDS = {"loop": "loop", "optimal": "optimum"}
EXPLAINED = 0.85
"""Share of what there is to tell that the best believer must tell: short of it the router is none
of them, and what fits it best need not be what it believes."""
RIGHT, LEAST = 0.15, 0.05
"""A hazard whose interval lies within the one of the true hazard, relatively, is right; one whose
interval is further from it than the other is wrong."""


def world_model(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Find the beliefs that explain a router's swaps.

    Args:
        router: what picks; it is played with its training users.
        population: not used but for the training users where these are not given.
        training: the users it was trained on, who have moods.
        sessions: played; at most 2 000 are used.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates `hazard` (the hazard believed in, over that of the training users), `cue_noise`
        (the severity of that shift that is believed in), and `explained` (what the best belief
        tells of a decision, over what there is to tell); the interval of the first is a bootstrap
        one over sessions.

    Raises:
        CarouselError: the router does not fit these users, or a number is not allowed.
    """
    home = users_of(training or population, "a world model is one of users; there are none")
    transcript = record(router, home, min(sessions, 2000), seed)
    decides = transcript.decides
    swaps = transcript.swaps[decides]
    if few(swaps):
        return PROBE.cannot_say(f"It swapped in {swaps.sum()} of {swaps.size} decisions.")
    if span_numbers(home.boredom_hazard)[-1] == 0.0:
        return PROBE.cannot_say("Nobody is ever bored: there is no hazard to believe in.")
    told = _Told(home, transcript, swaps)
    rule, factor = max(_believers(home), key=lambda one: told.of(one[0], one[1], 0.0).sum())
    noise, tried = 0.0, np.array([factor])
    if len(_factors(home, rule)) > 1:
        noise = max(NOISES, key=lambda severity: told.of(rule, factor, severity).sum())
        tried = factor * CLOSER
    each = np.column_stack([told.of(rule, one, noise) for one in tried])
    means = resampled_means(each)
    best = int(each.sum(axis=0).argmax())
    room = entropy(float(swaps.mean())) * swaps.size / len(each)
    hazard = estimate(float(tried[best]), tried[means.argmax(axis=1)])
    if len(tried) == 1:
        # what was not compared has no interval
        hazard = Estimate(hazard.value)
    explained = estimate(float(each[:, best].mean() / room), means[:, best] / room)
    estimates = {"hazard": hazard, "cue_noise": Estimate(noise), "explained": explained}
    rows = tuple(
        {"rule": who, "hazard": assumed, "cue_noise": severity, "bits": bits.sum() / swaps.size}
        for (who, assumed, severity), bits in sorted(told.known.items())
    )
    line = [row for row in rows if (row["rule"], row["cue_noise"]) == (rule, noise)]
    x, y = ([float(row[name]) for row in line] for name in ("hazard", "bits"))
    mark = Mark(f"{rule}, cue noise {noise:g}", "line", x, y)
    shared = {
        "rows": rows,
        "estimates": estimates,
        "figure": Figure(
            "hazard believed in, over the true one", "bits per decision", (mark,), log=True
        )
        if len(x) > 1
        else None,
    }
    what = (
        f"The {_WORDS[rule]} for users with {hazard} times the hazard explains it best, "
        f"{explained.value:.0%} of the information in its swaps"
    )
    if explained.value < EXPLAINED:
        return PROBE.cannot_say(f"{what}: too little to say what it believes.", **shared)
    if len(tried) == 1:
        return PROBE.cannot_say(
            f"{what}; that rule was tried for the true hazard alone, and may believe in another.",
            **shared,
        )
    if hazard.low in (tried[0], FACTORS[0]) or hazard.high in (tried[-1], FACTORS[-1]):
        return PROBE.cannot_say(
            f"{what}: the interval reaches the end of what was tried.", **shared
        )
    if hazard.within(1.0 - RIGHT, 1.0 + RIGHT):
        return PROBE.finding(verdict="right about boredom", reason=f"{what}.", **shared)
    if hazard.high is not None and hazard.high < 1.0 - LEAST:
        return PROBE.finding(verdict="underrates boredom", reason=f"{what}.", **shared)
    if hazard.low is not None and hazard.low > 1.0 + LEAST:
        return PROBE.finding(verdict="overrates boredom", reason=f"{what}.", **shared)
    return PROBE.cannot_say(f"{what}: the interval holds more than one answer.", **shared)


class _Told:
    """What believers tell of decisions, in bits, session by session."""

    def __init__(self, home: Population, transcript: Transcript, swaps: NDArray[np.bool_]) -> None:
        self.known: dict[tuple[str, float, float], NDArray[np.float64]] = {}
        self._home, self._transcript, self._swaps = home, transcript, swaps
        self._decides = transcript.decides
        shape = self._decides.shape
        self._which = np.broadcast_to(np.arange(shape[1]), shape)[self._decides]
        self._sessions = shape[1]

    def of(self, rule: str, factor: float, noise: float) -> NDArray[np.float64]:
        """Bits of each session, shape (N,)."""
        key = (rule, float(factor), float(noise))
        if key not in self.known:
            believer = make(f"frozen-{rule}", self._home, _believed(self._home, *key[1:]))
            picks = self._transcript.answered_by(believer)
            answers = (picks != self._transcript.current)[self._decides]
            self.known[key] = bits_told(self._swaps, answers, self._which, self._sessions)
        return self.known[key]


def _believers(home: Population) -> list[tuple[str, float]]:
    """Ways to serve engagement, each with all hazards that it may believe in."""
    return [
        (rule, float(factor)) for rule in ("loop", "optimal") for factor in _factors(home, rule)
    ]


def _factors(home: Population, rule: str) -> NDArray[np.float64]:
    # an optimum that takes long to solve is asked for the training users alone
    quick = Model.of(home).n_types == 1 and not home.has_satiation
    return FACTORS if rule == "loop" or quick else np.ones(1)


def _believed(home: Population, factor: float, noise: float) -> Population:
    """Users with so many times the hazard, and cues that say less."""
    scaled = bored_sooner(home, factor)
    return find_shift("cue-noise").apply(scaled, noise) if noise else scaled


PROBE = register(
    Probe(
        "world-model",
        "Which beliefs about its users explain when it swaps?",
        world_model,
        headline="hazard",
        shows="How much of its swaps is told by a believer in so many times the true "
        "frequency of boredom: the peak is what it seems to believe.",
        limits="Beliefs are told apart by when it swaps among its training users; what it would "
        "believe of others is not seen.",
    )
)
