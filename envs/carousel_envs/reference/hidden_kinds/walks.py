"""Walks from the start of a session: which beliefs are worth a backup.

Either a session is played as one of the bounds' routers would, with observations drawn as they
come; or a walk goes where most of the gap between the bounds is left (Smith & Simmons 2004).
"""

from __future__ import annotations

import numpy as np

from ...compiled.compiler import njit, part
from .hearing import lower_at, upper_at
from .mixtures import cheapest_mixture
from .plans import worth
from .turn_backups import back_up_above, back_up_below, habits, lines_at, sweep
from .turns import hear, take_over

_LEAST = 1e-4
"""Share of the gap at the start that a belief must leave open, by the probability to get there."""
_TURN = 2000
"""Multiplications that a turn of a walk counts for, beside those of mixtures."""
_EASE = 0.9
"""Factor on what a walk lets pass for every walk in a row that improved nothing."""


@part
def at_start(search, kinds):  # type: ignore[no-untyped-def]
    """Upper and lower bound at the start of a session, and the persona of each."""
    above, first, below, second = -np.inf, 0, -np.inf, 0
    for k in range(search.turns.reward.shape[0]):
        value = cheapest_mixture(search.swap_points, 0, k, kinds, above, search.room.swap)
        if value > above:
            above, first = value, k
        value = worth(search.swap_plans, 0, k, kinds, search.room.lines)
        if value > below:
            below, second = value, k
    return above, first, below, second


@part
def _next(search, t, k, j, before, belief):  # type: ignore[no-untyped-def]
    """Write the belief in turn t, whose persona is j after k; whether j takes over."""
    if j == k:
        for d in range(belief.shape[0]):
            belief[d] = before[d]
        return False
    kinds = search.room.kinds
    for a in range(kinds.shape[0]):
        kinds[a] = before[2 * a] + before[2 * a + 1]
    take_over(search.turns, j, kinds, belief)
    return True


@part
def _belief_after(ends, p, belief):  # type: ignore[no-untyped-def]
    """Write the belief at p on a line, which sums to 1; returns whether there is any."""
    mass = 0.0
    for d in range(belief.shape[0]):
        belief[d] = (1.0 - p) * ends[0, d] + p * ends[1, d]
        mass += belief[d]
    if mass <= 0.0:
        return False
    for d in range(belief.shape[0]):
        belief[d] /= mass
    return True


@part
def play(search, kinds, optimistic, draws, walk, personas, begins):  # type: ignore[no-untyped-def]
    """Write the beliefs of a session in which nobody leaves, by the upper bound's router or the
    lower one's; `draws`, shape (T, 3), are uniform in [0, 1)."""
    turns, size = search.turns, walk.shape[1]
    _, first, _, second = at_start(search, kinds)
    k = first if optimistic else second
    take_over(turns, k, kinds, walk[0])
    personas[0], begins[0] = k, True
    n_heard, n_symbols = turns.heard.shape[1], turns.odds.shape[0]
    ends, belief, chances = np.empty((2, size)), np.empty(size), np.empty((n_heard, 2))
    for t in range(1, turns.length):
        whole = 0.0
        for heard in range(n_heard):
            hear(turns, k, heard, walk[t - 1], ends)
            for m in range(2):
                chances[heard, m] = ends[m].sum()
                whole += chances[heard, m]
        x, heard = draws[t, 0] * whole, 0
        while heard < n_heard - 1 and x > chances[heard].sum():
            x -= chances[heard].sum()
            heard += 1
        hear(turns, k, heard, walk[t - 1], ends)
        m = 1 if draws[t, 1] * chances[heard].sum() < chances[heard, 1] else 0
        z = 0
        while z < n_symbols - 1 and draws[t, 2] > turns.mass[m, z + 1]:
            z += 1
        if not _belief_after(ends, turns.odds[z], belief):
            # nobody stays, whatever is played
            for later in range(t, turns.length):
                _next(search, later, k, k, walk[t - 1], walk[later])
                personas[later], begins[later] = k, False
            return
        if optimistic:
            _, j = upper_at(search, t, k, heard // 2, belief)
        else:
            _, j = lower_at(search, t, k, heard // 2, belief)
        begins[t] = _next(search, t, k, j, belief, walk[t])
        personas[t] = k = j


@part
def _descend(search, kinds, allowed, least, nodes, number, walk, personas, begins):  # type: ignore[no-untyped-def]
    """Write a walk to where the gap exceeds `allowed` most, by the upper bound's router; returns
    how many turns. Of symbols `nodes` are looked at, others in every walk."""
    turns, size = search.turns, walk.shape[1]
    _, k, _, _ = at_start(search, kinds)
    take_over(turns, k, kinds, walk[0])
    personas[0], begins[0] = k, True
    ends, belief, widest_belief = np.empty((2, size)), np.empty(size), np.empty(size)
    odds, mass, n_symbols, reach = turns.odds, turns.mass, turns.odds.shape[0], 1.0
    for t in range(1, turns.length):
        widest, pick, chance = 0.0, -1, 0.0
        passes = allowed * (1.0 - 0.5 * t / turns.length)
        for heard in range(turns.heard.shape[1]):
            hear(turns, k, heard, walk[t - 1], ends)
            z = 0
            for node in range(nodes):
                if z == n_symbols:
                    break
                upto = 2.0 * (node + 1) / nodes
                stop = z + 1
                while stop < n_symbols and (
                    node == nodes - 1 or mass[0, stop] + mass[1, stop] < upto - 1e-12
                ):
                    stop += 1
                fresh, tired = mass[0, stop] - mass[0, z], mass[1, stop] - mass[1, z]
                share = fresh * ends[0].sum() + tired * ends[1].sum()
                p = odds[z + (number * 7919 + 31 * t) % (stop - z)]
                z = stop
                if not (share > 0.0 and _belief_after(ends, p, belief)):
                    continue
                above, j = upper_at(search, t, k, heard // 2, belief)
                below, _ = lower_at(search, t, k, heard // 2, belief)
                gap = share * (above - below - passes)
                if gap > widest:
                    widest, pick, chance = gap, j, share
                    for d in range(size):
                        widest_belief[d] = belief[d]
        if pick < 0 or widest * reach < least:
            return t
        reach *= chance
        begins[t] = _next(search, t, k, pick, widest_belief, walk[t])
        personas[t] = k = pick
    return turns.length


@part
def trials(search, kinds, first, many, nodes, tolerance):  # type: ignore[no-untyped-def]
    """Walks that back up both bounds on the way back; `first` is the number of the first one."""
    length, size = search.turns.length, search.room.belief.shape[0]
    walk = np.empty((length, size))
    personas, begins = np.zeros(length, dtype=np.int64), np.zeros(length, dtype=np.bool_)
    share, least = 0.8, _LEAST
    for number in range(first, first + many):
        above, _, below, _ = at_start(search, kinds)
        gap = above - below
        depth = _descend(
            search, kinds, share * gap, least * gap, nodes, number, walk, personas, begins
        )
        better = False
        for t in range(depth - 1, -1, -1):
            k, begun = personas[t], begins[t]
            better |= back_up_above(search, t, k, walk[t], begun, tolerance)
            better |= back_up_below(search, t, k, walk[t], begun)
        share = 0.8 if better else share * _EASE
        least = least if better else least / 4.0


@njit
def play_round(search, kinds, first, many, nodes, walks, new, both, fixed):  # type: ignore[no-untyped-def]
    """A round: walks to where the gap is, sessions played, and a sweep over all that is known.

    Args:
        search: the bounds; without any plans yet they get the first ones.
        kinds: shares at the start, shape (kinds,).
        first, many: number of the first walk, and how many.
        nodes: groups of symbols that walks look at.
        walks: beliefs, shape (N, T, D), personas and whether they take over, shape (N, T), and
            draws for the new ones, shape (new, T, 3).
        new: how many of them are to be played, the last ones: first those whose beliefs get plans
            alone, half of them by the upper bound's router and half by the lower one's, then those
            that get points, too, by the upper bound's.
        both: how many of the latter.
        fixed: as in `sweep`.
    """
    if search.archive.used[0] == 0:
        habits(search)
    beliefs, personas, begins, draws = walks
    tolerance = search.least[1]
    search.room.swap.spent[0] += (many + beliefs.shape[0]) * search.turns.length * _TURN
    trials(search, kinds, first, many, nodes, tolerance)
    old = beliefs.shape[0] - new
    for i in range(new):
        optimistic = 2 * i < new - both or i >= new - both
        at = old + i
        play(search, kinds, optimistic, draws[i], beliefs[at], personas[at], begins[at])
    sweep(search, beliefs, personas, begins, beliefs.shape[0] - both, fixed, tolerance)
    above, _, below, _ = at_start(search, kinds)
    search.bounds[0], search.bounds[1] = below, above


@njit
def plan_round(search, kinds, walks, personas, begins, draws):  # type: ignore[no-untyped-def]
    """Better plans at the beliefs of sessions, from the last turn to the first; returns the lower
    bound at the start.

    Args:
        search: the bounds; without any plans yet they get the first ones.
        kinds: shares at the start, shape (kinds,).
        walks: beliefs, shape (N, T, D).
        personas, begins: of each turn, and whether they take over in it, shape (N, T).
        draws: for sessions that are yet to be played by the lower bound's router, the last ones of
            all, shape (M, T, 3).
    """
    if search.archive.used[0] == 0:
        habits(search)
    new = draws.shape[0]
    for i in range(new):
        at = walks.shape[0] - new + i
        play(search, kinds, False, draws[i], walks[at], personas[at], begins[at])
    turns, spent = search.turns, search.room.stay.spent
    for t in range(turns.length - 1, -1, -1):
        for i in range(walks.shape[0]):
            back_up_below(search, t, personas[i, t], walks[i, t], begins[i, t])
            spent[0] += 4 * walks.shape[2] * lines_at(search, t, personas[i, t])
    _, _, below, _ = at_start(search, kinds)
    return below
