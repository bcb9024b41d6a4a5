"""Exact finite-horizon dynamic programming on the probability of boredom, for a known kind of user.

Before each pick the router knows p, the probability that the user is bored, the current persona k,
and whether the user has just said goodbye (g). A persona a keeps such a user with probability
keep_g(a): 1 without a goodbye, hook[a] with one, at a loss. With S_t(k, g) the maximum over a != k
of keep_g(a) [Q_t(a, 1 - fit[a]) - loss_g] - cost and b = (1 - p, p),

    V_t(k, p, g) = max{keep_g(k) [Q_t(k, p) - loss_g], S_t(k, g)},
    Q_t(k, p) = sum over m of b(m) [r_m(k)
                + (1 - leave_m) sum over z of f_m(z) V_{t+1}(k, p'(z), g(z))],

where z is everything that is shown in a turn and p' the posterior given z and that the user
stayed, after the hazard (Astrom 1965; the stopping form is Shiryaev's and Girshick and Rubin's).
V is convex in p. Two recursions on one grid therefore enclose it: chords between grid points lie
above, tangents at grid points (the value of a plan, linear in p) lie below; both are reported.
Where rewards fall from fresh to bored, as engagement does, a swap pays from some p on.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ...compiled.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model

GRID = 513
_REMEMBERED = 256


@dataclass(frozen=True, eq=False)
class BeliefProblem:
    """One kind of user and the actions that are present.

    Attributes:
        fit, hazard: shape (K,).
        reward: expected reward of a turn, shape (K, 2): fresh, bored.
        leave: shape (2,).
        likelihood: P(z | action, mood), shape (K, 2, Z), rows sum to 1.
        goodbye: whether z shows a goodbye, int64, shape (Z,).
        hook: P(a user who said goodbye is kept), shape (K,).
        length: turns T.
        swap_cost: cost c.
        kept_loss: reward lost when a user who said goodbye is kept.
    """

    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    reward: NDArray[np.float64]
    leave: NDArray[np.float64]
    likelihood: NDArray[np.float64]
    goodbye: NDArray[np.int64]
    hook: NDArray[np.float64]
    length: int
    swap_cost: float
    kept_loss: float = 0.0

    @classmethod
    def of(cls, model: Model, kind: int, present: NDArray[np.integer]) -> BeliefProblem:
        """The problem of engaging one kind of user of a model (satiation left out) with the actions
        that are present."""
        likelihood, goodbye = model.symbols(kind)
        return cls(
            fit=model.fit[kind, present],
            hazard=model.hazard[kind, present],
            reward=model.engagement[kind, present],
            leave=model.leave[kind],
            likelihood=likelihood[present],
            goodbye=goodbye,
            hook=model.hook[present],
            length=model.length,
            swap_cost=model.swap_cost,
        )

    def take(self, kept: NDArray[np.integer]) -> BeliefProblem:
        """The problem with only these actions."""
        return replace(
            self,
            fit=self.fit[kept],
            hazard=self.hazard[kept],
            reward=self.reward[kept],
            likelihood=self.likelihood[kept],
            hook=self.hook[kept],
        )


@dataclass(frozen=True, eq=False)
class BeliefSolution:
    """The optimum for one kind of user and one set of actions.

    Attributes:
        lower, upper: enclose the optimal value; they differ by the grid's error alone.
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
def _stay(p, k, reward, leave, h, like, goodbye, chord, tangent, last):  # type: ignore[no-untyped-def]
    """Q_t(k, p) from above, and from below as a pair linear in the mood."""
    above = (1.0 - p) * reward[k, 0] + p * reward[k, 1]
    low_fresh, low_bored = reward[k, 0], reward[k, 1]
    if last:
        return above, low_fresh, low_bored
    grid = chord.shape[2]
    width = 1.0 / (grid - 1)
    for z in range(like.shape[2]):
        total, nxt = _posterior(p, like[k, 0, z], like[k, 1, z], leave, h)
        if total <= 0.0:
            # impossible at this belief, but the plan is also followed at others: learn nothing
            nxt = p + (1.0 - p) * h
        g = goodbye[z]
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
        low_fresh += like[k, 0, z] * (1.0 - leave[0]) * moved
        low_bored += like[k, 1, z] * (1.0 - leave[1]) * next_bored
    return above, low_fresh, low_bored


@njit
def _backward(  # type: ignore[no-untyped-def]
    fit, hazard, reward, leave, like, goodbye, hook, length, cost, kept_loss, grid, plans, picks
):
    n_k = fit.shape[0]
    n_g = 2 if goodbye.any() else 1
    chord, tangent = np.zeros((n_k, n_g, grid)), np.zeros((n_k, n_g, grid, 2))
    threshold = np.full((length, n_k, 2), 2.0)
    target = np.zeros((length, n_k, 2), dtype=np.int64)
    q_chord, q_tangent = np.zeros((n_k, grid)), np.zeros((n_k, grid, 2))
    start_chord, start_tangent = np.zeros(n_k), np.zeros(n_k)
    width = 1.0 / (grid - 1)
    for back in range(length):
        t = length - 1 - back
        for k in range(n_k):
            for j in range(grid + 1):
                # the extra point is the belief right after the persona takes over
                p = j * width if j < grid else 1.0 - fit[k]
                above, fresh, bored = _stay(
                    p, k, reward, leave, hazard[k], like, goodbye, chord, tangent, back == 0
                )
                if j < grid:
                    q_chord[k, j] = above
                    q_tangent[k, j, 0] = fresh
                    q_tangent[k, j, 1] = bored
                else:
                    start_chord[k] = above
                    start_tangent[k] = (1.0 - p) * fresh + p * bored
        if t == 0:
            break
        for k in range(n_k):
            for g in range(n_g):
                loss = kept_loss if g else 0.0
                best, swap_low, swap_high = -1, -1e300, -1e300
                for a in range(n_k):
                    if a != k:
                        keep = hook[a] if g else 1.0
                        low = keep * (start_tangent[a] - loss) - cost
                        swap_high = max(swap_high, keep * (start_chord[a] - loss) - cost)
                        if low > swap_low:
                            best, swap_low = a, low
                target[t, k, g] = max(best, 0)
                keep = hook[k] if g else 1.0
                margin = 0.0
                for j in range(grid):
                    p = j * width
                    fresh = keep * (q_tangent[k, j, 0] - loss)
                    bored = keep * (q_tangent[k, j, 1] - loss)
                    stay = (1.0 - p) * fresh + p * bored
                    chord[k, g, j] = max(keep * (q_chord[k, j] - loss), swap_high)
                    if stay < swap_low:
                        if threshold[t, k, g] > 1.0:
                            before = margin / (margin + swap_low - stay)
                            threshold[t, k, g] = p if j == 0 else p - width * (1.0 - before)
                        tangent[k, g, j, 0] = swap_low
                        tangent[k, g, j, 1] = swap_low
                    else:
                        tangent[k, g, j, 0] = fresh
                        tangent[k, g, j, 1] = bored
                        margin = stay - swap_low
                    if len(picks) > 0:
                        plans[t, k, g, j] = tangent[k, g, j]
                        picks[t, k, g, j] = best if stay < swap_low else k
    return start_tangent, start_chord, threshold, target


def _run(problem: BeliefProblem, grid: int, *, keep_plans: bool) -> tuple[NDArray[Any], ...]:
    k = len(problem.fit)
    shape = (problem.length if keep_plans else 0, k, 2, grid)
    plans, picks = np.zeros((*shape, 2)), np.zeros(shape, dtype=np.int64)
    solved = _backward(
        problem.fit,
        problem.hazard,
        problem.reward,
        problem.leave,
        problem.likelihood,
        problem.goodbye,
        problem.hook,
        problem.length,
        problem.swap_cost,
        problem.kept_loss,
        grid,
        plans,
        picks,
    )
    return (*solved, plans, picks)


_solved: dict[bytes, tuple[NDArray[Any], ...]] = {}


def _remembered(problem: BeliefProblem, grid: int) -> tuple[NDArray[Any], ...]:
    """`_run`, remembered: users who differ in who is available often reduce to one problem."""
    digest = hashlib.sha256(
        f"{problem.length} {problem.swap_cost} {problem.kept_loss} {grid}".encode()
    )
    for array in (
        *(problem.fit, problem.hazard, problem.reward, problem.leave),
        *(problem.likelihood, problem.goodbye, problem.hook),
    ):
        digest.update(str(array.shape).encode() + array.tobytes())
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
        problem: what to solve.
        grid: points on [0, 1].
        keep_plans: whether to fill `BeliefSolution.plans`.
    """
    # Personas alike in everything are interchangeable, and two of a kind suffice: one to leave,
    # one to go to. Solve the reduced problem, then hand the answer back to every persona.
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
    low, high, threshold, target, plans, picks = run(problem.take(kept), grid)
    best = int(np.argmax(low))
    home = np.array([int(np.flatnonzero(kind_of[kept] == kind)[0]) for kind in kind_of])
    whole_target = np.zeros((problem.length, k, 2), dtype=np.int64)
    for i in range(k):
        # the next one around of the wanted kind, so that equals take turns
        around = (i + 1 + np.arange(k - 1)) % k
        nearest = np.full(kind_of.max() + 1, i)
        for other in around[::-1]:
            nearest[kind_of[other]] = other
        whole_target[:, i] = nearest[kind_of[kept[target[:, home[i]]]]]
    return BeliefSolution(
        lower=float(low[best]),
        upper=float(high.max()),
        threshold=np.ascontiguousarray(threshold[:, home]),
        target=whole_target,
        first=int(kept[best]),
        plans=plans,
        picks=picks,
    )


@njit
def _evaluate(  # type: ignore[no-untyped-def]
    fit,
    hazard,
    reward,
    leave,
    like,
    goodbye,
    hook,
    length,
    cost,
    kept_loss,
    threshold,
    target,
    first,
    grid,
):
    n_k, n_z = fit.shape[0], like.shape[2]
    stay = np.zeros((n_k, grid))
    start = np.zeros(n_k)
    width = 1.0 / (grid - 1)
    for back in range(length):
        t = length - 1 - back
        new = np.zeros((n_k, grid))
        new_start = np.zeros(n_k)
        for k in range(n_k):
            for j in range(grid + 1):
                p = j * width if j < grid else 1.0 - fit[k]
                value = (1.0 - p) * reward[k, 0] + p * reward[k, 1]
                if back > 0:
                    for z in range(n_z):
                        total, nxt = _posterior(p, like[k, 0, z], like[k, 1, z], leave, hazard[k])
                        if total <= 0.0:
                            continue
                        g = goodbye[z]
                        loss = kept_loss if g else 0.0
                        if nxt >= threshold[t + 1, k, g]:
                            a = target[t + 1, k, g]
                            keep = hook[a] if g else 1.0
                            value += total * (keep * (start[a] - loss) - cost)
                        else:
                            keep = hook[k] if g else 1.0
                            x = nxt / width
                            i = min(int(x), grid - 2)
                            w = x - i
                            ahead = (1.0 - w) * stay[k, i] + w * stay[k, i + 1]
                            value += total * keep * (ahead - loss)
                if j < grid:
                    new[k, j] = value
                else:
                    new_start[k] = value
        stay, start = new, new_start
    return start[first]


def evaluate_thresholds(
    problem: BeliefProblem,
    threshold: NDArray[np.float64],
    target: NDArray[np.int64],
    first: int,
    grid: int = GRID,
) -> float:
    """Value of swapping to target[t, k, g] when P(bored) >= threshold[t, k, g] (shapes (T, K, 2)).

    The threshold itself is applied at exact beliefs; only the value of staying is interpolated, and
    it is smooth except where a later threshold is crossed.
    """
    return float(
        _evaluate(
            problem.fit,
            problem.hazard,
            problem.reward,
            problem.leave,
            problem.likelihood,
            problem.goodbye,
            problem.hook,
            problem.length,
            problem.swap_cost,
            problem.kept_loss,
            threshold,
            target,
            first,
            grid,
        )
    )
