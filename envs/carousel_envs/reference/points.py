"""Point-based value iteration for populations with several kinds of user (a lower bound).

The hidden state is (kind, mood); mood is redrawn by every swap. For each turn and current persona a
set of vectors over the hidden state is kept, each the value of a plan, so their maximum bounds the
optimal value from below everywhere (Pineau, Gordon & Thrun 2003; finite horizon, hence no
discounting). Backups are made at beliefs that the policy itself reaches.

Cue symbols are merged into a few bins of like log-likelihood ratio. A router that only sees the
bins knows less, so the bound stays a bound; with a single bin it is the value of a blind router.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import rng
from .._compile import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PointSolution:
    """A lower bound and the plans behind it.

    Attributes:
        lower: value of the best plan at the start.
        vectors: value of each plan, shape (T, K, P, kinds, 2), before the pick of that turn.
        actions: first persona of each plan, shape (T, K, P).
        first: persona to begin with.
    """

    lower: float
    vectors: NDArray[np.float64]
    actions: NDArray[np.int64]
    first: int


def bin_cues(cues: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Merge cue symbols of like log-likelihood ratio, shape (2, symbols) to (2, at most bins)."""
    mass = cues.sum(axis=0)
    cues = cues[:, mass > 0]
    ratio = np.log(np.maximum(cues[1], 1e-300)) - np.log(np.maximum(cues[0], 1e-300))
    order = np.argsort(ratio, kind="stable")
    middle = np.cumsum(cues[:, order].mean(axis=0)) - cues[:, order].mean(axis=0) / 2
    which = np.minimum((middle * bins).astype(np.int64), bins - 1)
    merged = np.zeros((2, bins))
    np.add.at(merged.T, which, cues[:, order].T)
    return np.ascontiguousarray(merged[:, merged.sum(axis=0) > 0])


@njit
def _stay_backup(  # type: ignore[no-untyped-def]
    belief, k, hazard, q, like, stay, vectors, count, out, nxt
):
    """Plan "persona k speaks now, then the best of `vectors`", at a belief after the redraw."""
    n_kinds = belief.shape[0]
    out[:] = q[:, k]
    if count == 0:
        return
    for z in range(like.shape[3]):
        total = 0.0
        for a in range(n_kinds):
            fresh = belief[a, 0] * like[a, k, 0, z] * stay[a, 0]
            bored = belief[a, 1] * like[a, k, 1, z] * stay[a, 1]
            moved = fresh * hazard[a, k]
            nxt[a, 0] = fresh - moved
            nxt[a, 1] = bored + moved
            total += fresh + bored
        if total <= 0.0:
            best = 0
        else:
            best, best_value = 0, -1e300
            for v in range(count):
                value = 0.0
                for a in range(n_kinds):
                    value += nxt[a, 0] * vectors[v, a, 0] + nxt[a, 1] * vectors[v, a, 1]
                if value > best_value:
                    best, best_value = v, value
        for a in range(n_kinds):
            h = hazard[a, k]
            ahead = (1.0 - h) * vectors[best, a, 0] + h * vectors[best, a, 1]
            out[a, 0] += like[a, k, 0, z] * stay[a, 0] * ahead
            out[a, 1] += like[a, k, 1, z] * stay[a, 1] * vectors[best, a, 1]


@njit
def _redraw(belief, k, fit, out):  # type: ignore[no-untyped-def]
    for a in range(belief.shape[0]):
        kind = belief[a, 0] + belief[a, 1]
        out[a, 0] = kind * fit[a, k]
        out[a, 1] = kind * (1.0 - fit[a, k])


@njit
def _dot(x, y):  # type: ignore[no-untyped-def]
    total = 0.0
    for a in range(x.shape[0]):
        total += x[a, 0] * y[a, 0] + x[a, 1] * y[a, 1]
    return total


@njit
def _backward(  # type: ignore[no-untyped-def]
    points, counts, prior, fit, hazard, q, stay, like, cost, vectors, actions
):
    """Fill `vectors` and `actions` (T, K, P, ...); return the value and pick of the first turn."""
    length, n_k, _, n_kinds, _ = points.shape
    plan, best_plan = np.zeros((n_kinds, 2)), np.zeros((n_kinds, 2))
    redrawn, nxt = np.zeros((n_kinds, 2)), np.zeros((n_kinds, 2))
    first, first_value = 0, -1e300
    for back in range(length):
        t = length - 1 - back
        last = back == 0
        for k in range(n_k if t > 0 else 1):
            for p in range(counts[t, k] if t > 0 else 1):
                belief = points[t, k, p] if t > 0 else prior
                best, best_value = -1, -1e300
                for a in range(n_k):
                    swap = t == 0 or a != k
                    if swap:
                        _redraw(belief, a, fit, redrawn)
                        start = redrawn
                    else:
                        start = belief
                    ahead = vectors[0 if last else t + 1, a]
                    count = 0 if last else counts[t + 1, a]
                    _stay_backup(start, a, hazard, q, like, stay, ahead, count, plan, nxt)
                    value = _dot(start, plan)
                    if swap and t > 0:
                        value -= cost
                    if value > best_value:
                        best, best_value = a, value
                        if swap:
                            for i in range(n_kinds):
                                worth = fit[i, a] * plan[i, 0] + (1.0 - fit[i, a]) * plan[i, 1]
                                best_plan[i] = worth - cost
                        else:
                            best_plan[:] = plan
                if t == 0:
                    first, first_value = best, best_value
                else:
                    vectors[t, k, p] = best_plan
                    actions[t, k, p] = best
    return first_value, first


@njit
def _explore(  # type: ignore[no-untyped-def]
    points,
    counts,
    prior,
    fit,
    hazard,
    stay,
    like,
    vectors,
    actions,
    first,
    planned,
    walks,
    wander,
    seed,
):
    """Walk through the model, now and then at random, and keep beliefs met before a pick."""
    length, n_k, capacity, n_kinds, _ = points.shape
    belief, nxt = np.zeros((n_kinds, 2)), np.zeros((n_kinds, 2))
    word = rng.mix64(np.uint64(seed) + rng.GOLDEN)
    scale = 2.0**-53
    for _ in range(walks):
        belief[:] = prior
        current = np.int64(-1)
        kind, mood = 0, 0
        word += rng.GOLDEN
        u = np.float64(rng.mix64(word) >> np.uint64(11)) * scale
        for a in range(n_kinds):
            weight = prior[a, 0] + prior[a, 1]
            if u < weight or a == n_kinds - 1:
                kind = a
                break
            u -= weight
        for t in range(length):
            if t > 0 and counts[t, current] < capacity:
                points[t, current, counts[t, current]] = belief
                counts[t, current] += 1
            word += rng.GOLDEN
            u = np.float64(rng.mix64(word) >> np.uint64(11)) * scale
            pick = np.int64(current)
            if u < wander or (t == 0 and not planned):
                word += rng.GOLDEN
                pick = np.int64(
                    (rng.mix64(word) >> np.uint64(32)) * np.uint64(n_k) >> np.uint64(32)
                )
            elif t == 0:
                pick = first
            elif planned:
                best_value = -1e300
                for v in range(planned):
                    value = _dot(belief, vectors[t, current, v])
                    if value > best_value:
                        best_value = value
                        pick = actions[t, current, v]
            word += rng.GOLDEN
            u = np.float64(rng.mix64(word) >> np.uint64(11)) * scale
            if pick != current:
                mood = 0 if u < fit[kind, pick] else 1
                _redraw(belief, pick, fit, nxt)
                belief[:] = nxt
                current = pick
            word += rng.GOLDEN
            u = np.float64(rng.mix64(word) >> np.uint64(11)) * scale
            z = 0
            while z < like.shape[3] - 1 and u >= like[kind, current, mood, z]:
                u -= like[kind, current, mood, z]
                z += 1
            total = 0.0
            for a in range(n_kinds):
                fresh = belief[a, 0] * like[a, current, 0, z] * stay[a, 0]
                bored = belief[a, 1] * like[a, current, 1, z] * stay[a, 1]
                moved = fresh * hazard[a, current]
                belief[a, 0] = fresh - moved
                belief[a, 1] = bored + moved
                total += fresh + bored
            if total <= 0.0:
                break
            belief /= total
            word += rng.GOLDEN
            u = np.float64(rng.mix64(word) >> np.uint64(11)) * scale
            if mood == 0 and u < hazard[kind, current]:
                mood = 1


def solve_points(
    fit: NDArray[np.float64],
    hazard: NDArray[np.float64],
    engagement: NDArray[np.float64],
    leave: NDArray[np.float64],
    weights: NDArray[np.float64],
    cues: NDArray[np.float64],
    length: int,
    swap_cost: float,
    *,
    blind: bool = False,
    bins: int = 8,
    points: int = 48,
    rounds: int = 3,
    seed: int = 0,
) -> PointSolution:
    """Bound the optimal value from below.

    Args:
        fit, hazard: shape (kinds, K), the personas that are present.
        engagement: shape (kinds, K, 2): fresh, bored.
        leave: shape (kinds, 2).
        weights: share of each kind, shape (kinds,).
        cues: P(symbol | mood), shape (2, symbols).
        length, swap_cost: T and c.
        blind: whether the router sees nothing but the clock.
        bins: cue bins.
        points: beliefs kept per turn and persona.
        rounds: times the beliefs are collected anew with the plans found so far.
        seed: of the walks that collect beliefs.
    """
    fit, hazard = np.ascontiguousarray(fit), np.ascontiguousarray(hazard)
    n_kinds, n_k = fit.shape
    if blind:
        like = np.ones((n_kinds, n_k, 2, 1))
    else:
        merged = bin_cues(cues, bins)
        q = engagement[..., None]
        like = np.concatenate([(1 - q) * merged, q * merged], axis=3)
    prior = np.zeros((n_kinds, 2))
    prior[:, 0] = weights / weights.sum()
    shape = (length, n_k, points)
    vectors = np.zeros((*shape, n_kinds, 2))
    actions = np.zeros(shape, dtype=np.int64)
    stay = 1.0 - leave
    lower, first, planned = -np.inf, 0, 0
    best: PointSolution | None = None
    for turn in range(rounds):
        beliefs = np.zeros((*shape, n_kinds, 2))
        counts = np.zeros((length, n_k), dtype=np.int64)
        # every set holds two general beliefs, so that no plan ever runs into an empty one
        beliefs[:, :, 0] = prior
        beliefs[:, :, 1, :, 1] = prior[:, 0]
        counts[:] = 2
        for part, wander in enumerate((0.0, 0.05, 0.15, 0.5) if planned else (0.05, 0.15, 0.5)):
            room = counts + (points - counts) // (4 - part if planned else 3 - part)
            for k in range(n_k):
                room[:, k] = np.minimum(room[:, k], points)
            _explore(
                beliefs[:, :, : int(room.max())],
                counts,
                prior,
                fit,
                hazard,
                stay,
                like,
                vectors,
                actions,
                first,
                planned,
                points * 4,
                wander,
                seed + 17 * turn + part,
            )
        # sets that were met less often are filled up with copies: one size for all
        for t in range(length):
            for k in range(n_k):
                beliefs[t, k, counts[t, k] :] = beliefs[t, k, 0]
        full = np.full((length, n_k), points, dtype=np.int64)
        new_vectors, new_actions = np.zeros_like(vectors), np.zeros_like(actions)
        lower, first = _backward(
            beliefs,
            full,
            prior,
            fit,
            hazard,
            engagement,
            stay,
            like,
            swap_cost,
            new_vectors,
            new_actions,
        )
        vectors, actions, planned = new_vectors, new_actions, points
        if best is None or lower > best.lower:
            best = PointSolution(float(lower), vectors, actions, int(first))
    assert best is not None
    return best
