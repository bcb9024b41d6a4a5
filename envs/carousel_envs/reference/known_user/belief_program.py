"""Exact finite-horizon dynamic programming on the probability of boredom, for a known kind of user.

Before each pick the router knows p, the probability that the user is bored, the current persona k,
and whether the last turn ended with a goodbye (g). Persona a keeps the user with probability
keep_g(a): 1 without a goodbye; hook[a] with one, at a loss. With S_t(k, g) the maximum over a != k
of keep_g(a) [Q_t(a, 1 - fit[a]) - loss_g] - cost and b = (1 - p, p),

    V_t(k, p, g) = max{keep_g(k) [Q_t(k, p) - loss_g], S_t(k, g)},
    Q_t(k, p) = sum over m of b(m) [r_m(k)
                + (1 - leave_m) sum over z of f_m(z) V_{t+1}(k, p'(z), g(z))],

where z is the symbol observed in a turn and p' the posterior given z and that the user stayed,
after the hazard has acted (Astrom 1965; the stopping form is due to Shiryaev and to Girshick and
Rubin). V is convex in p. Two recursions on one grid therefore enclose it: chords between grid
points lie above, tangents at grid points (the value of a plan, linear in p) lie below. Where a
fresh user is worth more than a bored one, swapping pays from some p on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part
from ...compiled.copying import copy_vector
from .belief_problem import posterior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .belief_problem import BeliefProblem

GRID = 513
"""Grid points on [0, 1]."""
_REMEMBERED = 256
"""Solutions kept in memory."""


@dataclass(frozen=True, eq=False)
class BeliefSolution:
    """The optimum for one kind of user and one set of actions.

    Attributes:
        lower, upper: enclose the optimal value; the gap is the error of the grid alone.
        threshold: swap when P(bored) reaches it, shape (T, K, 2): without, with a goodbye; 2 where
            swapping never pays. Meaningful where rewards fall from fresh to bored.
        target: action to swap to, shape (T, K, 2).
        first: action to begin with.
        plans: value of the best plan known at each grid point, before the pick of a turn, linear
            in the mood, shape (T, K, 2, grid, 2): goodbye, point, mood. Empty unless asked for.
        picks: first action of each plan, shape (T, K, 2, grid).
    """

    lower: float
    upper: float
    threshold: NDArray[np.float64]
    target: NDArray[np.int64]
    first: int
    plans: NDArray[np.float64]
    picks: NDArray[np.int64]


class _BeforePick(NamedTuple):
    """Both bounds before a pick, on the grid.

    Attributes:
        chord: from above, shape (K, goodbyes, grid).
        tangent: from below, linear in the mood, shape (K, goodbyes, grid, 2).
    """

    chord: NDArray[np.float64]
    tangent: NDArray[np.float64]


class _AfterPick(NamedTuple):
    """Both bounds after a pick.

    Attributes:
        chord: from above when persona k stays, on the grid, shape (K, grid).
        tangent: from below, linear in the mood, shape (K, grid, 2).
        start_chord, start_tangent: when persona k takes over, shape (K,).
    """

    chord: NDArray[np.float64]
    tangent: NDArray[np.float64]
    start_chord: NDArray[np.float64]
    start_tangent: NDArray[np.float64]


class _Solved(NamedTuple):
    """What the recursion leaves behind.

    Attributes:
        low, high: bounds on the value of beginning with each action, shape (K,).
        threshold, target, plans, picks: as in `BeliefSolution`, of the problem's own actions.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    threshold: NDArray[np.float64]
    target: NDArray[np.int64]
    plans: NDArray[np.float64]
    picks: NDArray[np.int64]


@part
def _enact(problem, k, p, ahead, last):  # type: ignore[no-untyped-def]
    """Q_t(k, p) from above, and from below as a pair linear in the mood."""
    above = (1.0 - p) * problem.reward[k, 0] + p * problem.reward[k, 1]
    low_fresh, low_bored = problem.reward[k, 0], problem.reward[k, 1]
    if last:
        return above, low_fresh, low_bored
    chord, tangent, h = ahead.chord, ahead.tangent, problem.hazard[k]
    grid = chord.shape[2]
    width = 1.0 / (grid - 1)
    for z in range(problem.likelihood.shape[2]):
        total, nxt = posterior(problem, k, p, z)
        if total <= 0.0:
            # impossible at this belief, but the plan is also followed at others: no update
            nxt = p + (1.0 - p) * h
        g = problem.goodbye[z]
        x = nxt / width
        j = min(int(x), grid - 2)
        w = x - j
        above += total * ((1.0 - w) * chord[k, g, j] + w * chord[k, g, j + 1])
        left = (1.0 - nxt) * tangent[k, g, j, 0] + nxt * tangent[k, g, j, 1]
        right = (1.0 - nxt) * tangent[k, g, j + 1, 0] + nxt * tangent[k, g, j + 1, 1]
        if right > left:
            j += 1
        next_fresh, next_bored = tangent[k, g, j, 0], tangent[k, g, j, 1]
        moved = (1.0 - h) * next_fresh + h * next_bored
        low_fresh += problem.likelihood[k, 0, z] * (1.0 - problem.leave[0]) * moved
        low_bored += problem.likelihood[k, 1, z] * (1.0 - problem.leave[1]) * next_bored
    return above, low_fresh, low_bored


@part
def _enact_all(problem, ahead, last, after):  # type: ignore[no-untyped-def]
    """Write the bounds after each pick to `after`."""
    n_k, grid = after.chord.shape
    width = 1.0 / (grid - 1)
    for k in range(n_k):
        for j in range(grid):
            above, fresh, bored = _enact(problem, k, j * width, ahead, last)
            after.chord[k, j] = above
            after.tangent[k, j, 0] = fresh
            after.tangent[k, j, 1] = bored
        p = 1.0 - problem.fit[k]
        above, fresh, bored = _enact(problem, k, p, ahead, last)
        after.start_chord[k] = above
        after.start_tangent[k] = (1.0 - p) * fresh + p * bored


@part
def _best_swap(problem, k, g, after):  # type: ignore[no-untyped-def]
    """Action that is best to swap to (-1: none), and the bounds on the value of a swap."""
    loss = problem.kept_loss if g else 0.0
    best, swap_low, swap_high = -1, -1e300, -1e300
    for a in range(problem.fit.shape[0]):
        if a != k:
            keep = problem.hook[a] if g else 1.0
            low = keep * (after.start_tangent[a] - loss) - problem.swap_cost
            high = keep * (after.start_chord[a] - loss) - problem.swap_cost
            swap_high = max(swap_high, high)
            if low > swap_low:
                best, swap_low = a, low
    return best, swap_low, swap_high


@part
def _pick(problem, t, k, g, after, ahead, solved):  # type: ignore[no-untyped-def]
    """Write the bounds before the pick of turn t to `ahead`, and the rule to `solved`."""
    grid = after.chord.shape[1]
    width = 1.0 / (grid - 1)
    loss = problem.kept_loss if g else 0.0
    best, swap_low, swap_high = _best_swap(problem, k, g, after)
    solved.target[t, k, g] = max(best, 0)
    keep = problem.hook[k] if g else 1.0
    margin = 0.0
    for j in range(grid):
        p = j * width
        fresh = keep * (after.tangent[k, j, 0] - loss)
        bored = keep * (after.tangent[k, j, 1] - loss)
        stay = (1.0 - p) * fresh + p * bored
        ahead.chord[k, g, j] = max(keep * (after.chord[k, j] - loss), swap_high)
        if stay < swap_low:
            if solved.threshold[t, k, g] > 1.0:
                before = margin / (margin + swap_low - stay)
                solved.threshold[t, k, g] = p if j == 0 else p - width * (1.0 - before)
            ahead.tangent[k, g, j, 0] = swap_low
            ahead.tangent[k, g, j, 1] = swap_low
        else:
            ahead.tangent[k, g, j, 0] = fresh
            ahead.tangent[k, g, j, 1] = bored
            margin = stay - swap_low
        if len(solved.picks) > 0:
            copy_vector(ahead.tangent[k, g, j], solved.plans[t, k, g, j])
            solved.picks[t, k, g, j] = best if stay < swap_low else k


@njit
def _backward(problem, after, ahead, solved):  # type: ignore[no-untyped-def]
    """Backward induction over all turns."""
    for t in range(problem.length - 1, -1, -1):
        _enact_all(problem, ahead, t == problem.length - 1, after)
        if t == 0:
            break
        for k in range(problem.fit.shape[0]):
            for g in range(ahead.chord.shape[1]):
                _pick(problem, t, k, g, after, ahead, solved)


def _run(problem: BeliefProblem, grid: int, *, keep_plans: bool) -> _Solved:
    k, goodbyes = len(problem.fit), 2 if problem.goodbye.any() else 1
    kept = (problem.length if keep_plans else 0, k, 2, grid)
    ahead = _BeforePick(np.zeros((k, goodbyes, grid)), np.zeros((k, goodbyes, grid, 2)))
    after = _AfterPick(np.zeros((k, grid)), np.zeros((k, grid, 2)), np.zeros(k), np.zeros(k))
    solved = _Solved(
        low=after.start_tangent,
        high=after.start_chord,
        threshold=np.full((problem.length, k, 2), 2.0),
        target=np.zeros((problem.length, k, 2), dtype=np.int64),
        plans=np.zeros((*kept, 2)),
        picks=np.zeros(kept, dtype=np.int64),
    )
    _backward(problem, after, ahead, solved)
    return solved


_solved: dict[bytes, _Solved] = {}


def _remembered(problem: BeliefProblem, grid: int) -> _Solved:
    """`_run`, cached: users who differ in availability alone often reduce to one problem."""
    digest = hashlib.sha256(str(grid).encode())
    for field in problem:
        array = np.asarray(field)
        digest.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    key = digest.digest()
    if key not in _solved:
        if len(_solved) >= _REMEMBERED:
            _solved.pop(next(iter(_solved)))
        _solved[key] = _run(problem, grid, keep_plans=False)
    return _solved[key]


def solve_belief(
    problem: BeliefProblem, grid: int = GRID, *, keep_plans: bool = False
) -> BeliefSolution:
    """Solve for one kind of user.

    Args:
        problem: the user and the actions.
        grid: points on [0, 1].
        keep_plans: whether to fill `BeliefSolution.plans`.
    """
    # Identical personas are interchangeable, and two of a kind suffice: one to leave, one to swap
    # to. The reduced problem is solved, and its solution mapped back to all personas.
    k = len(problem.fit)
    alike = np.column_stack(
        [problem.fit, problem.hazard, problem.hook]
        + [problem.reward, problem.likelihood.reshape(k, -1)]
    )
    _, kind_of = np.unique(alike, axis=0, return_inverse=True)
    kind_of = kind_of.ravel()
    kept = np.array(
        [i for i in range(k) if np.sum(kind_of[:i] == kind_of[i]) < 2 or keep_plans], dtype=np.int64
    )
    run = partial(_run, keep_plans=True) if keep_plans else _remembered
    solved = run(problem.take(kept), grid)
    best = int(np.argmax(solved.low))
    home = np.array([int(np.flatnonzero(kind_of[kept] == kind)[0]) for kind in kind_of])
    whole_target = np.zeros((problem.length, k, 2), dtype=np.int64)
    for i in range(k):
        # the next persona of the wanted kind, cyclically, so that identical ones take turns
        around = (i + 1 + np.arange(k - 1)) % k
        nearest = np.full(kind_of.max() + 1, i)
        for other in around[::-1]:
            nearest[kind_of[other]] = other
        whole_target[:, i] = nearest[kind_of[kept[solved.target[:, home[i]]]]]
    return BeliefSolution(
        lower=float(solved.low[best]),
        upper=float(solved.high.max()),
        threshold=np.ascontiguousarray(solved.threshold[:, home]),
        target=whole_target,
        first=int(kept[best]),
        plans=solved.plans,
        picks=solved.picks,
    )
