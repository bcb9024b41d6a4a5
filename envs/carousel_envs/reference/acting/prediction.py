"""What a filter expects of the next turn, and how far two such expectations are apart.

Once it is known who speaks, a turn shows an outcome (engagement, a goodbye, leaving) and a symbol
of all cues. Cues depend on the mood alone, so P(outcome, symbol) is the sum over the two moods of
P(outcome, mood) P(symbol | mood): kinds of user are summed out before any symbol comes in, and the
cost is linear in kinds and in symbols, not in their product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .filtering import Belief, Filter

ENGAGED, GOODBYE, LEFT = 1, 2, 4
"""Bits of an outcome."""

OUTCOMES = 8


@njit
def _expected(  # type: ignore[no-untyped-def]
    joint, satiation, persona, arrives, said, fit, engagement, leave, farewell, gain, hook, out
):
    satiates = satiation.shape[2] > 0
    for i in range(joint.shape[0]):
        k = persona[i]
        kept = hook[k] if said[i] else 1.0
        out[i] = 0.0
        for a in range(fit.shape[0]):
            fresh, bored = joint[i, a, 0], joint[i, a, 1]
            if arrives[i]:
                kind = fresh + bored
                fresh, bored = kind * fit[a, k], kind * (1.0 - fit[a, k])
            lost = gain[a, k] * satiation[i, a, k] if satiates else 0.0
            for mood in range(2):
                mass = bored if mood else fresh
                chance = max(engagement[a, k, mood] - lost, 0.0)
                for said_now in range(2):
                    says = farewell[a, mood] if said_now else 1.0 - farewell[a, mood]
                    here = kept * mass * says
                    goes = here * leave[a, mood]
                    stays = here * (1.0 - leave[a, mood])
                    base = GOODBYE * said_now
                    out[i, mood, base] += stays * (1.0 - chance)
                    out[i, mood, base + ENGAGED] += stays * chance
                    out[i, mood, base + LEFT] += goes * (1.0 - chance)
                    out[i, mood, base + LEFT + ENGAGED] += goes * chance
                # whoever goes after a goodbye engages no more and says nothing more
                out[i, mood, LEFT] += (1.0 - kept) * mass


def expected(
    known: Filter,
    belief: Belief,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
) -> NDArray[np.float64]:
    """What the filter expects of a turn once it is known who speaks.

    Args:
        known: whose model expects.
        belief: before the turn, for N lanes.
        before: the observation before the turn, shape (N, D): was a goodbye just said?
        after: the observation after it, shape (N, D), of which only who speaks, and whether they
            have just begun to, is read.

    Returns:
        P(outcome, mood at the cues | everything shown, who speaks), shape (N, 2, OUTCOMES); the
        numbers of a lane sum to 1. The session's clock, and its end after the last turn, are no
        part of it.
    """
    model, columns = known.model, known.columns
    out = np.empty((len(after), 2, OUTCOMES))
    said = np.zeros(len(after), dtype=np.bool_)
    if columns.farewell is not None:
        said = before[:, columns.farewell] > 0.5
    _expected(
        belief.joint,
        belief.satiation,
        after[:, columns.persona].argmax(axis=1),
        after[:, columns.streak] < 1.5,
        said,
        model.fit,
        model.engagement,
        model.leave,
        model.farewell,
        model.gain,
        model.hook,
        out,
    )
    return out


def outcome(
    known: Filter, after: NDArray[np.float32], left: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The outcome that a turn showed, shape (N,).

    Args:
        known: reads the columns.
        after: the observation after the turn, shape (N, D).
        left: whether the user left, shape (N,).
    """
    columns = known.columns
    found = ENGAGED * (after[:, columns.engagement] > 0.5) + LEFT * left
    if columns.farewell is not None:
        found += GOODBYE * (after[:, columns.farewell] > 0.5)
    return np.asarray(found, dtype=np.int64)


def likelihood(
    known: Filter,
    expectation: NDArray[np.float64],
    after: NDArray[np.float32],
    left: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """P(what the turn showed | everything shown before, who speaks), shape (N,).

    Args:
        known: whose expectation it is.
        expectation: what `expected` returned.
        after, left: as for `outcome`.
    """
    shown = expectation[np.arange(len(after)), :, outcome(known, after, left)]
    cues = known.model.cues[:, known.symbols(after)]
    return np.asarray((shown * cues.T).sum(axis=1))


@njit
def _relative_entropy(one, other, one_cues, other_cues, out):  # type: ignore[no-untyped-def]
    symbols = one_cues.shape[1]
    for i in range(one.shape[0]):
        total = 0.0
        for c in range(OUTCOMES):
            fresh, bored = one[i, 0, c], one[i, 1, c]
            if fresh + bored == 0.0:
                continue
            other_fresh, other_bored = other[i, 0, c], other[i, 1, c]
            for z in range(symbols):
                p = fresh * one_cues[0, z] + bored * one_cues[1, z]
                if p > 0.0:
                    q = other_fresh * other_cues[0, z] + other_bored * other_cues[1, z]
                    total += p * np.log(p / q)
        # below 0 by rounding alone
        out[i] = max(total, 0.0)


def relative_entropy(
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    one_cues: NDArray[np.float64],
    other_cues: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Relative entropy D(one || other) of two expectations of one turn, in nats, exactly: summed
    over everything that the turn can show (Cover & Thomas, Elements of Information Theory, 2.3).

    Args:
        one, other: what `expected` returned, shape (N, 2, OUTCOMES).
        one_cues, other_cues: P(symbol | mood) in each model, shape (2, symbols).

    Returns:
        Shape (N,), 0 or more; infinite where `other` holds impossible what `one` does not.
    """
    out = np.empty(len(one))
    _relative_entropy(one, other, one_cues, other_cues, out)
    return out
