"""Counting signs and swapping in many lanes at once: the compiled part of `tally`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from carousel_envs.compiled import observations
from carousel_envs.compiled.compiler import njit

from .repertoire import next_one

if TYPE_CHECKING:
    from numpy.typing import NDArray

NEXT, SKIP, LIKED = range(3)
"""To whom a tally swaps: the next persona, the next not disliked, the one liked most."""


class TallyTables(NamedTuple):
    """What `swap_when_enough` reads.

    Attributes:
        signs: of each cue symbol, shape (symbols,).
        strides: of the joint cue symbol, shape (cues,).
        repertoire, place_of: see `repertoire`.
        margin, leak, most, where, engagement: of the `Rule`.
        clinger: the persona that goodbyes are answered with, or -1.
        engaged, persona, available, streak, farewell: columns, -1 for none.
    """

    signs: NDArray[np.float64]
    strides: NDArray[np.int64]
    repertoire: NDArray[np.int64]
    place_of: NDArray[np.int64]
    margin: float
    leak: float
    most: int
    where: int
    engagement: float
    clinger: int
    engaged: int
    persona: int
    available: int
    streak: int
    farewell: int


@njit
def _not_disliked(tables, observation, i, place, liking):  # type: ignore[no-untyped-def]
    """The first available persona after a place of the repertoire that was not disliked, around it;
    the next available one where all were."""
    n = len(tables.repertoire)
    # who speaks may be none of the repertoire: then its last is a candidate, too
    for step in range(1, n + (place < 0)):
        persona = tables.repertoire[(place + step) % n]
        if observation[i, tables.available + persona] > 0.5 and liking[i, persona] >= 0.0:
            return persona
    return next_one(tables.repertoire, place, observation, i, tables.available)


@njit
def _most_liked(tables, observation, i, place, liking):  # type: ignore[no-untyped-def]
    """The available persona that was liked most, but for the one at a place of the repertoire; of
    equals the first after it."""
    n, best, found = len(tables.repertoire), -1e300, -1
    for step in range(1, n + (place < 0)):
        persona = tables.repertoire[(place + step) % n]
        if observation[i, tables.available + persona] > 0.5 and liking[i, persona] > best:
            best, found = liking[i, persona], persona
    if found >= 0:
        return found
    return next_one(tables.repertoire, place, observation, i, tables.available)


@njit
def swap_when_enough(tables, observation, before, tally, liking, picks):  # type: ignore[no-untyped-def]
    """Write tallies, likings (in place) and picks; return a lane of unknown cues, or -1."""
    n_symbols, unknown, n_k = len(tables.signs), np.int64(-1), liking.shape[1]
    for i in range(len(picks)):
        turns = observation[i, tables.streak]
        if turns < 0.5:
            tally[i] = 0.0
            for k in range(n_k):
                liking[i, k] = 0.0
            picks[i] = next_one(tables.repertoire, -1, observation, i, tables.available)
            continue
        symbol = observations.symbol(observation, i, tables.strides, n_symbols)
        if symbol == n_symbols:
            unknown, symbol = np.int64(i), np.int64(0)
        engaged = observation[i, tables.engaged] > 0.5
        signs = tables.signs[symbol] + (-tables.engagement if engaged else tables.engagement)
        # what was shown to an earlier persona is over
        kept = tables.leak * before[i] if turns > 1.5 else 0.0
        current = observations.largest(observation, i, tables.persona, n_k)
        tally[i] = kept + signs
        liking[i, current] -= signs
        picks[i] = current
        if tables.farewell >= 0 and tables.clinger >= 0:
            here = observation[i, tables.available + tables.clinger] > 0.5
            if observation[i, tables.farewell] > 0.5 and here:
                picks[i] = tables.clinger
                continue
        if tally[i] >= tables.margin or turns >= tables.most:
            place = tables.place_of[current]
            if tables.where == NEXT:
                picks[i] = next_one(tables.repertoire, place, observation, i, tables.available)
            elif tables.where == SKIP:
                picks[i] = _not_disliked(tables, observation, i, place, liking)
            else:
                picks[i] = _most_liked(tables, observation, i, place, liking)
    return unknown
