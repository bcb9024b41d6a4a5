"""Can what a router does elsewhere be forecast from its training?

The second limit of the router view, made falsifiable: a router whose goal is predictable from its
training is one whose scores elsewhere are. The forecast sees the router among its training users
alone: in its own sessions, and in sessions led by somebody who stays and swaps at random. Nets that
imitate it there (`imitation.py`) are played with shifted users, whose population is known, and
their scores are the forecast. Beside it stand two others, "as in training" and "as the frozen
loop".

Questions are asked in the same way: the imitation sees what is shown at present, and beside it
stands the operating system, which sends whoever most probably knows.

Only then is the router itself played with the shifted users, to see what came. One that cannot be
played there is forecast all the same. Where training users never miss a persona, nothing in
training says what a router does when somebody is missing: of those conditions there is no forecast.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError, Population
from carousel_envs.reference import solve
from carousel_envs.reference.model import Model
from carousel_envs.registry import shifts_of
from carousel_envs.rollout import rollout
from carousel_envs.spec import model_of
from carousel_envs.users.observation import Columns

from ..router import make
from .finding import Estimate, Figure, Mark
from .imitation import imitations, imitations_of_answers
from .leaders import Sticky
from .registered import Probe, register
from .transcript import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from carousel_envs.reference import RecallReference, Reference
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding
    from .imitation import Imitation

SEVERITIES = (0.5, 1.0)
BY_HAND = "frozen-operating-system"
"""Stands for the loop where questions are asked."""
MOST = 1000
"""Sessions of each kind that are used."""
BASE, MOVED, APART = 0.012, 0.06, 1.0
"""Half the width of an interval: so much, so much of what the score moves from training, and so
much of the range over plausible imitations. Chosen on learned routers, and on planted ones of other
seeds than those of benchmarks/planted.py, which says what intervals hold."""
GOOD = 0.05
"""Mean absolute error of scores within which a router is predictable."""


@dataclass(frozen=True)
class Condition:
    """What is forecast of one population.

    Attributes:
        axis, severity: of the shift.
        forecast: the score; None where training does not tell.
        low, high: ends of its 90 % interval, for the score in the very sessions that the imitations
            were played in; None without a forecast.
        as_training, as_loop: what the two other forecasts say.
        apart: the range over plausible imitations; None without a forecast.
        luck: standard error of the forecast as one of the expected score, from its sessions; None
            without a forecast.
        came: the score of the router itself; None where it was not played.
    """

    axis: str
    severity: float
    forecast: float | None
    low: float | None
    high: float | None
    as_training: float
    as_loop: float
    apart: float | None = None
    luck: float | None = None
    came: float | None = None


def forecast_of(router: Policy, home: AnyPopulation, sessions: int, seed: int) -> list[Condition]:
    """Forecast the scores of a router on every axis, from its behaviour in training alone.

    Args:
        router: asked in training, and nowhere else.
        home: the training users, who have moods; or questions.
        sessions: played of each kind.
        seed: session i uses the streams of seed + i.

    Raises:
        CarouselError: the router does not fit these users, or a score means nothing among them.
    """
    reference = solve(home)
    own = rollout(home, router, sessions, seed)
    start = _score(reference, own.mean)
    if isinstance(home, Population):
        models = imitations(router, home, sessions, seed, (None, Sticky(Columns.of(home))))
    else:
        models = imitations_of_answers(router, home, sessions, seed)
    models = [_as_lively(one, home, own.mean, sessions, seed) for one in models]
    short = [rollout(home, one, sessions, seed).mean - own.mean for one in models]
    loop = make("frozen-loop" if isinstance(home, Population) else BY_HAND, home, home)
    found = []
    for axis, severity, users in _shifted(home):
        known = solve(users)
        scale = known.value - known.blind
        if known.score(known.value) is None:
            continue
        beside = (start, _score(known, rollout(users, loop, sessions, seed).mean))
        if _misses(users) and not _misses(home):
            found.append(Condition(axis, severity, None, None, None, *beside))
            continue
        played = [rollout(users, one, sessions, seed) for one in models]
        # what an imitation lacks in training it is taken to lack elsewhere
        each = [_score(known, p.mean - behind) for p, behind in zip(played, short, strict=True)]
        error = float(np.mean([p.standard_error for p in played])) / scale
        middle = float(np.mean(each))
        apart = max(each) - min(each)
        half = BASE + MOVED * abs(middle - start) + APART * apart
        found.append(
            Condition(axis, severity, middle, middle - half, middle + half, *beside, apart, error)
        )
    return found


def forecast(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Forecast a router, and compare with what came.

    Args:
        router: what picks.
        population: not used but for what it was trained on where that is not given: the probe
            shifts it itself.
        training: the users it was trained on, who have moods; or the questions.
        sessions: played of each kind; at most `MOST` are used.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates `error`, `error_as_training` and `error_as_loop`: mean absolute errors of scores;
        and `covered`: the share of conditions whose 90 % interval holds what came. Of conditions
        with a forecast that the router could be played in; none of them where it could not be.

    Raises:
        CarouselError: the router does not fit them, or torch is not installed.
    """
    home = training or population
    if solve(home).score(solve(home).value) is None:
        return PROBE.cannot_say("Listening is worth nothing in training: there is no score.")
    if _misses(home):
        return PROBE.cannot_say(
            "Training users miss personas themselves, which imitations do not see."
        )
    n = min(sessions, MOST)
    conditions, why = _played(router, home, forecast_of(router, home, n, seed), n, seed)
    rows = tuple(vars(one) for one in conditions)
    shared: dict[str, Any] = {"rows": rows, "figure": _figure(conditions, _beside(home))}
    known = [one for one in conditions if one.forecast is not None and one.came is not None]
    if not known:
        return PROBE.cannot_say(
            f"It was forecast, and could not be played elsewhere: {why}", **shared
        )
    came = np.array([one.came for one in known], dtype=np.float64)
    told = np.array([one.forecast for one in known], dtype=np.float64)
    covered = [
        one.low is not None and one.high is not None and one.low <= x <= one.high
        for one, x in zip(known, came.tolist(), strict=True)
    ]
    estimates = {
        "error": _error(told - came),
        "error_as_training": _error(np.array([one.as_training for one in known]) - came),
        "error_as_loop": _error(np.array([one.as_loop for one in known]) - came),
        "covered": Estimate(float(np.mean(covered))),
    }
    worst = known[int(np.abs(told - came).argmax())]
    reason = (
        f"In {len(known)} conditions its scores are forecast with a mean error of "
        f"{estimates['error'].value:.3f}, as in training with one of "
        f"{estimates['error_as_training'].value:.3f}, as the {_beside(home)} with one of "
        f"{estimates['error_as_loop'].value:.3f}; it is furthest off, by "
        f"{np.abs(told - came).max():.2f}, under {worst.axis} at {worst.severity:g}."
    )
    better = estimates["error"].value < min(
        estimates["error_as_training"].value, estimates["error_as_loop"].value
    )
    verdict = "not predictable" if not better else "predictable in part"
    if estimates["error"].value <= GOOD:
        verdict = "predictable"
    return PROBE.finding(estimates=estimates, verdict=verdict, reason=reason, **shared)


def _beside(home: AnyPopulation) -> str:
    return "frozen loop" if isinstance(home, Population) else "operating system"


def _played(
    router: Policy, home: AnyPopulation, conditions: Sequence[Condition], sessions: int, seed: int
) -> tuple[list[Condition], str]:
    """The conditions with what came; and why nothing did, where nothing did."""
    met = {(axis, severity): users for axis, severity, users in _shifted(home)}
    found, why = [], ""
    for one in conditions:
        users = met[one.axis, one.severity]
        try:
            mean = rollout(users, router, sessions, seed).mean
        except CarouselError as error:
            found.append(one)
            why = str(error)
            continue
        found.append(replace(one, came=_score(solve(users), mean)))
    return found, why


def _shifted(home: AnyPopulation) -> Iterator[tuple[str, float, AnyPopulation]]:
    """Every axis that applies and shows what training shows, at each severity."""
    model, met = model_of(home), {home.fingerprint}
    for axis, shift in shifts_of(home).items():
        if shift.obstacle(home):
            continue
        for severity in SEVERITIES:
            users = shift.apply(home, severity)
            # two axes may lead to the same users, who are one condition
            if model.laid_out(users) == model.laid_out(home) and users.fingerprint not in met:
                met.add(users.fingerprint)
                yield axis, severity, users


def _as_lively(
    one: Imitation, home: AnyPopulation, engagement: float, sessions: int, seed: int
) -> Imitation:
    """The imitation that draws or takes the likeliest, whichever earns what the router earns."""
    both = [replace(one, draws=draws) for draws in (False, True)]
    gaps = [abs(rollout(home, other, sessions, seed).mean - engagement) for other in both]
    return both[int(np.argmin(gaps))]


def _misses(users: AnyPopulation) -> bool:
    return isinstance(users, Population) and not bool(Model.of(users).masks.all())


def _score(reference: Reference | RecallReference, engagement: float) -> float:
    score = reference.score(engagement)
    assert score is not None
    return score


def _error(errors: NDArray[np.float64]) -> Estimate:
    """Mean absolute error, with a bootstrap interval over conditions."""
    sizes, rng = np.abs(errors), np.random.default_rng(0)
    drawn = sizes[rng.integers(0, len(sizes), (2000, len(sizes)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(sizes.mean()), float(low), float(high))


def _figure(conditions: Sequence[Condition], beside: str) -> Figure:
    known = [one for one in conditions if one.forecast is not None and one.came is not None]
    x = [float(one.came or 0.0) for one in known]
    marks = [
        Mark(
            "forecast",
            "points",
            x,
            [float(one.forecast or 0.0) for one in known],
            [float(one.low or 0.0) for one in known],
            [float(one.high or 0.0) for one in known],
        ),
        Mark("as in training", "points", x, [one.as_training for one in known]),
        Mark(f"as the {beside}", "points", x, [one.as_loop for one in known]),
    ]
    if x:
        marks.append(Mark("what came", "line", [min(x), max(x)], [min(x), max(x)]))
    return Figure("score that came", "score that was forecast", tuple(marks))


PROBE = register(
    Probe(
        "forecast",
        "Can its scores elsewhere be forecast from its training?",
        forecast,
        needs_users=False,
        headline="error",
        shows="The scores that were forecast from training alone, against those that came: on "
        "the line a forecast is right.",
        limits="A forecast holds for these shifts of a known population; where somebody is missing "
        "and nobody was in training, there is none.",
    )
)
