"""Backups: either bound improved at a belief, by what is expected to follow a turn there."""

from __future__ import annotations

import numpy as np

from ...compiled.compiler import part
from .hearing import hear_above, hear_below
from .mixtures import add_point, changed, cheapest_mixture
from .plans import keep_plan, use_plan, worth
from .turns import hear, take_over

LINKS = 1 << 12
"""Room in the archive that a backup asks for."""


@part
def _dot(x, y):  # type: ignore[no-untyped-def]
    total = 0.0
    for i in range(x.shape[0]):
        total += x[i] * y[i]
    return total


@part
def expected_above(search, t, k, belief, tolerance):  # type: ignore[no-untyped-def]
    """Upper bound on turn t with persona k at a belief over (kind, mood in the turn)."""
    turns, ends = search.turns, search.room.ends
    value = _dot(belief, turns.reward[k])
    if t + 1 < turns.length:
        for heard in range(turns.heard.shape[1]):
            hear(turns, k, heard, belief, ends)
            value += hear_above(search, t + 1, k, heard // 2, ends, tolerance)
    return value


@part
def expected_below(search, t, k, belief, plan):  # type: ignore[no-untyped-def]
    """Lower bound on turn t with persona k; its plan is written, and its links to the archive."""
    turns, ends, archive = search.turns, search.room.ends, search.archive
    archive.first[archive.used[0] + 1] = archive.first[archive.used[0]]
    for d in range(plan.shape[0]):
        plan[d] = turns.reward[k, d]
    if t + 1 < turns.length:
        for heard in range(turns.heard.shape[1]):
            hear(turns, k, heard, belief, ends)
            hear_below(search, t + 1, k, heard, ends, plan)
    return _dot(belief, plan)


@part
def lines_at(search, t, k):  # type: ignore[no-untyped-def]
    """How many plans may continue turn t with persona k."""
    n = 0
    if t + 1 < search.turns.length:
        for j in range(search.turns.reward.shape[0]):
            n += search.swap_plans.used[t + 1, j] if j != k else search.stay_plans.used[t + 1, k]
    return n


@part
def _over_kinds(belief, kinds):  # type: ignore[no-untyped-def]
    for a in range(kinds.shape[0]):
        kinds[a] = belief[2 * a] + belief[2 * a + 1]


@part
def _begun(turns, k, plan, begun):  # type: ignore[no-untyped-def]
    """Write the values of a plan over kinds, where persona k takes over."""
    for a in range(begun.shape[0]):
        fresh = turns.fresh[k, a]
        begun[a] = fresh * plan[2 * a] + (1.0 - fresh) * plan[2 * a + 1]


@part
def back_up_below(search, t, k, belief, begins):  # type: ignore[no-untyped-def]
    """Add a plan for a belief, where it is better by enough; whether it was. `begins`: the persona
    takes over in this turn, and the belief is what that makes of a belief over kinds."""
    archive, lines, name = search.archive, search.room.lines, search.archive.used[0]
    full = name + 1 >= archive.persona.shape[0]
    if full or archive.first[name] + LINKS > archive.follow.shape[0]:
        return False
    plan = np.empty(belief.shape[0])
    value = expected_below(search, t, k, belief, plan)
    if begins:
        kinds, begun = np.empty(belief.shape[0] // 2), np.empty(belief.shape[0] // 2)
        _over_kinds(belief, kinds)
        if value <= worth(search.swap_plans, t, k, kinds, lines) + search.least[0]:
            return False
        _begun(search.turns, k, plan, begun)
        use_plan(search.swap_plans, t, k, begun, name)
    else:
        if value <= worth(search.stay_plans, t, k, belief, lines) + search.least[0]:
            return False
        use_plan(search.stay_plans, t, k, plan, name)
    keep_plan(archive, plan, k)
    return True


@part
def _known(search, t, k, belief, begins):  # type: ignore[no-untyped-def]
    """The upper bound from points, at a belief of either kind."""
    if begins:
        return cheapest_mixture(search.swap_points, t, k, belief, -np.inf, search.room.swap)
    return cheapest_mixture(search.stay_points, t, k, belief, -np.inf, search.room.stay)


@part
def back_up_above(search, t, k, belief, begins, tolerance):  # type: ignore[no-untyped-def]
    """Add a point for a belief, where it is better by enough; whether it was."""
    value = expected_above(search, t, k, belief, tolerance)
    where = np.empty(belief.shape[0] // 2) if begins else belief
    if begins:
        _over_kinds(belief, where)
    if value >= _known(search, t, k, where, begins) - search.least[1]:
        return False
    add_point(search.swap_points if begins else search.stay_points, t, k, where, value)
    return True


@part
def habits(search):  # type: ignore[no-untyped-def]
    """The first plans: the same persona for ever."""
    turns, archive = search.turns, search.archive
    n_k, size = turns.reward.shape
    plan, begun = np.empty(size), np.empty(size // 2)
    for k in range(n_k):
        ahead, after = np.zeros(size), -1
        for t in range(turns.length - 1, -1, -1):
            name = archive.used[0]
            end = archive.first[name]
            for _ in range(turns.heard.shape[1] if after >= 0 else 0):
                archive.follow[end], archive.stop[end] = after, turns.odds.shape[0]
                end += 1
            archive.first[name + 1] = end
            for d in range(size):
                plan[d] = turns.reward[k, d]
                for heard in range(turns.heard.shape[1]):
                    share = turns.heard[k, heard, d] * turns.keeps[heard // 2, k]
                    for n in range(2):
                        plan[d] += share * turns.moves[k, d, n] * ahead[2 * (d // 2) + n]
            for d in range(size):
                ahead[d] = plan[d]
            _begun(turns, k, plan, begun)
            use_plan(search.stay_plans, t, k, plan, name)
            use_plan(search.swap_plans, t, k, begun, name)
            after = keep_plan(archive, plan, k)


@part
def _review(search, t, k, begins, fixed, tolerance):  # type: ignore[no-untyped-def]
    """Lower every point of a turn and persona but the `fixed` first ones, improve the plans there,
    and drop points whose neighbours say as much."""
    points = search.swap_points if begins else search.stay_points
    size, kept = points.tangent.shape[2], fixed
    belief, where = np.empty(search.room.belief.shape[0]), np.empty(size)
    for i in range(fixed, points.used[t, k]):
        for d in range(size):
            where[d] = points.beliefs[t, k, d, i]
        if begins:
            take_over(search.turns, k, where, belief)
        else:
            for d in range(size):
                belief[d] = where[d]
        value = min(points.values[t, k, i], expected_above(search, t, k, belief, tolerance))
        points.values[t, k, i] = value
        back_up_below(search, t, k, belief, begins)
        changed(points, t, k)
        if _known(search, t, k, where, begins) < value - 1e-9:
            points.values[t, k, i] = np.inf
            continue
        for d in range(size):
            points.beliefs[t, k, d, kept] = where[d]
        points.values[t, k, kept] = value
        kept += 1
    points.used[t, k] = kept
    changed(points, t, k)


@part
def sweep(search, walks, personas, begins, above, fixed, tolerance):  # type: ignore[no-untyped-def]
    """Improve both bounds from the last turn to the first: at all points, and at the beliefs of
    walks.

    Args:
        search: the bounds.
        walks: beliefs over (kind, mood in the turn), shape (N, T, D).
        personas, begins: of each, shape (N, T).
        above: from which walk on their beliefs become points, too.
        fixed: points that stay as they are, of those over (kind, mood).
        tolerance: of chords.
    """
    for t in range(search.turns.length - 1, -1, -1):
        for k in range(search.turns.reward.shape[0]):
            for begins_now in range(2):
                whole = search.turns.fresh.shape[1] if begins_now else fixed
                _review(search, t, k, begins_now == 1, whole, tolerance)
        for i in range(walks.shape[0]):
            k, belief = personas[i, t], walks[i, t]
            if i >= above:
                back_up_above(search, t, k, belief, begins[i, t], tolerance)
            back_up_below(search, t, k, belief, begins[i, t])
