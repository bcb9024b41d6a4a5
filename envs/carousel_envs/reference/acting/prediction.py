"""Predictive distribution of the next turn under a filter, and relative entropies between two.

Given the persona, a turn consists of an outcome (engagement, a goodbye, leaving) and a joint symbol
of all cues. Cues depend on the mood alone, so P(outcome, symbol) is the sum over the two moods of
P(outcome, mood) P(symbol | mood): kinds of user are summed out before symbols enter, and the cost
is linear in kinds and in symbols, not in their product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .filtering import Belief, Filter

ENGAGED, GOODBYE, LEFT = 1, 2, 4
"""Bits of an outcome."""

OUTCOMES = 8


class _Turns(NamedTuple):
    """What is known of the coming turn of every lane.

    Attributes:
        joint, satiation: of the belief.
        persona: enacted, shape (N,).
        arrives: whether it has just taken over, shape (N,).
        said: whether the last turn ended with a goodbye, shape (N,).
    """

    joint: NDArray[np.float64]
    satiation: NDArray[np.float64]
    persona: NDArray[np.int64]
    arrives: NDArray[np.bool_]
    said: NDArray[np.bool_]


@njit
def _expect(turns, users, out):  # type: ignore[no-untyped-def]
    for i in range(turns.joint.shape[0]):
        out[i] = 0.0
        for a in range(users.fit.shape[0]):
            _expect_of_kind(turns, i, users, a, out)


@part
def _expect_of_kind(turns, i, users, a, out):  # type: ignore[no-untyped-def]
    """Add P(kind a, mood, outcome) of lane i."""
    k = turns.persona[i]
    kept = users.hook[k] if turns.said[i] else 1.0
    fresh, bored = turns.joint[i, a, 0], turns.joint[i, a, 1]
    if turns.arrives[i]:
        kind = fresh + bored
        fresh, bored = kind * users.fit[a, k], kind * (1.0 - users.fit[a, k])
    lost = users.gain[a, k] * turns.satiation[i, a, k] if turns.satiation.shape[2] > 0 else 0.0
    for mood in range(2):
        mass = bored if mood else fresh
        chance = max(users.engagement[a, k, mood] - lost, 0.0)
        for said_now in range(2):
            says = users.farewell[a, mood] if said_now else 1.0 - users.farewell[a, mood]
            here = kept * mass * says
            goes = here * users.leave[a, mood]
            stays = here * (1.0 - users.leave[a, mood])
            base = GOODBYE * said_now
            out[i, mood, base] += stays * (1.0 - chance)
            out[i, mood, base + ENGAGED] += stays * chance
            out[i, mood, base + LEFT] += goes * (1.0 - chance)
            out[i, mood, base + LEFT + ENGAGED] += goes * chance
        # users who leave after a goodbye neither engage nor show cues
        out[i, mood, LEFT] += (1.0 - kept) * mass


def expected(
    known: Filter,
    belief: Belief,
    before: NDArray[np.float32],
    after: NDArray[np.float32],
) -> NDArray[np.float64]:
    """Predictive distribution of a turn, given the persona.

    Args:
        known: the filter, whose model is used.
        belief: before the turn, for N lanes.
        before: the observation before the turn, shape (N, D), read for a goodbye.
        after: the observation after it, shape (N, D), read only for the persona and whether it
            has just taken over.

    Returns:
        P(outcome, mood at the cues | history, persona), shape (N, 2, OUTCOMES); the numbers of a
        lane sum to 1. The session's clock, and its end after the last turn, are left out.
    """
    model, columns = known.model, known.columns
    out = np.empty((len(after), 2, OUTCOMES))
    said = np.zeros(len(after), dtype=np.bool_)
    if columns.farewell is not None:
        said = before[:, columns.farewell] > 0.5
    turns = _Turns(
        belief.joint,
        belief.satiation,
        after[:, columns.persona].argmax(axis=1),
        after[:, columns.streak] < 1.5,
        said,
    )
    _expect(turns, model.kernel_users, out)
    return out


def outcome(
    known: Filter, after: NDArray[np.float32], left: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The outcome of a turn, shape (N,).

    Args:
        known: the filter, whose columns are read.
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
    """P(outcome and cues of the turn | history, persona), shape (N,).

    Args:
        known: the filter of the expectation.
        expectation: returned by `expected`.
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
        # negative by rounding alone
        out[i] = max(total, 0.0)


def relative_entropy(
    one: NDArray[np.float64],
    other: NDArray[np.float64],
    one_cues: NDArray[np.float64],
    other_cues: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Relative entropy D(one || other) of two expectations of one turn, in nats, exactly: summed
    over all outcomes and symbols (Cover & Thomas, Elements of Information Theory, 2.3).

    Args:
        one, other: returned by `expected`, shape (N, 2, OUTCOMES).
        one_cues, other_cues: P(symbol | mood) in each model, shape (2, symbols).

    Returns:
        Shape (N,), 0 or more; infinite where something is possible under `one` and impossible under
        `other`.
    """
    out = np.empty(len(one))
    _relative_entropy(one, other, one_cues, other_cues, out)
    return out
