"""Long-run answers in closed form or by a scalar search: the swap rule, the blind cycle, rotation.

All are per turn, without leaving, for personas that fit every user (the mood after a swap is
fresh). They are the known answers that finite-horizon solvers and the environment are checked
against.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...compiled.compiler import njit
from ...foundation.errors import CarouselError, as_array, real_number, shown, whole_number
from .recovering import read_rebounding

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class SwapRule:
    """Swap once P(bored) reaches `threshold` (infinite: never); earns `rate` per turn."""

    rate: float
    threshold: float


@dataclass(frozen=True)
class BlindCycle:
    """Swap every `turns` turns (0: never); earns `rate` per turn."""

    rate: float
    turns: int


@njit
def _stopping(rate, hazard, q, like, grid, tolerance):  # type: ignore[no-untyped-def]
    """Value of staying on a grid of P(bored), when each turn costs `rate` and stopping pays 0."""
    n = grid.shape[0]
    width = grid[1] - grid[0]
    stay = np.zeros(n)
    change = 1.0
    while change > tolerance:
        change = 0.0
        for g in range(n - 1, -1, -1):
            p = grid[g]
            value = (1.0 - p) * q[0] + p * q[1] - rate
            for z in range(like.shape[1]):
                fresh, bored = (1.0 - p) * like[0, z], p * like[1, z]
                total = fresh + bored
                if total <= 0.0:
                    continue
                x = (bored + fresh * hazard) / total / width
                j = min(int(x), n - 2)
                w = x - j
                ahead = (1.0 - w) * max(stay[j], 0.0) + w * max(stay[j + 1], 0.0)
                value += total * ahead
            change = max(change, abs(value - stay[g]))
            stay[g] = value
    return stay


def swap_rule(
    hazard: float,
    engagement_fresh: float,
    engagement_bored: float,
    swap_cost: float,
    cues: NDArray[np.float64] | None = None,
    *,
    grid: int = 4001,
) -> SwapRule:
    """The swap rule that maximises engagement per turn in the long run.

    With p the probability of boredom before a turn, p+ = p f0(y) / (p f0(y) + (1 - p) f1(y)) after
    the observation, and p' = p+ + (1 - p+) h, the optimum solves
    V(p) = max{(1 - p) q1 + p q0 - g + E V(p'), -c + the same at p = 0}.
    It swaps exactly where p >= p* (Shiryaev 1963; Girshick & Rubin 1952). Between two swaps this is
    a stopping problem in which a turn costs g; g is the root at which a cycle breaks even, found by
    bisection (so no relative value iteration, which is wrong on periodic chains unless damped).

    Args:
        hazard: P(fresh to bored) per turn, from 0.0001 to 1.
        engagement_fresh, engagement_bored: q1 and q0.
        swap_cost: c.
        cues: P(symbol | mood), shape (2, symbols), observed with engagement; None: no cues.
        grid: points on [0, 1].

    Raises:
        CarouselError: an argument is not allowed.
    """
    hazard, q1, q0, cost = _read(hazard, engagement_fresh, engagement_bored, swap_cost)
    grid = whole_number("grid", grid, 2, 1_000_000)
    # From fresh, a user is worth (q1 - q0) / h more than one who is bored for ever: an upper bound
    # on the value of a swap.
    cue_chances = _read_cues(cues)
    if cost >= (q1 - q0) / hazard:
        return SwapRule(rate=q0, threshold=float("inf"))
    q = np.array([q1, q0])
    like = np.concatenate([(1 - q)[:, None] * cue_chances, q[:, None] * cue_chances], axis=1)
    points = np.linspace(0.0, 1.0, grid)
    low, high = q0, q1
    stay = np.zeros(grid)
    for _ in range(60):
        rate = 0.5 * (low + high)
        stay = _stopping(rate, hazard, q, like, points, 1e-12)
        if stay[0] > cost:
            low = rate
        else:
            high = rate
        if high - low < 1e-11:
            break
    worth = np.flatnonzero(stay <= 0.0)
    g = int(worth[0])
    threshold = (
        points[g]
        if g == 0
        else points[g - 1] + (points[g] - points[g - 1]) * (stay[g - 1] / (stay[g - 1] - stay[g]))
    )
    return SwapRule(rate=0.5 * (low + high), threshold=float(threshold))


def blind_rate(
    hazard: float,
    engagement_fresh: float,
    engagement_bored: float,
    swap_cost: float,
    turns: int | NDArray[np.integer],
) -> NDArray[np.float64]:
    """Long-run engagement per turn of swapping every n turns, elementwise.

    g(n) = [q0 n + (q1 - q0) (1 - (1 - h)^n) / h - c] / n (Charnov 1976, marginal value theorem).

    Raises:
        CarouselError: an argument is not allowed.
    """
    hazard, q1, q0, cost = _read(hazard, engagement_fresh, engagement_bored, swap_cost)
    given = as_array("turns", turns)
    if given.dtype.kind not in "iu" or not (given >= 1).all():
        raise CarouselError(f"turns are {shown(turns)}; they must be whole numbers, at least 1")
    n = given.astype(np.float64)
    earned = q0 * n + (q1 - q0) * (1.0 - (1.0 - hazard) ** n) / hazard
    return np.asarray((earned - cost) / n)


def _read(
    hazard: float, engagement_fresh: float, engagement_bored: float, swap_cost: float
) -> tuple[float, float, float, float]:
    """h, q1, q0 and c, checked."""
    q1 = real_number("engagement_fresh", engagement_fresh, 0.0, 1.0)
    return (
        real_number("hazard", hazard, 1e-4, 1.0),
        q1,
        real_number("engagement_bored", engagement_bored, 0.0, q1),
        real_number("swap_cost", swap_cost, 0.0, 1e6),
    )


def _read_cues(cues: Any) -> NDArray[np.float64]:
    """P(symbol | mood), shape (2, symbols)."""
    given = np.ones((2, 1)) if cues is None else as_array("cues", cues)
    if (
        given.dtype.kind not in "iuf"
        or given.ndim != 2
        or given.shape[0] != 2
        or not (given >= 0.0).all()
        or not np.allclose(given.sum(axis=1), 1.0)
    ):
        raise CarouselError(
            f"cues have shape {given.shape} and dtype {given.dtype}; they must be 2 rows (fresh, "
            "bored) of probabilities that sum to 1"
        )
    return given.astype(np.float64)


def blind_cycle(
    hazard: float, engagement_fresh: float, engagement_bored: float, swap_cost: float
) -> BlindCycle:
    """The best number of turns between swaps for a router without feedback.

    Raises:
        CarouselError: an argument is not allowed.
    """
    hazard, q1, q0, cost = _read(hazard, engagement_fresh, engagement_bored, swap_cost)
    if cost >= (q1 - q0) / hazard:
        return BlindCycle(rate=q0, turns=0)
    # g rises to its maximum and then falls, so the first fall ends the search.
    n, best = 1, float(blind_rate(hazard, q1, q0, cost, 1))
    while (ahead := float(blind_rate(hazard, q1, q0, cost, n + 1))) > best:
        n, best = n + 1, ahead
    return BlindCycle(rate=best, turns=n)


def rotation_rate(engagement: float, gain: float, memory: float, personas: int) -> float:
    """Long-run engagement per turn of rotating through K identical personas that wear off.

    b - lambda gamma^K / (1 - gamma^K): a persona rests K turns, and the satiation left of all its
    earlier turns is a geometric sum (Leqi et al., arXiv 2011.06741). Greedy is this cycle, and
    optimal. Exact while engagement stays above 0.

    Raises:
        CarouselError: an argument is not allowed.
    """
    engagement, gain, memory = read_rebounding(engagement, gain, memory)
    personas = whole_number("personas", personas, 1, 10_000)
    left = memory**personas
    return engagement - gain * left / (1.0 - left)
