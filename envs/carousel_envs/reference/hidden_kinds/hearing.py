"""What is expected to follow a turn: either bound, at the beliefs that cues lead to.

For one report of engagement (and goodbye) these beliefs lie on one line (`turns`), along which
plans are straight lines in p and the upper bound is convex. So the best plans change at a few p
only, and the upper bound is taken at a few symbols, with chords between them: a chord lies above
it, and the tangents at its ends say by how much at most.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import part
from .mixtures import cheapest_mixture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .mixtures import Points, Scratch
    from .plans import Archive, Plans
    from .turns import Turns


class Room(NamedTuple):
    """Scratch space, so that nothing is allocated on the way.

    Attributes:
        stay, swap: for mixtures over (kind, mood) and over kinds.
        belief, tangent: shape (D,).
        kinds: shape (kinds,).
        ends: of a line of beliefs, shape (2, D).
        spans: of a line that are still to be looked at, shape (Z + 2, 8).
        lines: values of plans at both ends of a line, shape (2, plans).
        places: persona and place of each of these plans, shape (2, plans).
    """

    stay: Scratch
    swap: Scratch
    belief: NDArray[np.float64]
    tangent: NDArray[np.float64]
    kinds: NDArray[np.float64]
    ends: NDArray[np.float64]
    spans: NDArray[np.float64]
    lines: NDArray[np.float64]
    places: NDArray[np.int64]


class Search(NamedTuple):
    """Both bounds on the value of a turn t with persona k.

    Attributes:
        turns: the problem.
        stay_points, stay_plans: at beliefs over (kind, mood in the turn).
        swap_points, swap_plans: where k takes over in the turn, at beliefs over kinds: the mood is
            drawn anew, so nothing else matters.
        archive: of plans.
        least: by how much a plan and a point must improve a bound to be kept, shape (2,); the
            latter is the tolerance of chords as well.
        bounds: lower and upper at the start of a session, after the last round, shape (2,).
        room: scratch space.
    """

    turns: Turns
    stay_points: Points
    swap_points: Points
    stay_plans: Plans
    swap_plans: Plans
    archive: Archive
    least: NDArray[np.float64]
    bounds: NDArray[np.float64]
    room: Room


@part
def upper_at(search, t, k, g, belief):  # type: ignore[no-untyped-def]
    """Upper bound before the pick of turn t, and its persona; k is current, g: the user has just
    said goodbye. The belief sums to 1; `room.tangent` is the tangent of the bound there."""
    turns, room, points = search.turns, search.room, search.stay_points
    tangent, kinds = room.tangent, room.kinds
    keep = turns.keeps[g, k]
    best, pick = keep * cheapest_mixture(points, t, k, belief, -np.inf, room.stay), k
    for d in range(tangent.shape[0]):
        tangent[d] = keep * points.tangent[t, k, d]
    for a in range(kinds.shape[0]):
        kinds[a] = belief[2 * a] + belief[2 * a + 1]
    points = search.swap_points
    for j in range(turns.reward.shape[0]):
        keep = turns.keeps[g, j]
        if j == k:
            continue
        enough = (best + turns.swap_cost) / keep if keep > 0.0 else np.inf
        value = keep * cheapest_mixture(points, t, j, kinds, enough, room.swap) - turns.swap_cost
        if value > best:
            best, pick = value, j
            for d in range(tangent.shape[0]):
                tangent[d] = keep * points.tangent[t, j, d // 2] - turns.swap_cost
    return best, pick


@part
def _plans_on_line(search, t, k, g, ends):  # type: ignore[no-untyped-def]
    """Write the values of all plans before the pick at both ends of a line; returns how many."""
    turns, stays, swaps = search.turns, search.stay_plans, search.swap_plans
    lines, places = search.room.lines, search.room.places
    n, size, keep = stays.used[t, k], ends.shape[1], turns.keeps[g, k]
    values = stays.values[t, k]
    for m in range(2):
        for i in range(n):
            lines[m, i] = 0.0
        for d in range(size):
            x = keep * ends[m, d]
            for i in range(n):
                lines[m, i] += x * values[d, i]
    for i in range(n):
        places[0, i], places[1, i] = k, i
    for j in range(turns.reward.shape[0]):
        if j == k:
            continue
        more, keep = swaps.used[t, j], turns.keeps[g, j]
        values = swaps.values[t, j]
        for m in range(2):
            cost = 0.0
            for d in range(size):
                cost += turns.swap_cost * ends[m, d]
            for i in range(more):
                lines[m, n + i] = -cost
            for a in range(size // 2):
                x = keep * (ends[m, 2 * a] + ends[m, 2 * a + 1])
                for i in range(more):
                    lines[m, n + i] += x * values[a, i]
        for i in range(more):
            places[0, n + i], places[1, n + i] = j, i
        n += more
    return n


@part
def _highest(lines, n, p):  # type: ignore[no-untyped-def]
    """The line that is highest at p; of equal ones the steepest."""
    best, best_value, best_slope = 0, -np.inf, 0.0
    for i in range(n):
        slope = lines[1, i] - lines[0, i]
        value = lines[0, i] + p * slope
        if value > best_value or (value == best_value and slope > best_slope):
            best, best_value, best_slope = i, value, slope
    return best


@part
def _crossing(lines, n, best):  # type: ignore[no-untyped-def]
    """The first p at which a steeper line crosses."""
    here, slope, first = lines[0, best], lines[1, best] - lines[0, best], np.inf
    for i in range(n):
        steeper = lines[1, i] - lines[0, i] - slope
        if steeper > 0.0:
            first = min(first, (here - lines[0, i]) / steeper)
    return first


@part
def lower_at(search, t, k, g, belief):  # type: ignore[no-untyped-def]
    """Lower bound before the pick of turn t, and its persona, as in `upper_at`."""
    ends, room = search.room.ends, search.room
    for d in range(belief.shape[0]):
        ends[0, d] = ends[1, d] = belief[d]
    n = _plans_on_line(search, t, k, g, ends)
    best = _highest(room.lines, n, 0.0)
    return room.lines[0, best], room.places[0, best]


@part
def hear_below(search, t, now, heard, ends, plan):  # type: ignore[no-untyped-def]
    """Add what best continues a turn with persona `now`, after this report and each cue symbol, to
    the values of a plan, shape (D,); t is the next turn. Links are written to the archive."""
    turns, room, archive = search.turns, search.room, search.archive
    lines, mass, odds = room.lines, turns.mass, turns.odds
    g, n_symbols = heard // 2, turns.odds.shape[0]
    n = _plans_on_line(search, t, now, g, ends)
    z = 0
    while z < n_symbols:
        best = _highest(lines, n, odds[z])
        crossing, stop = _crossing(lines, n, best), z + 1
        while stop < n_symbols and odds[stop] <= crossing:
            stop += 1
        j, i = room.places[0, best], room.places[1, best]
        keep = turns.keeps[g, j]
        for d in range(plan.shape[0]):
            a, m = d // 2, d % 2
            share = (mass[m, stop] - mass[m, z]) * turns.heard[now, heard, d]
            fresh, tired = turns.moves[now, d, 0], turns.moves[now, d, 1]
            if j == now:
                values = search.stay_plans.values
                ahead = fresh * values[t, j, 2 * a, i] + tired * values[t, j, 2 * a + 1, i]
                plan[d] += share * keep * ahead
            else:
                ahead = keep * search.swap_plans.values[t, j, a, i] - turns.swap_cost
                plan[d] += share * (fresh + tired) * ahead
        plans = search.stay_plans if j == now else search.swap_plans
        end = archive.first[archive.used[0] + 1]
        archive.follow[end], archive.stop[end] = plans.names[t, j, i], stop
        archive.first[archive.used[0] + 1] = end + 1
        z = stop


@part
def _above_line(search, t, k, g, ends, p, spans, row, column):  # type: ignore[no-untyped-def]
    """The upper bound at (1 - p) X_0 + p X_1; its tangent's values at both ends of the line are
    written to two columns of `spans`."""
    belief, mass = search.room.belief, 0.0
    for d in range(belief.shape[0]):
        belief[d] = (1.0 - p) * ends[0, d] + p * ends[1, d]
        mass += belief[d]
    spans[row, column] = spans[row, column + 1] = 0.0
    if mass <= 0.0:
        return 0.0
    for d in range(belief.shape[0]):
        belief[d] /= mass
    value, _ = upper_at(search, t, k, g, belief)
    for d in range(belief.shape[0]):
        spans[row, column] += search.room.tangent[d] * ends[0, d]
        spans[row, column + 1] += search.room.tangent[d] * ends[1, d]
    return mass * value


@part
def _share_of(mass, z, stop):  # type: ignore[no-untyped-def]
    """c_0 + c_1 of symbols z to stop - 1."""
    return mass[0, stop] - mass[0, z] + mass[1, stop] - mass[1, z]


@part
def hear_above(search, t, k, g, ends, tolerance):  # type: ignore[no-untyped-def]
    """The upper bound before the pick of turn t, expected over cue symbols, from chords that are
    proven to lie no more than `tolerance` too high, by the symbols between their ends."""
    mass, odds, spans = search.turns.mass, search.turns.odds, search.room.spans
    last = odds.shape[0] - 1
    # of a span: first and last symbol, bounds there, tangents there
    spans[0, 0], spans[0, 1] = 0, last
    spans[0, 2] = _above_line(search, t, k, g, ends, odds[0], spans, 0, 4)
    total = spans[0, 2] * _share_of(mass, 0, 1)
    if last == 0:
        return total
    spans[0, 3] = _above_line(search, t, k, g, ends, odds[last], spans, 0, 6)
    total += spans[0, 3] * _share_of(mass, last, last + 1)
    depth = 1
    while depth > 0:
        depth -= 1
        left, right = int(spans[depth, 0]), int(spans[depth, 1])
        inside = _share_of(mass, left + 1, right)
        if right - left < 2 or inside <= 0.0:
            continue
        begin, width = odds[left], odds[right] - odds[left]
        from_, to = spans[depth, 2], spans[depth, 3]
        slope = spans[depth, 5] - spans[depth, 4] - (spans[depth, 7] - spans[depth, 6])
        # both tangents are lowest together where they cross
        at = (spans[depth, 6] - spans[depth, 4]) / slope if slope != 0.0 else np.inf
        if not begin < at < begin + width:
            at = begin + 0.5 * width
        below = max(
            (1.0 - at) * spans[depth, 4] + at * spans[depth, 5],
            (1.0 - at) * spans[depth, 6] + at * spans[depth, 7],
        )
        chord = from_ + (at - begin) / width * (to - from_)
        if (chord - below) * inside <= tolerance:
            mean = (mass[1, right] - mass[1, left + 1]) / inside
            total += inside * (from_ + (mean - begin) / width * (to - from_))
            continue
        z = left + 1
        while z < right - 1 and odds[z] + odds[z + 1] < 2.0 * at:
            z += 1
        for i in range(8):
            spans[depth + 1, i] = spans[depth, i]
        value = _above_line(search, t, k, g, ends, odds[z], spans, depth, 6)
        total += value * _share_of(mass, z, z + 1)
        spans[depth, 1], spans[depth, 3] = z, value
        spans[depth + 1, 0], spans[depth + 1, 2] = z, value
        spans[depth + 1, 4], spans[depth + 1, 5] = spans[depth, 6], spans[depth, 7]
        depth += 2
    return total
