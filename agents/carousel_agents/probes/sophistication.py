"""How small a rule explains what the router does?

The first limit of the router view is that a router is simple. So ever larger rules are fitted to
when it swaps, in half of its sessions, and asked in the other half: from "always the same" to a
small net, once from the present observation alone and once with what an exact observer remembers,
P(bored), beside it. The smallest that tells a swap and a stay right in 95 % of cases, each, is the
answer. A router that remembers something else than P(bored), or more, is explained by none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from carousel_envs.registry import columns_of

from .agreement import bits_told, entropy
from .finding import Estimate, Figure, Mark
from .psychometric import few
from .registered import Probe, register
from .resampling import estimate, resampled_means
from .surrogates import SURROGATES, balanced
from .transcript import STREAMS, record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding
    from .transcript import Transcript

RIGHT = 0.95
MOST = 2000
"""Sessions used; more would fit no smaller rule."""
SEES = ("present", "present and belief")


def sophistication(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Find the smallest rule.

    Args:
        router: what picks.
        population: the users, who have moods.
        training: not used.
        sessions: played; at most `MOST` are used.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates `present` and `present and belief`: how often the best rule that sees so much is
        right, swaps and stays weighing alike, with a bootstrap interval over sessions; `bits` and
        `bits with belief`: what that rule tells of a decision, as a share of all there is to tell.

    Raises:
        CarouselError: the router does not fit these users, or torch is not installed.
    """
    transcript = record(router, population, min(sessions, MOST), seed)
    decides = transcript.decides
    swaps = transcript.swaps[decides]
    if not swaps.size:
        return PROBE.cannot_say("There is no decision: sessions end with their first turn.")
    if swaps.all() or not swaps.any():
        reason = f"It swapped in {swaps.sum()} of {swaps.size} decisions."
        return PROBE.finding(estimates={}, verdict="always the same", reason=reason)
    which = np.broadcast_to(np.arange(decides.shape[1]), decides.shape)[decides]
    halves = [swaps[which % 2 == half] for half in (0, 1)]
    if any(few(half) for half in halves):
        return PROBE.cannot_say(f"It swapped in {swaps.sum()} of {swaps.size} decisions: too few.")
    rows: list[_Row] = []
    best: dict[str, _Row] = {}
    for sees in SEES:
        table = _table(transcript, sees)
        for name, fit in SURROGATES.items():
            predicted = _predicted(fit, table, swaps, which)
            right = _right(predicted, swaps, which, decides.shape[1])
            told = _told(predicted, swaps, which, decides.shape[1])
            rows.append(_Row(sees, name, right, told))
            # a larger rule must be better by something
            if sees not in best or right.value > best[sees].right.value + 0.005:
                best[sees] = rows[-1]
    present, both = (best[sees] for sees in SEES)
    shared: dict[str, Any] = {
        "estimates": {
            SEES[0]: present.right,
            SEES[1]: both.right,
            "bits": Estimate(present.told),
            "bits with belief": Estimate(both.told),
        },
        "rows": tuple({**row._asdict(), "right": row.right.value} for row in rows),
        "figure": _figure(rows),
    }
    without = f"from the present alone, {present.rule} is right in {present.right}"
    enough = [row for row in rows if row.right.value >= RIGHT]
    if not enough:
        reason = f"With the belief, {both.rule} is right in {both.right} of cases; {without}."
        return PROBE.finding(verdict="none of these rules", reason=reason, **shared)
    order = list(SURROGATES)
    small = min(enough, key=lambda row: (order.index(row.rule), SEES.index(row.sees)))
    verdict = small.rule
    if verdict == "one threshold":
        verdict += f" on {_asked(transcript, population, small.sees, swaps, which)}"
    elif small.sees == SEES[1]:
        verdict += " that sees the belief"
    reason = f"It is right in {small.right} of cases; {without}."
    return PROBE.finding(verdict=verdict, reason=reason, **shared)


class _Row(NamedTuple):
    """A rule: what it sees, what it is called, how often it is right, what it tells."""

    sees: str
    rule: str
    right: Estimate
    told: float


def _table(transcript: Transcript, sees: str) -> NDArray[np.float64]:
    """What a rule sees of each decision, shape (D, F)."""
    seen = transcript.observation[transcript.decides].astype(np.float64)
    if sees == SEES[0]:
        return seen
    return np.column_stack([seen, transcript.bored[transcript.decides]])


def _fitted_half(which: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.asarray(which % 2 == 0)


def _predicted(
    fit: Any, table: NDArray[np.float64], swaps: NDArray[np.bool_], which: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """What a rule says of every decision, fitted in one half of the sessions."""
    half = _fitted_half(which)
    rule = fit(table[half], swaps[half], balanced(swaps[half]))
    return np.asarray(rule(table))


def _right(
    predicted: NDArray[np.bool_], swaps: NDArray[np.bool_], which: NDArray[np.int64], sessions: int
) -> Estimate:
    """How often a rule is right in the other half, swaps and stays weighing alike."""
    new = ~_fitted_half(which)
    counts = [
        np.bincount(which[new], values[new], minlength=sessions)[1::2].astype(np.float64)
        for values in (predicted & swaps, swaps, ~predicted & ~swaps, ~swaps)
    ]
    means = resampled_means(np.column_stack(counts))
    sums = [float(count.sum()) for count in counts]
    value = (sums[0] / sums[1] + sums[2] / sums[3]) / 2.0
    with np.errstate(invalid="ignore"):
        drawn = (means[:, 0] / means[:, 1] + means[:, 2] / means[:, 3]) / 2.0
    return estimate(value, drawn[np.isfinite(drawn)])


def _told(
    predicted: NDArray[np.bool_], swaps: NDArray[np.bool_], which: NDArray[np.int64], sessions: int
) -> float:
    """What a rule tells of a decision in the other half, as a share of all there is to tell."""
    new = ~_fitted_half(which)
    bits = bits_told(swaps[new], predicted[new], which[new], sessions).sum()
    return float(bits / (entropy(float(swaps[new].mean())) * new.sum()))


def _asked(
    transcript: Transcript,
    population: AnyPopulation,
    sees: str,
    swaps: NDArray[np.bool_],
    which: NDArray[np.int64],
) -> str:
    """The column that the best single threshold asks."""
    half = _fitted_half(which)
    table = _table(transcript, sees)
    rule: Any = SURROGATES["one threshold"](table[half], swaps[half], balanced(swaps[half]))
    names = (*columns_of(population), "the belief")
    return str(names[rule.column]).replace("_", " ")


def _figure(rows: list[_Row]) -> Figure:
    marks = []
    for sees in SEES:
        own = [row for row in rows if row.sees == sees]
        rights = [row.right for row in own]
        low, high = ([getattr(one, end) for one in rights] for end in ("low", "high"))
        values = [one.value for one in rights]
        marks.append(Mark(f"sees {sees}", "bars", [row.rule for row in own], values, low, high))
    return Figure("", "right, swaps and stays weighing alike", tuple(marks))


PROBE = register(
    Probe(
        "sophistication",
        "How small a rule explains when it swaps?",
        sophistication,
        headline="present and belief",
        shows="How often ever larger rules, from left or top, are right about when it swaps, "
        "from the present alone and with the probability of boredom beside it.",
        limits="Rules are judged among the users that were met: a small one that is right there "
        "may be another one elsewhere. Whom it swaps to is not asked.",
    )
)
