"""Exact finite-horizon dynamic programming on the probability of boredom, for a known kind of user.

Before each pick the router knows p, the probability that the user is bored, and the current
persona k. With b = (1 - p, p) and S_t(k) = max over a != k of Q_t(a, 1 - fit[a]) - cost,

    V_t(k, p) = max{Q_t(k, p), S_t(k)},
    Q_t(k, p) = sum over m of b(m) [q_m + (1 - leave_m) sum over z of f_m(z) V_{t+1}(k, p'(z))],

where z is everything that is shown in a turn and p' the posterior given z and that the user
stayed, after the hazard (Astrom 1965; the stopping form is Shiryaev's and Girshick and Rubin's).
V is convex in p. Two recursions on one grid therefore enclose it: chords between grid points lie
above, tangents at grid points (the value of a plan, linear in p) lie below; both are reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from .._compile import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = 513


@dataclass(frozen=True, eq=False)
class BeliefSolution:
    """The optimum for one kind of user and one set of personas.

    Attributes:
        lower, upper: enclose the optimal value; they differ by the grid's error alone.
        threshold: swap when P(bored) reaches it, shape (T, K); 2 where swapping never pays.
        target: persona to swap to, shape (T, K).
        first: persona to begin with.
    """

    lower: float
    upper: float
    threshold: NDArray[np.float64]
    target: NDArray[np.int64]
    first: int


@njit
def _posterior(p, like_fresh, like_bored, leave, hazard):  # type: ignore[no-untyped-def]
    """P(observation and stay), and P(bored) at the next pick."""
    fresh = (1.0 - p) * like_fresh * (1.0 - leave[0])
    bored = p * like_bored * (1.0 - leave[1])
    total = fresh + bored
    if total <= 0.0:
        return 0.0, 0.0
    return total, (bored + fresh * hazard) / total


@njit
def _backward(fit, hazard, q, leave, like, length, cost, grid):  # type: ignore[no-untyped-def]
    n_k, n_z = fit.shape[0], like.shape[1]
    chord = np.zeros((n_k, grid))
    tangent = np.zeros((n_k, grid, 2))
    threshold = np.full((length, n_k), 2.0)
    target = np.zeros((length, n_k), dtype=np.int64)
    q_chord = np.zeros((n_k, grid))
    q_tangent = np.zeros((n_k, grid, 2))
    start_chord = np.zeros(n_k)
    start_tangent = np.zeros(n_k)
    width = 1.0 / (grid - 1)
    for back in range(length):
        t = length - 1 - back
        for k in range(n_k):
            h = hazard[k]
            for g in range(grid + 1):
                # the extra point is the belief right after the persona takes over
                p = g * width if g < grid else 1.0 - fit[k]
                above = (1.0 - p) * q[0] + p * q[1]
                low_fresh, low_bored = q[0], q[1]
                if back > 0:
                    for z in range(n_z):
                        total, nxt = _posterior(p, like[0, z], like[1, z], leave, h)
                        if total <= 0.0:
                            continue
                        x = nxt / width
                        j = min(int(x), grid - 2)
                        w = x - j
                        above += total * ((1.0 - w) * chord[k, j] + w * chord[k, j + 1])
                        left = (1.0 - nxt) * tangent[k, j, 0] + nxt * tangent[k, j, 1]
                        right = (1.0 - nxt) * tangent[k, j + 1, 0] + nxt * tangent[k, j + 1, 1]
                        if right > left:
                            j += 1
                        next_fresh, next_bored = tangent[k, j, 0], tangent[k, j, 1]
                        low_fresh += (
                            like[0, z]
                            * (1.0 - leave[0])
                            * ((1.0 - h) * next_fresh + h * next_bored)
                        )
                        low_bored += like[1, z] * (1.0 - leave[1]) * next_bored
                if g < grid:
                    q_chord[k, g] = above
                    q_tangent[k, g, 0] = low_fresh
                    q_tangent[k, g, 1] = low_bored
                else:
                    start_chord[k] = above
                    start_tangent[k] = (1.0 - p) * low_fresh + p * low_bored
        if t == 0:
            break
        for k in range(n_k):
            best = -1
            for a in range(n_k):
                if a != k and (best < 0 or start_tangent[a] > start_tangent[best]):
                    best = a
            if best < 0:
                chord[k] = q_chord[k]
                tangent[k] = q_tangent[k]
                continue
            target[t, k] = best
            swap_low = start_tangent[best] - cost
            swap_high = start_tangent[best] - cost
            for a in range(n_k):
                if a != k:
                    swap_high = max(swap_high, start_chord[a] - cost)
            margin = 0.0
            for g in range(grid):
                p = g * width
                stay = (1.0 - p) * q_tangent[k, g, 0] + p * q_tangent[k, g, 1]
                if stay < swap_low:
                    if threshold[t, k] > 1.0:
                        before = margin / (margin + swap_low - stay)
                        threshold[t, k] = p if g == 0 else p - width * (1.0 - before)
                    tangent[k, g, 0] = swap_low
                    tangent[k, g, 1] = swap_low
                else:
                    tangent[k, g] = q_tangent[k, g]
                    margin = stay - swap_low
                chord[k, g] = max(q_chord[k, g], swap_high)
    return start_tangent, start_chord, threshold, target


@lru_cache(maxsize=256)
def _solved(
    fit: bytes,
    hazard: bytes,
    engagement: bytes,
    leave: bytes,
    likelihood: bytes,
    length: int,
    swap_cost: float,
    grid: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """`_backward`, remembered: users who differ in who is available often reduce to one problem."""
    arrays = (np.frombuffer(part) for part in (fit, hazard, engagement, leave))
    like = np.frombuffer(likelihood).reshape(2, -1)
    low, high, threshold, target = _backward(*arrays, like, length, swap_cost, grid)
    return low, high, threshold, target


def solve_belief(
    fit: NDArray[np.float64],
    hazard: NDArray[np.float64],
    engagement: NDArray[np.float64],
    leave: NDArray[np.float64],
    likelihood: NDArray[np.float64],
    length: int,
    swap_cost: float,
    grid: int = GRID,
) -> BeliefSolution:
    """Solve for one kind of user.

    Args:
        fit, hazard: shape (K,), the personas that are present.
        engagement, leave: shape (2,): fresh, bored.
        likelihood: P(z | mood), shape (2, Z), rows sum to 1. One column makes the router blind.
        length: turns T.
        swap_cost: cost c.
        grid: points on [0, 1].
    """
    # Personas alike in fit and hazard are interchangeable, and two of a kind suffice: one to leave,
    # one to go to. Solve the reduced problem, then hand the answer back to every persona.
    _, kind_of = np.unique(np.column_stack([fit, hazard]), axis=0, return_inverse=True)
    kind_of = kind_of.ravel()
    kept = np.array(
        [k for k in range(len(fit)) if np.sum(kind_of[:k] == kind_of[k]) < 2], dtype=np.int64
    )
    low, high, threshold, target = _solved(
        fit[kept].tobytes(),
        hazard[kept].tobytes(),
        engagement.tobytes(),
        leave.tobytes(),
        likelihood.tobytes(),
        length,
        swap_cost,
        grid,
    )
    best = int(np.argmax(low))
    home = np.array([int(np.flatnonzero(kind_of[kept] == kind)[0]) for kind in kind_of])
    whole_target = np.zeros((length, len(fit)), dtype=np.int64)
    for k in range(len(fit)):
        for t in range(length):
            wanted = kind_of[kept[target[t, home[k]]]]
            # the next one around of the wanted kind, so that equals take turns
            around = (k + 1 + np.arange(len(fit) - 1)) % len(fit)
            same = around[kind_of[around] == wanted]
            whole_target[t, k] = same[0] if len(same) else k
    return BeliefSolution(
        lower=float(low[best]),
        upper=float(high.max()),
        threshold=np.ascontiguousarray(threshold[:, home]),
        target=whole_target,
        first=int(kept[best]),
    )


@njit
def _evaluate(  # type: ignore[no-untyped-def]
    fit, hazard, q, leave, like, cost, threshold, target, first, grid
):
    length, n_k = threshold.shape
    n_z = like.shape[1]
    stay = np.zeros((n_k, grid))
    start = np.zeros(n_k)
    width = 1.0 / (grid - 1)
    for back in range(length):
        t = length - 1 - back
        new = np.zeros((n_k, grid))
        new_start = np.zeros(n_k)
        for k in range(n_k):
            for g in range(grid + 1):
                p = g * width if g < grid else 1.0 - fit[k]
                value = (1.0 - p) * q[0] + p * q[1]
                if back > 0:
                    for z in range(n_z):
                        total, nxt = _posterior(p, like[0, z], like[1, z], leave, hazard[k])
                        if total <= 0.0:
                            continue
                        if nxt >= threshold[t + 1, k]:
                            value += total * (start[target[t + 1, k]] - cost)
                        else:
                            x = nxt / width
                            j = min(int(x), grid - 2)
                            w = x - j
                            value += total * ((1.0 - w) * stay[k, j] + w * stay[k, j + 1])
                if g < grid:
                    new[k, g] = value
                else:
                    new_start[k] = value
        stay, start = new, new_start
    return start[first]


def evaluate_thresholds(
    fit: NDArray[np.float64],
    hazard: NDArray[np.float64],
    engagement: NDArray[np.float64],
    leave: NDArray[np.float64],
    likelihood: NDArray[np.float64],
    swap_cost: float,
    threshold: NDArray[np.float64],
    target: NDArray[np.int64],
    first: int,
    grid: int = GRID,
) -> float:
    """Value of swapping to target[t, k] when P(bored) >= threshold[t, k] (shapes (T, K)).

    The threshold itself is applied at exact beliefs; only the value of staying is interpolated, and
    it is smooth except where a later threshold is crossed.
    """
    return float(
        _evaluate(
            fit, hazard, engagement, leave, likelihood, swap_cost, threshold, target, first, grid
        )
    )
