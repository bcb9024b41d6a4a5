"""Is the threshold at which a router swaps a habit, or is it found anew for other users?

Where boredom comes faster or swaps cost more, the best threshold is another one. With theta_i the
router's threshold for shifted users i, theta*_i that of the optimum re-derived for them, and 0 the
training users,

    kappa = sum_i (theta_i - theta_0) (theta*_i - theta*_0) / sum_i (theta*_i - theta*_0)^2

is 0 for a threshold that stays where it is and 1 for one that moves as the optimum's does. All
thresholds are on the scale of a habit: the probability of boredom as an exact observer of the
*training* users has it. On the scale of the shifted users, a rule that does not change would seem
to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs.registry import shifts_of, users_of

from ..router import make
from .finding import Estimate, Figure, Mark
from .psychometric import threshold_of
from .registered import Probe, register
from .transcript import STREAMS, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from carousel_envs import Population
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding

AXES = ("hazard", "swap-cost")
SEVERITIES = (0.25, 0.5, 0.75, 1.0)
SPREAD = 0.02
"""An optimum whose threshold moves by less than this tells nothing."""
KINDS = (
    ("habit", -0.15, 0.15),
    ("adapts in part", 0.15, 0.75),
    ("re-optimises", 0.75, 1.25),
    ("overshoots", 1.25, np.inf),
    ("moves the other way", -np.inf, -0.15),
)
"""Answers, and where the whole interval must lie."""


def adaptivity(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Estimate kappa.

    Args:
        router: what picks; it is played as it is with shifted users.
        population: not used but for the training users where these are not given: the probe shifts
            users itself.
        training: the users it was trained on, who have moods.
        sessions: played with each of the shifted populations, and as many by their optimum.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates `kappa` over all shifts, and `kappa_AXIS` for each of `AXES` along which the
        optimum's threshold moves; intervals are bootstrap ones over sessions.

    Raises:
        CarouselError: the router does not fit these users, or a number is not allowed.
    """
    home = users_of(training or population, "adaptivity needs users with moods; there are none")
    points: list[dict[str, Any]] = []
    for axis, severity, users in _shifted(home):
        own, best = (
            threshold_of(record(who, users, sessions, seed, believed=home))
            for who in (router, make("optimal", users))
        )
        points.append({"axis": axis, "severity": severity, "own": own, "best": best})
    rows = tuple(
        {
            "axis": point["axis"],
            "severity": point["severity"],
            "threshold": None if point["own"] is None else float(point["own"][0]),
            "optimal": None if point["best"] is None else float(point["best"][0]),
        }
        for point in points
    )
    known = [point for point in points if point["own"] is not None and point["best"] is not None]
    if not known or known[0]["severity"] != 0.0 or points[0] is not known[0]:
        whose = "The router" if points[0]["own"] is None else "The optimum"
        return PROBE.cannot_say(
            f"{whose} has no threshold on the training users: it does not swap more and more "
            "often, from below one half to above it, as boredom becomes more probable.",
            rows=rows,
        )
    estimates = {}
    for name, axes in (("kappa", AXES), *((f"kappa_{axis}", (axis,)) for axis in AXES)):
        some = [known[0], *(point for point in known[1:] if point["axis"] in axes)]
        if (found := _kappa(some)) is not None:
            estimates[name] = found
    figure = _figure(known)
    if "kappa" not in estimates:
        reason = f"The optimum's threshold moves by less than {SPREAD} under these shifts."
        return PROBE.cannot_say(reason, rows=rows, figure=figure)
    verdict, reason = _verdict(estimates)
    shared = {"rows": rows, "figure": figure, "estimates": estimates}
    return PROBE.finding(verdict=verdict, reason=reason, **shared)


def _shifted(home: Population) -> Iterator[tuple[str, float, Population]]:
    """The training users, then those of every shift that applies to them."""
    yield "training", 0.0, home
    known = shifts_of(home)
    for axis in AXES:
        if axis in known and not known[axis].obstacle(home):
            for severity in SEVERITIES:
                yield axis, severity, known[axis].apply(home, severity)


def _kappa(points: list[dict[str, Any]]) -> Estimate | None:
    """Of these points, the first of which is training; None if the optimum does not move."""
    own, best = (np.stack([point[who] for point in points]) for who in ("own", "best"))
    moved, best_moved = own[1:] - own[0], best[1:] - best[0]
    if not len(moved) or np.abs(best_moved[:, 0]).max() < SPREAD:
        return None
    # column 0 is the estimate, the others are resamples
    each: NDArray[np.float64] = (moved * best_moved).sum(axis=0) / (best_moved**2).sum(axis=0)
    low, high = np.quantile(each[1:], [0.025, 0.975])
    return Estimate(float(each[0]), float(low), float(high))


def _verdict(estimates: Mapping[str, Estimate]) -> tuple[str | None, str]:
    """The answer along each axis, and the one for all if it is the same."""
    along = {
        axis: _kind(estimates[f"kappa_{axis}"]) for axis in AXES if f"kappa_{axis}" in estimates
    }
    moves = ", ".join(f"{estimates[f'kappa_{axis}']} along {axis}" for axis in along)
    reason = f"For each unit by which the optimum's threshold moves, its own moves {moves}."
    if None in along.values():
        return None, f"{reason[:-1]}: an interval holds more than one answer."
    if len(set(along.values())) == 1:
        return next(iter(along.values())), reason
    return "; ".join(f"{axis}: {kind}" for axis, kind in along.items()), reason


def _kind(kappa: Estimate) -> str | None:
    """What a kappa says; None where its interval holds more than one answer."""
    for name, low, high in KINDS:
        if kappa.within(low, high):
            return name
    return None


def _figure(points: list[dict[str, Any]]) -> Figure:
    marks = []
    for axis in ("training", *AXES):
        own = [point for point in points if point["axis"] == axis]
        if own:
            x, y = ([float(point[who][0]) for point in own] for who in ("best", "own"))
            low, high = (
                [float(np.quantile(point["own"][1:], level)) for point in own]
                for level in (0.025, 0.975)
            )
            marks.append(Mark(axis, "points", x, y, low, high))
    every = [float(point["best"][0]) for point in points]
    start = float(points[0]["own"][0])
    ends = [min(every), max(every)]
    marks.append(Mark("a habit", "line", ends, [start, start]))
    shift = start - float(points[0]["best"][0])
    marks.append(Mark("as the optimum", "line", ends, [end + shift for end in ends]))
    return Figure("threshold of the optimum, re-derived", "threshold of the router", tuple(marks))


PROBE = register(
    Probe(
        "adaptivity",
        "Is its threshold a habit, or found anew for other users?",
        adaptivity,
        headline="kappa",
        shows="The threshold at which it swaps, beside the one that would be best, among "
        "users who differ more and more from training: a habit is level, and who finds "
        "the rule anew follows the rising line.",
        limits="A router cannot adapt to what it cannot see: where swaps cost more and nothing "
        "shows it, 0 holds by construction. Where its rule is not one of P(bored) alone, users who "
        "show other things move its threshold a little, and kappa may be below 0.",
    )
)
