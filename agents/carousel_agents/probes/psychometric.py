"""At what probability of boredom does a router swap?

The psychometric curve: how often it swaps, by P(the user is bored) as an exact observer has it who
hears what the router hears. A rule "swap once P(bored) reaches a threshold" is a step there. The
curve has a threshold, a slope, and lapses at both ends: swaps that boredom does not explain, and
none where it should.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .finding import Estimate, Figure, Mark
from .lapse_curve import LapseCurve, fit
from .registered import Probe, register
from .transcript import STREAMS, record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding
    from .transcript import Transcript

BINS, SHOWN = 250, 20
RESAMPLES = 100
FEW = 30
"""Fewer swaps, or fewer decisions to stay, give no curve."""


def psychometric(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Fit the psychometric curve of a router.

    Args:
        router: what picks.
        population: the users, who have moods.
        training: not used: the exact observer believes in the users who are met.
        sessions: played, 1 to 65 536.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates `threshold` (a probability), `slope` (swaps per unit of probability, at the
        threshold), `guess` and `lapse` (how far the curve stays above 0 and below 1), and `bits`
        (per decision: what the curve tells beyond the mean); intervals are bootstrap ones over
        sessions.

    Raises:
        CarouselError: the router does not fit these users, or a number is not allowed.
    """
    return of_transcript(record(router, population, sessions, seed))


def of_transcript(transcript: Transcript) -> Finding:
    """The same, of decisions that are there."""
    decides = transcript.decides
    belief, swaps = transcript.bored[decides], transcript.swaps[decides]
    if (fitted := _fitted(transcript)) is None:
        what = f"It swapped in {swaps.sum()} of {swaps.size} decisions"
        return PROBE.cannot_say(f"{what}: no curve fits that.")
    curve, resampled = fitted
    rows = _rows(belief, swaps)
    estimates = _estimates(curve, resampled)
    ends = curve(np.array([belief.min(), belief.max()]))
    crosses = bool(ends[0] < 0.5 < ends[1])
    shared: dict[str, Any] = {
        # where the curve does not cross one half there is no threshold
        "estimates": {n: e for n, e in estimates.items() if crosses or n != "threshold"},
        "rows": rows,
        "figure": _figure(rows, curve, crosses=crosses),
    }
    if not crosses:
        return PROBE.cannot_say(
            "The share of decisions that swap does not cross one half as boredom becomes more "
            f"probable: the fitted curve goes from {ends[0]:.0%} to {ends[1]:.0%}.",
            **shared,
        )
    reason = (
        f"It swaps once boredom is as probable as {shared['estimates']['threshold']}; the curve "
        f"explains {curve.bits:.2f} bits per decision."
    )
    return PROBE.finding(verdict=f"swaps at {curve.threshold:.2f}", reason=reason, **shared)


def threshold_of(transcript: Transcript) -> NDArray[np.float64] | None:
    """The threshold of the curve and those of resampled sessions, shape (1 + R,); None where there
    is none."""
    fitted = _fitted(transcript)
    if fitted is None:
        return None
    curve, resampled = fitted
    belief = transcript.bored[transcript.decides]
    low, high = curve(np.array([belief.min(), belief.max()]))
    if not low < 0.5 < high:
        return None
    return np.array([curve.threshold, *(one.threshold for one in resampled)])


def _fitted(transcript: Transcript) -> tuple[LapseCurve, list[LapseCurve]] | None:
    """The curve, and those of resampled sessions; None where swaps or stays are too few."""
    decides = transcript.decides
    belief, swaps = transcript.bored[decides], transcript.swaps[decides]
    if few(swaps):
        return None
    which = np.broadcast_to(np.arange(decides.shape[1]), decides.shape)[decides]
    x, done, of = _counts(belief, swaps, which, decides.shape[1])
    counts = x, done.sum(axis=0), of.sum(axis=0)
    curve = fit(*counts, near=fit(*counts))
    return curve, _resampled(x, done, of, curve)


def few(swaps: NDArray[np.bool_]) -> bool:
    """Whether swaps, or decisions to stay, are too few for a curve."""
    return bool(min(swaps.sum(), (~swaps).sum()) < FEW)


def _counts(
    belief: NDArray[np.float64], swaps: NDArray[np.bool_], which: NDArray[np.int64], sessions: int
) -> tuple[NDArray[np.float64], ...]:
    """Mean belief of each bin that holds decisions, shape (B,), and swaps and decisions of each
    session there, shape (sessions, B)."""
    place = np.minimum((belief * BINS).astype(np.int64), BINS - 1)
    at = which * BINS + place
    shape = (sessions, BINS)
    of = np.bincount(at, minlength=sessions * BINS).reshape(shape).astype(np.float64)
    done = np.bincount(at[swaps], minlength=sessions * BINS).reshape(shape).astype(np.float64)
    mean = np.bincount(place, belief, minlength=BINS)
    held = of.sum(axis=0) > 0
    return mean[held] / of.sum(axis=0)[held], done[:, held], of[:, held]


def _resampled(
    x: NDArray[np.float64], done: NDArray[np.float64], of: NDArray[np.float64], curve: LapseCurve
) -> list[LapseCurve]:
    """Curves of resampled sessions."""
    rng, n = np.random.default_rng(0), len(done)
    drawn = rng.multinomial(n, np.full(n, 1.0 / n), size=RESAMPLES).astype(np.float64)
    found = []
    for some_done, some_of in zip(drawn @ done, drawn @ of, strict=True):
        held = some_of > 0
        found.append(fit(x[held], some_done[held], some_of[held], near=curve))
    return found


def _estimates(curve: LapseCurve, resampled: list[LapseCurve]) -> dict[str, Estimate]:
    found = {}
    for name in ("threshold", "slope", "guess", "lapse", "bits"):
        ends = np.quantile([getattr(one, name) for one in resampled], [0.025, 0.975])
        found[name] = Estimate(getattr(curve, name), float(ends[0]), float(ends[1]))
    return found


def _rows(belief: NDArray[np.float64], swaps: NDArray[np.bool_]) -> tuple[dict[str, Any], ...]:
    """Decisions in equal parts by belief."""
    rows = []
    for part in np.array_split(np.argsort(belief, kind="stable"), SHOWN):
        n, share = len(part), float(swaps[part].mean()) if len(part) else 0.0
        if n:
            row = {"belief": float(belief[part].mean()), "swaps": share, "decisions": n}
            rows.append(row)
    return tuple(rows)


def _figure(rows: tuple[dict[str, Any], ...], curve: LapseCurve, *, crosses: bool) -> Figure:
    line = np.linspace(0.0, 1.0, 201)
    marks = (
        Mark("decisions", "points", [r["belief"] for r in rows], [r["swaps"] for r in rows]),
        Mark("fitted curve", "line", line.tolist(), curve(line).tolist()),
    )
    at = {"threshold": curve.threshold} if crosses else {}
    return Figure("P(the user is bored)", "share of decisions that swap", marks, at)


PROBE = register(
    Probe(
        "psychometric",
        "At what probability of boredom does the router swap persona?",
        psychometric,
        headline="threshold",
        shows="How often it swaps, by how probable it is that the user is bored: points are "
        "decisions in equal parts, the line is the curve fitted to them.",
        limits="It shows how swaps go with boredom, not that boredom is what the router follows: "
        "whatever rises and falls with it would give a curve, too.",
    )
)
