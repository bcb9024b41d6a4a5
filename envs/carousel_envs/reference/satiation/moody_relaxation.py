"""One persona at a time, where users also get bored: the Lagrangian relaxation with moods.

As in `lagrangian`, "exactly one persona is active per turn" is priced, which leaves one problem per
persona. Here a persona that becomes active finds the user fresh with probability fit, and while it
is active a fresh user becomes bored; the router of the relaxation knows the kind of user and sees
the mood. What couples personas beside the constraint is that a user who left is gone. In a
persona's own problem a user leaves during other personas' turns as rarely as any mood leaves; that
keeps more users present than there are, which only raises its value, since resting for good is
worth 0. With mu_t >= 0,

    L(mu) = sum_k V_k(mu) + sum_t alive_t mu_t,   alive_t = (1 - least leave)^t

bounds the optimum from above. Goodbyes are left out, which does not lower the optimum of a router
that sees the mood: it loses no user by them, and could draw them itself. Moods do not depend on
satiation, so V_k is convex in it, and chords between grid points lie above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit
from ...compiled.copying import copy_matrix
from .lagrangian import HALF_UNIT, cell_after

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model

_POINTS, _STEPS = 97, 120
RESTS, FRESH, BORED = range(3)
"""States of a persona in the relaxation: not active; active, and the user is fresh, or bored."""


class MoodyProblem(NamedTuple):
    """One known user, who satiates and gets bored, and K personas.

    Attributes:
        fit, hazard, gain: shape (K,).
        engagement: with a rested persona, shape (K, 2): fresh, bored.
        leave: shape (2,): fresh, bored.
        memory, length, swap_cost: as in `SatiationProblem`.
    """

    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    gain: NDArray[np.float64]
    engagement: NDArray[np.float64]
    leave: NDArray[np.float64]
    memory: float
    length: int
    swap_cost: float

    @classmethod
    def of(cls, model: Model, kind: int, present: NDArray[np.int64]) -> MoodyProblem:
        """The problem of one kind of user and the personas `present`."""
        return cls(
            fit=model.fit[kind, present],
            hazard=model.hazard[kind, present],
            gain=model.gain[kind, present],
            engagement=model.engagement[kind, present],
            leave=model.leave[kind],
            memory=float(model.memory[kind]),
            length=model.length,
            swap_cost=model.swap_cost,
        )


@njit
def _turn(problem, ahead, k, s, price, n):  # type: ignore[no-untyped-def]
    """What persona k is worth at satiation s, given its value after the turn, shape (3, n):
    resting, and active with a fresh and with a bored user."""
    top = max(problem.memory / (1.0 - problem.memory), 1e-6)
    width = top / (n - 1)
    i, w = cell_after(s, problem.memory, top, width, n)
    j, x = cell_after(s + 1.0, problem.memory, top, width, n)
    least = min(problem.leave[0], problem.leave[1])
    rests = (1.0 - least) * ((1.0 - w) * ahead[RESTS, i] + w * ahead[RESTS, i + 1])
    bored_next = (1.0 - x) * ahead[BORED, j] + x * ahead[BORED, j + 1]
    fresh_next = (1.0 - x) * ahead[FRESH, j] + x * ahead[FRESH, j + 1]
    hazard, lost = problem.hazard[k], problem.gain[k] * s
    stays = (1.0 - hazard) * fresh_next + hazard * bored_next
    # the environment rounds probabilities to 1/65536: half a unit more is a bound
    fresh = max(problem.engagement[k, 0] - lost, 0.0) + HALF_UNIT - price
    bored = max(problem.engagement[k, 1] - lost, 0.0) + HALF_UNIT - price
    fresh += (1.0 - problem.leave[0]) * stays
    bored += (1.0 - problem.leave[1]) * bored_next
    return rests, fresh, bored


@njit
def _priced(problem, prices, n):  # type: ignore[no-untyped-def]
    """Value of each persona against prices, shape (T + 1, K, 3, n)."""
    length, n_k = prices.shape[0], problem.fit.shape[0]
    width = max(problem.memory / (1.0 - problem.memory), 1e-6) / (n - 1)
    table = np.zeros((length + 1, n_k, 3, n))
    for t in range(length - 1, -1, -1):
        for k in range(n_k):
            cost = problem.swap_cost if t > 0 else 0.0
            for g in range(n):
                rests, fresh, bored = _turn(problem, table[t + 1, k], k, g * width, prices[t], n)
                lands = problem.fit[k] * fresh + (1.0 - problem.fit[k]) * bored - cost
                table[t, k, RESTS, g] = max(rests, lands)
                table[t, k, FRESH, g] = max(rests, fresh)
                table[t, k, BORED, g] = max(rests, bored)
    return table


@njit
def _spread_to(after, state, cell, share, mass):  # type: ignore[no-untyped-def]
    """Add a mass to two neighbouring grid points of a state."""
    after[state, cell] += mass * (1.0 - share)
    after[state, cell + 1] += mass * share


@njit
def _picks(problem, table, prices):  # type: ignore[no-untyped-def]
    """Expected number of active personas in the relaxed optimum at each turn, shape (T,)."""
    length, n_k, n = prices.shape[0], table.shape[1], table.shape[3]
    top = max(problem.memory / (1.0 - problem.memory), 1e-6)
    width = top / (n - 1)
    least = min(problem.leave[0], problem.leave[1])
    picks, mass, after = np.zeros(length), np.zeros((3, n)), np.zeros((3, n))
    for k in range(n_k):
        mass[:] = 0.0
        mass[RESTS, 0] = 1.0
        for t in range(length):
            after[:] = 0.0
            cost = problem.swap_cost if t > 0 else 0.0
            for g in range(n):
                resting, fresh, bored = mass[RESTS, g], mass[FRESH, g], mass[BORED, g]
                if resting + fresh + bored == 0.0:
                    continue
                s, fit = g * width, problem.fit[k]
                rests, if_fresh, if_bored = _turn(problem, table[t + 1, k], k, s, prices[t], n)
                i, w = cell_after(s, problem.memory, top, width, n)
                j, x = cell_after(s + 1.0, problem.memory, top, width, n)
                plays_fresh = fresh if if_fresh > rests else 0.0
                plays_bored = bored if if_bored > rests else 0.0
                lands = resting if fit * if_fresh + (1.0 - fit) * if_bored - cost > rests else 0.0
                idle = resting + fresh + bored - plays_fresh - plays_bored - lands
                picks[t] += plays_fresh + plays_bored + lands
                plays_fresh = (plays_fresh + fit * lands) * (1.0 - problem.leave[0])
                plays_bored = (plays_bored + (1.0 - fit) * lands) * (1.0 - problem.leave[1])
                turned = problem.hazard[k] * plays_fresh
                _spread_to(after, RESTS, i, w, idle * (1.0 - least))
                _spread_to(after, FRESH, j, x, plays_fresh - turned)
                _spread_to(after, BORED, j, x, plays_bored + turned)
            copy_matrix(after, mass)
    return picks


class MoodyRelaxation(NamedTuple):
    """Prices, and the value of every persona against them.

    Attributes:
        bound: no router that knows the user, and sees the mood, is worth more.
        prices: mu, per user still present, shape (T,), none negative.
        tables: value before a pick, shape (T + 1, K, 3, grid): the persona rested, or was active
            and the user is fresh, or bored.
        dues: sum of the prices of the turns to come, as if users left as rarely as any mood does,
            shape (T + 1,).
    """

    bound: float
    prices: NDArray[np.float64]
    tables: NDArray[np.float64]
    dues: NDArray[np.float64]


def priced_at(problem: MoodyProblem, prices: NDArray[np.float64]) -> MoodyRelaxation:
    """The relaxation at these prices, shape (T,), none of them negative."""
    tables = _priced(problem, prices, _POINTS)
    dues = np.zeros(problem.length + 1)
    for t in range(problem.length - 1, -1, -1):
        dues[t] = prices[t] + (1.0 - problem.leave.min()) * dues[t + 1]
    return MoodyRelaxation(float(tables[0, :, RESTS, 0].sum() + dues[0]), prices, tables, dues)


def relax_moods(problem: MoodyProblem, steps: int = _STEPS) -> MoodyRelaxation:
    """The relaxation with the least bound found: subgradient steps from the best single price, each
    toward a bound a little lower than the lowest so far (Polyak 1969)."""
    levels = np.linspace(0.0, float(problem.engagement.max()), 13)
    starts = [priced_at(problem, np.full(problem.length, level)) for level in levels]
    best = min(starts, key=lambda found: found.bound)
    alive = (1.0 - problem.leave.min()) ** np.arange(problem.length)
    prices, ahead, waited = best.prices, 0.05, 0
    for _ in range(steps):
        found = priced_at(problem, prices)
        if found.bound < best.bound - 1e-6:
            best, waited = found, 0
        else:
            waited += 1
            if waited == 8:
                ahead, waited, prices = ahead / 2.0, 0, best.prices
                continue
        slope = alive - _picks(problem, found.tables, prices)
        norm = float(slope @ slope)
        if norm < 1e-12:
            break
        step = (found.bound - best.bound + ahead * abs(best.bound)) / norm
        prices = np.maximum(prices - step * slope, 0.0)
    return best
