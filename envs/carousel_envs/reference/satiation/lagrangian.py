"""One persona at a time: the Lagrangian relaxation of "exactly one persona is active per turn".

With a known user whose mood is certain, persona k engages with probability max(b_k - g_k s_k, 0);
s_k <- memory (s_k + 1) when it is active, memory s_k when it rests. Personas are coupled only by
the constraint that one of them is active. Priced by multipliers mu_t, it leaves one problem per
persona (Whittle 1988), and

    L(mu) = sum_k V_k(mu) + sum_t alive_t mu_t

bounds the optimum from above for every mu. V_k is a maximum over schedules of sums of convex
functions of s_k, so it is convex, and a chord between two grid points lies above it: interpolation
keeps the bound a bound.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part
from ...users.table import UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .problem import SatiationProblem

_COARSE, _FINE = 129, 513
HALF_UNIT = 0.5 / UNIT
"""Half of the resolution of the environment's probabilities."""


@part
def cell_after(satiation, memory, top, width, n):  # type: ignore[no-untyped-def]
    """Grid cell below, and share of the way to the next point, of a satiation."""
    x = min(satiation * memory, top) / width
    g = min(int(x), n - 2)
    return g, x - g


@njit
def _priced(problem, prices, n):  # type: ignore[no-untyped-def]
    """Value of each persona against prices, shape (T + 1, K, 2, n); axis 2: resting, active."""
    engagement, gain, memory = problem.engagement, problem.gain, problem.memory
    stay, cost = 1.0 - problem.leave, problem.swap_cost
    length, n_k = prices.shape[0], engagement.shape[0]
    top = max(memory / (1.0 - memory), 1e-6)
    width = top / (n - 1)
    table = np.zeros((length + 1, n_k, 2, n))
    for t in range(length - 1, -1, -1):
        for k in range(n_k):
            for g in range(n):
                s = g * width
                i, w = cell_after(s, memory, top, width, n)
                j, x = cell_after(s + 1.0, memory, top, width, n)
                rested = (1.0 - w) * table[t + 1, k, 0, i] + w * table[t + 1, k, 0, i + 1]
                enacted = (1.0 - x) * table[t + 1, k, 1, j] + x * table[t + 1, k, 1, j + 1]
                # the environment rounds probabilities to 1/65536: half a unit more is a bound
                paid = max(engagement[k] - gain[k] * s, 0.0) + HALF_UNIT - prices[t]
                enacted = paid + stay * enacted
                rested = stay * rested
                table[t, k, 1, g] = max(enacted, rested)
                table[t, k, 0, g] = max(enacted - (cost if t > 0 else 0.0), rested)
    return table


@njit
def _picks(problem, table, prices):  # type: ignore[no-untyped-def]
    """Expected number of active personas in the relaxed optimum at each turn, shape (T,)."""
    engagement, gain, memory = problem.engagement, problem.gain, problem.memory
    stay, cost = 1.0 - problem.leave, problem.swap_cost
    length, n_k, n = prices.shape[0], table.shape[1], table.shape[3]
    top = max(memory / (1.0 - memory), 1e-6)
    width = top / (n - 1)
    picks = np.zeros(length)
    for k in range(n_k):
        mass = np.zeros((2, n))
        mass[0, 0] = 1.0
        for t in range(length):
            after = np.zeros((2, n))
            for g in range(n):
                if mass[0, g] == 0.0 and mass[1, g] == 0.0:
                    continue
                s = g * width
                i, w = cell_after(s, memory, top, width, n)
                j, x = cell_after(s + 1.0, memory, top, width, n)
                rested = (1.0 - w) * table[t + 1, k, 0, i] + w * table[t + 1, k, 0, i + 1]
                enacted = (1.0 - x) * table[t + 1, k, 1, j] + x * table[t + 1, k, 1, j + 1]
                paid = max(engagement[k] - gain[k] * s, 0.0) + HALF_UNIT - prices[t]
                for active in range(2):
                    here = mass[active, g]
                    charge = cost if active == 0 and t > 0 else 0.0
                    if paid - charge + stay * enacted > stay * rested:
                        picks[t] += here
                        after[1, j] += here * (1.0 - x)
                        after[1, j + 1] += here * x
                    else:
                        after[0, i] += here * (1.0 - w)
                        after[0, i + 1] += here * w
            mass = after
    return picks


class Relaxation(NamedTuple):
    """Prices, and the value of every persona against them.

    Attributes:
        bound: no schedule is worth more.
        prices: mu, per user still present, shape (T,).
        tables: value before a pick, shape (T + 1, K, 2, grid): the persona rested, was active in
            the last turn.
        dues: sum of the prices of the turns to come, per user still present, shape (T + 1,).
        top: satiation of the last grid point.
    """

    bound: float
    prices: NDArray[np.float64]
    tables: NDArray[np.float64]
    dues: NDArray[np.float64]
    top: float


def bound_at(problem: SatiationProblem, prices: NDArray[np.float64]) -> float:
    """The Lagrangian bound at these prices, shape (T,)."""
    tables = _priced(problem, prices, _COARSE)
    return float(tables[0, :, 0, 0].sum() + problem.survival() @ prices)


def relax(problem: SatiationProblem, target: float, steps: int = 250) -> Relaxation:
    """The least Lagrangian bound found by Polyak's subgradient steps toward `target`."""
    alive = problem.survival()
    # to begin with, one price for all turns
    levels = np.linspace(0.0, float(problem.engagement.max()), 13)
    starts = [np.full(problem.length, level) for level in levels]
    bounds = [bound_at(problem, start) for start in starts]
    best, prices = min(bounds), starts[int(np.argmin(bounds))]
    best_prices = prices
    patience, scale = 0, 1.0
    for _ in range(steps):
        tables = _priced(problem, prices, _COARSE)
        bound = float(tables[0, :, 0, 0].sum() + alive @ prices)
        if bound < best - 1e-6:
            best, best_prices, patience = bound, prices, 0
        else:
            patience += 1
            if patience == 15:
                scale, patience, prices = scale / 2.0, 0, best_prices
                continue
        slope = alive * (1.0 - _picks(problem, tables, prices))
        norm = float(slope @ slope)
        if norm < 1e-12 or bound <= target:
            break
        prices = prices - scale * (bound - target) / norm * slope
    tables = _priced(problem, best_prices, _FINE)
    bound = float(tables[0, :, 0, 0].sum() + alive @ best_prices)
    dues = np.zeros(problem.length + 1)
    for t in range(problem.length - 1, -1, -1):
        dues[t] = best_prices[t] + (1.0 - problem.leave) * dues[t + 1]
    return Relaxation(bound, best_prices, tables, dues, problem.top)
