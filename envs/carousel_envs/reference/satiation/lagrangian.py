"""One persona at a time: the Lagrangian relaxation of "exactly one persona speaks per turn".

Of a user who is known and whose mood is certain, persona k engages with chance
max(b_k - g_k s_k, 0); s_k <- memory (s_k + 1) when it speaks, memory s_k when it rests. Personas
meet only in the constraint that one of them speaks. Priced by multipliers mu_t, it leaves one
problem per persona (Whittle 1988), and

    L(mu) = sum_k V_k(mu) + sum_t alive_t mu_t

bounds the optimum from above for every mu. V_k is a maximum over schedules of sums of convex
functions of s_k, so it is convex, and a chord between two grid points lies above it: interpolation
keeps the bound a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit
from ...users.table import UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .schedules import SatiationProblem

_COARSE, _FINE = 129, 513
_HALF_UNIT = 0.5 / UNIT


@njit
def _landing(satiation, memory, top, width, n):  # type: ignore[no-untyped-def]
    """Grid cell below, and share of the way to the next point, of a satiation."""
    x = min(satiation * memory, top) / width
    g = min(int(x), n - 2)
    return g, x - g


@njit
def _tables(engagement, gain, memory, stay, cost, prices, n):  # type: ignore[no-untyped-def]
    """Value of each persona against prices: shape (T + 1, K, 2, n); axis 2: rests, speaks now."""
    length, n_k = prices.shape[0], engagement.shape[0]
    top = max(memory / (1.0 - memory), 1e-6)
    width = top / (n - 1)
    table = np.zeros((length + 1, n_k, 2, n))
    for t in range(length - 1, -1, -1):
        for k in range(n_k):
            for g in range(n):
                s = g * width
                i, w = _landing(s, memory, top, width, n)
                j, x = _landing(s + 1.0, memory, top, width, n)
                resting = (1.0 - w) * table[t + 1, k, 0, i] + w * table[t + 1, k, 0, i + 1]
                speaking = (1.0 - x) * table[t + 1, k, 1, j] + x * table[t + 1, k, 1, j + 1]
                # the kernel rounds chances to 1/65536: half a unit more is surely enough
                paid = max(engagement[k] - gain[k] * s, 0.0) + _HALF_UNIT - prices[t]
                speaking = paid + stay * speaking
                resting = stay * resting
                table[t, k, 1, g] = max(speaking, resting)
                table[t, k, 0, g] = max(speaking - (cost if t > 0 else 0.0), resting)
    return table


@njit
def _picks(table, engagement, gain, memory, stay, cost, prices):  # type: ignore[no-untyped-def]
    """How often the relaxed optimum lets any persona speak at each turn, shape (T,)."""
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
                i, w = _landing(s, memory, top, width, n)
                j, x = _landing(s + 1.0, memory, top, width, n)
                resting = (1.0 - w) * table[t + 1, k, 0, i] + w * table[t + 1, k, 0, i + 1]
                speaking = (1.0 - x) * table[t + 1, k, 1, j] + x * table[t + 1, k, 1, j + 1]
                paid = max(engagement[k] - gain[k] * s, 0.0) + _HALF_UNIT - prices[t]
                for active in range(2):
                    here = mass[active, g]
                    charge = cost if active == 0 and t > 0 else 0.0
                    if paid - charge + stay * speaking > stay * resting:
                        picks[t] += here
                        after[1, j] += here * (1.0 - x)
                        after[1, j + 1] += here * x
                    else:
                        after[0, i] += here * (1.0 - w)
                        after[0, i + 1] += here * w
            mass = after
    return picks


@dataclass(frozen=True, eq=False)
class Relaxation:
    """Prices and what every persona is worth against them.

    Attributes:
        bound: no schedule is worth more.
        prices: mu, per user still there, shape (T,).
        tables: value before a pick, shape (T + 1, K, 2, grid): persona rested, spoke last turn.
        dues: sum of the prices still to be paid out, per user still there, shape (T + 1,).
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


def _priced(
    problem: SatiationProblem, prices: NDArray[np.float64], grid: int
) -> NDArray[np.float64]:
    arrays = (problem.engagement, problem.gain, problem.memory, 1.0 - problem.leave)
    return np.asarray(_tables(*arrays, problem.swap_cost, prices, grid))


def relax(problem: SatiationProblem, target: float, steps: int = 250) -> Relaxation:
    """The least Lagrangian bound found by Polyak's subgradient steps toward `target`."""
    arrays = (problem.engagement, problem.gain, problem.memory, 1.0 - problem.leave)
    alive = problem.survival()
    # one price for all turns to begin with
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
        slope = alive * (1.0 - _picks(tables, *arrays, problem.swap_cost, prices))
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
