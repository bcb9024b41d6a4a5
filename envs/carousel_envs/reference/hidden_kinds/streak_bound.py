"""The upper bound where kinds differ in whom they like alone: one sweep over streaks.

V_k(t, shares of kinds) is the value of turn t if persona k takes over in it. It is convex, so a
mixture of points bounds it from above (`mixtures`), and only shares of kinds need points: between
swaps the grid of `streaks` bounds a convex function of two variables. The shares at which a point
lies are the same in all turns, so the mixture that was cheapest in the turn after is nearly so in
this one, and where it is no dearer than another persona's it needs no search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part
from .streaks import Grid, Steps, both_sides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .streaks import Streaks
    from .turns import Turns

_PIVOTS = 60
_ROUNDING = 1e-11
_NOBODY = -1e30
"""Value of a swap where there is nobody else."""
_TURN = 200
"""Multiplications that a turn of a session counts for."""


class Columns(NamedTuple):
    """Points of all personas, those of persona k in columns first[k] to first[k + 1] - 1; C in all.

    Attributes:
        first: shape (K + 1,).
        kinds: shares, each sums to 1, shape (kinds, C); the first ones of a persona are sure of one
            kind each.
        suited, never: shares if the persona suited, and if it did not, shape (kinds, C).
        values: upper bounds, shape (T, C).
        basis: points of persona j that make up the cheapest mixture known where column c's user
            swaps at P(never suited) of the grid, counted from the first of j, shape (C, Q, K,
            kinds).
        inverse: of the shares of kinds of these points, shape (C, Q, K, kinds, kinds).
        shares: of these points, shape (C, Q, K, kinds).
        best: persona that was best to swap to there, shape (C, Q).
    """

    first: NDArray[np.int64]
    kinds: NDArray[np.float64]
    suited: NDArray[np.float64]
    never: NDArray[np.float64]
    values: NDArray[np.float64]
    basis: NDArray[np.int64]
    inverse: NDArray[np.float64]
    shares: NDArray[np.float64]
    best: NDArray[np.int64]


@part
def _begin(kinds, basis, inverse, shares):  # type: ignore[no-untyped-def]
    """The mixture of points that are sure of one kind each."""
    for a in range(kinds.shape[0]):
        basis[a], shares[a] = a, kinds[a]
        for b in range(kinds.shape[0]):
            inverse[a, b] = 1.0 if a == b else 0.0


@part
def _off(points, begin, kinds, basis, shares):  # type: ignore[no-untyped-def]
    """By how much a mixture has other shares of kinds, in the worst of them."""
    worst = 0.0
    for a in range(kinds.shape[0]):
        number = -kinds[a]
        for i in range(kinds.shape[0]):
            number += shares[i] * points[a, begin + basis[i]]
        worst = max(worst, abs(number))
    return worst


@part
def mixture(columns, t, j, kinds, basis, inverse, shares, enough, scratch, spent):  # type: ignore[no-untyped-def]
    """The cheapest mixture of points of persona j in turn t, from a feasible one, which is
    replaced; the search ends where it costs no more than `enough`. As `mixtures.cheapest_mixture`,
    for one belief."""
    begin, end = columns.first[j], columns.first[j + 1]
    points, values, size, n = (
        columns.kinds,
        columns.values[t, begin:end],
        kinds.shape[0],
        end - begin,
    )
    reduced, tangent, column = scratch[0, :n], scratch[1], scratch[2]
    total = 0.0
    for i in range(size):
        total += shares[i] * values[basis[i]]
    for _ in range(_PIVOTS):
        if total <= enough:
            return total
        spent[0] += n * size
        for a in range(size):
            tangent[a] = 0.0
            for i in range(size):
                tangent[a] += values[basis[i]] * inverse[i, a]
        for c in range(n):
            reduced[c] = values[c]
        for a in range(size):
            y, row = tangent[a], points[a, begin:end]
            for c in range(n):
                reduced[c] -= y * row[c]
        lowest = 0.0
        for c in range(n):
            lowest = min(lowest, reduced[c])
        if lowest > -1e-10:
            return total
        enters = 0
        while reduced[enters] != lowest:
            enters += 1
        leaves, step = -1, np.inf
        for i in range(size):
            column[i] = 0.0
            for a in range(size):
                column[i] += inverse[i, a] * points[a, begin + enters]
            if column[i] > 1e-9 and shares[i] < step * column[i]:
                leaves, step = i, shares[i] / column[i]
        if leaves < 0:
            return total
        for a in range(size):
            inverse[leaves, a] /= column[leaves]
        for i in range(size):
            if i != leaves:
                shares[i] = max(shares[i] - step * column[i], 0.0)
                for a in range(size):
                    inverse[i, a] -= column[i] * inverse[leaves, a]
        shares[leaves], basis[leaves] = step, enters
        if _off(points, begin, kinds, basis, shares) > _ROUNDING:
            # divisions by small numbers have made another belief of it: the first one is exact
            _begin(kinds, basis, inverse, shares)
        total = 0.0
        for i in range(size):
            total += shares[i] * values[basis[i]]
    return total


@part
def _swaps(t, columns, grid, swap_cost, ahead, scratch, spent):  # type: ignore[no-untyped-def]
    """Write the upper bounds on a swap in turn t, shape (Q, C)."""
    first, (size, n_k) = columns.first, (columns.kinds.shape[0], columns.first.shape[0] - 1)
    kinds = np.empty(size)
    for k in range(n_k):
        for c in range(first[k], first[k + 1]):
            for q in range(grid.never.shape[0]):
                x = grid.never[q]
                for a in range(size):
                    kinds[a] = (1.0 - x) * columns.suited[a, c] + x * columns.never[a, c]
                best, pick = _NOBODY, columns.best[c, q]
                for i in range(-1, n_k):
                    # the one that was best last time comes first
                    j = pick if i < 0 else i
                    if j < 0 or j == k or (i >= 0 and i == columns.best[c, q]):
                        continue
                    basis, inverse = columns.basis[c, q, j], columns.inverse[c, q, j]
                    shares = columns.shares[c, q, j]
                    value = mixture(
                        columns, t, j, kinds, basis, inverse, shares, best, scratch, spent
                    )
                    if value > best:
                        best, pick = value, j
                columns.best[c, q] = pick
                ahead[q, c] = best - swap_cost


@part
def _stays(steps, ahead, swapped, begin, end, now):  # type: ignore[no-untyped-def]
    """Write the bounds on a turn at all nodes for some columns, shape (Q R, C), from those on the
    next one, if the persona stays and if it is swapped."""
    across = ahead.shape[0] // swapped.shape[0]
    for n in range(steps.mass.shape[0]):
        to = now[n, begin:end]
        for c in range(to.shape[0]):
            to[c] = steps.reward[n]
        for x in range(steps.mass.shape[1]):
            mass, at = steps.mass[n, x], steps.node[n, x]
            up, right = steps.never[n, x], steps.tired[n, x]
            if mass <= 0.0:
                continue
            low, high, q = mass * (1.0 - up), mass * up, at // across
            a, b, d, e = low * (1.0 - right), low * right, high * (1.0 - right), high * right
            v, w = ahead[at, begin:end], ahead[at + 1, begin:end]
            y, z = ahead[at + across, begin:end], ahead[at + across + 1, begin:end]
            s, r = swapped[q, begin:end], swapped[q + 1, begin:end]
            for c in range(to.shape[0]):
                stays = a * v[c] + b * w[c] + d * y[c] + e * z[c]
                swaps = low * s[c] + high * r[c]
                to[c] += stays if stays > swaps else swaps


@part
def _takes_over(steps, ahead, swapped, c):  # type: ignore[no-untyped-def]
    """The bound on a turn in which a column's persona takes over, from those on the next one."""
    across, value = ahead.shape[0] // swapped.shape[0], steps.reward[c]
    for x in range(steps.mass.shape[1]):
        mass, at = steps.mass[c, x], steps.node[c, x]
        up, right = steps.never[c, x], steps.tired[c, x]
        if mass <= 0.0:
            continue
        low, high = 1.0 - up, up
        v, w, y = ahead[at, c], ahead[at + 1, c], ahead[at + across, c]
        stays = low * ((1.0 - right) * v + right * w)
        stays += high * ((1.0 - right) * y + right * ahead[at + across + 1, c])
        swaps = low * swapped[at // across, c] + high * swapped[at // across + 1, c]
        value += mass * max(stays, swaps)
    return value


@njit
def sweep_streaks(columns, grid, steps, begins, swap_cost, stay, swap, spent):  # type: ignore[no-untyped-def]
    """Lower all bounds, from the last turn to the first.

    Args:
        columns: points; their values and mixtures are replaced.
        grid: of the triangle.
        steps: of every persona from the nodes of the grid, arrays with a leading axis of K.
        begins: of every column where the persona takes over.
        swap_cost: of a swap.
        stay, swap: written: bounds on turns at the nodes, shape (T, Q R, C), and on swaps in them,
            shape (T, Q, C), single precision, for who plays sessions by them.
        spent: multiplications are added, shape (1,).
    """
    length, n_k = columns.values.shape[0], columns.first.shape[0] - 1
    n_nodes, n_columns = stay.shape[1], columns.values.shape[1]
    ahead, now = np.zeros((n_nodes, n_columns)), np.zeros((n_nodes, n_columns))
    swapped = np.zeros((grid.never.shape[0], n_columns))
    scratch = np.empty((3, max(n_columns, columns.kinds.shape[0])))
    for t in range(length - 1, -1, -1):
        for k in range(n_k):
            begin, end = columns.first[k], columns.first[k + 1]
            if t == length - 1:
                for c in range(begin, end):
                    columns.values[t, c] = min(columns.values[t, c], begins.reward[c])
                    for n in range(n_nodes):
                        now[n, c] = steps.reward[k, n]
                continue
            of_k = Steps(
                steps.reward[k], steps.mass[k], steps.node[k], steps.never[k], steps.tired[k]
            )
            _stays(of_k, ahead, swapped, begin, end, now)
            spent[0] += 8 * of_k.mass.size * (end - begin)
            for c in range(begin, end):
                value = _takes_over(begins, ahead, swapped, c)
                columns.values[t, c] = min(columns.values[t, c], value)
        if t > 0:
            _swaps(t, columns, grid, swap_cost, swapped, scratch, spent)
        stay[t], swap[t] = now, swapped
        ahead, now = now, ahead


class Walker(NamedTuple):
    """What a router needs that plays by the upper bound; see `sweep_streaks` and `Turns`."""

    turns: Turns
    streaks: Streaks
    columns: Columns
    grid: Grid
    stay: NDArray[np.float32]
    swap: NDArray[np.float32]


@part
def _choose(columns, t, k, kinds, basis, inverse, shares, scratch, spent):  # type: ignore[no-untyped-def]
    """Upper bound on turn t where somebody else than k takes over, and who."""
    best, pick, first = -np.inf, k, columns.first
    for j in range(first.shape[0] - 1):
        if j == k:
            continue
        _begin(kinds, basis, inverse, shares)
        value = mixture(columns, t, j, kinds, basis, inverse, shares, best, scratch, spent)
        if value > best:
            best, pick = value, j
    return best, pick


@part
def _place(grid, x):  # type: ignore[no-untyped-def]
    """The step of a grid in which a number lies, and how far along."""
    i = min(max(np.searchsorted(grid, x, side="right") - 1, 0), grid.shape[0] - 2)
    return i, (x - grid[i]) / (grid[i + 1] - grid[i])


@part
def _nearest(columns, k, kinds):  # type: ignore[no-untyped-def]
    """The column of persona k whose shares of kinds are nearest."""
    best, pick = np.inf, columns.first[k]
    for c in range(columns.first[k], columns.first[k + 1]):
        far = 0.0
        for a in range(kinds.shape[0]):
            far += abs(columns.kinds[a, c] - kinds[a])
        if far < best:
            best, pick = far, c
    return pick


@part
def _leaves(walker, t, c, q, tired):  # type: ignore[no-untyped-def]
    """Whether the upper bound's router swaps before turn t, by the tables of a column near by."""
    grid = walker.grid
    i, up = _place(grid.never, q)
    j, right = _place(grid.tired, tired)
    across = grid.tired.shape[0]
    at = across * i + j
    stay, swap = walker.stay[t, :, c], walker.swap[t, :, c]
    stays = (1.0 - up) * ((1.0 - right) * stay[at] + right * stay[at + 1])
    stays += up * ((1.0 - right) * stay[at + across] + right * stay[at + across + 1])
    return (1.0 - up) * swap[i] + up * swap[i + 1] > stays


@njit
def walk_streaks(walker, kinds, draws, walks, personas, begins, spent):  # type: ignore[no-untyped-def]
    """Write the beliefs of sessions in which nobody leaves, by the upper bound's router.

    Args:
        walker: what it knows.
        kinds: shares at the start, shape (kinds,).
        draws: uniform in [0, 1), shape (N, T, 3).
        walks: over (kind, mood in the turn), shape (N, T, D).
        personas, begins: of each turn, and whether they take over in it, shape (N, T).
        spent: multiplications are added, shape (1,).
    """
    turns, streaks, columns = walker.turns, walker.streaks, walker.columns
    size, n_symbols = kinds.shape[0], turns.odds.shape[0]
    basis, shares = np.empty(size, dtype=np.int64), np.empty(size)
    inverse, scratch = np.empty((size, size)), np.empty((3, columns.kinds.shape[1] + size))
    now, suited, never = np.empty(size), np.empty(size), np.empty(size)
    _, start = _choose(columns, 0, -1, kinds, basis, inverse, shares, scratch, spent)
    spent[0] += draws.shape[0] * turns.length * _TURN
    for n in range(draws.shape[0]):
        k, takes_over, column = start, True, 0
        fresh = tired = wrong = 0.0
        for a in range(size):
            now[a] = kinds[a]
        for t in range(turns.length):
            if takes_over:
                fresh, tired = 0.0, 0.0
                for a in range(size):
                    fresh += now[a] * turns.fresh[k, a]
                wrong = 1.0 - fresh
                for a in range(size):
                    fit = turns.fresh[k, a]
                    suited[a] = now[a] * fit / fresh if fresh > 0.0 else now[a]
                    never[a] = now[a] * (1.0 - fit) / wrong if wrong > 0.0 else now[a]
                column = _nearest(columns, k, now)
            for a in range(size):
                walks[n, t, 2 * a] = suited[a] * fresh
                walks[n, t, 2 * a + 1] = suited[a] * tired + never[a] * wrong
            personas[n, t], begins[n, t] = k, takes_over
            if t + 1 == turns.length:
                break
            stays, tires, leaves = streaks.ahead[k]
            alive = fresh * (stays + tires)
            mood = 1 if draws[n, t, 0] * (alive + (tired + wrong) * leaves) >= alive else 0
            heard = 0 if draws[n, t, 1] < streaks.heard[k, 0, mood] else 1
            z = 0
            while z < n_symbols - 1 and draws[n, t, 2] > turns.mass[mood, z + 1]:
                z += 1
            like = streaks.heard[k, heard, 0] * (1.0 - turns.odds[z])
            unlike = streaks.heard[k, heard, 1] * turns.odds[z] * leaves
            tired = fresh * like * tires + tired * unlike
            fresh, wrong = fresh * like * stays, wrong * unlike
            mass = fresh + tired + wrong
            takes_over = False
            if mass <= 0.0:
                # nobody stays, whatever is played
                fresh, tired, wrong = 0.0, 0.0, 1.0
                continue
            fresh, tired, wrong = fresh / mass, tired / mass, wrong / mass
            share = tired / (fresh + tired) if fresh + tired > 0.0 else 0.0
            if columns.first.shape[0] > 2 and _leaves(walker, t + 1, column, wrong, share):
                for a in range(size):
                    now[a] = (1.0 - wrong) * suited[a] + wrong * never[a]
                _, k = _choose(columns, t + 1, k, now, basis, inverse, shares, scratch, spent)
                takes_over = True


@njit
def mixtures_in(columns, grid, turns, found, spent):  # type: ignore[no-untyped-def]
    """Write the points of the cheapest mixtures; see `StreakBound.mixtures`."""
    size, n_k = columns.kinds.shape[0], columns.first.shape[0] - 1
    kinds, scratch = np.empty(size), np.empty((3, columns.kinds.shape[1] + size))
    basis, inverse = np.empty(size, dtype=np.int64), np.empty((size, size))
    shares = np.empty(size)
    for c in range(columns.kinds.shape[1]):
        for q in range(grid.never.shape[0]):
            x = grid.never[q]
            for a in range(size):
                kinds[a] = (1.0 - x) * columns.suited[a, c] + x * columns.never[a, c]
            for j in range(n_k):
                _begin(kinds, basis, inverse, shares)
                for i in range(turns.shape[0]):
                    t = turns[i]
                    mixture(columns, t, j, kinds, basis, inverse, shares, -np.inf, scratch, spent)
                    for a in range(size):
                        found[c, q, j, i, a] = basis[a]


@njit
def apart_from(points, new, apart):  # type: ignore[no-untyped-def]
    """Which of the new points lie farther than this from all others that are kept, shape (N,)."""
    chosen = np.zeros(new.shape[0], dtype=np.bool_)
    for i in range(new.shape[0]):
        near = False
        for j in range(points.shape[0] + i):
            if j >= points.shape[0] and not chosen[j - points.shape[0]]:
                continue
            other = points[j] if j < points.shape[0] else new[j - points.shape[0]]
            far = 0.0
            for a in range(new.shape[1]):
                far += abs(other[a] - new[i, a])
            if far <= apart:
                near = True
                break
        chosen[i] = not near
    return chosen


@dataclass(eq=False)
class StreakBound:
    """The upper bound, and the points that it is made of.

    Args:
        turns, streaks: the problem.
        kinds: shares at the start, shape (kinds,).

    Attributes:
        upper: on the value at the start.
        spent: multiplications, shape (1,).
        walker: tables of the last sweep.
    """

    turns: Turns
    streaks: Streaks
    kinds: NDArray[np.float64]

    def __post_init__(self) -> None:
        sure = np.concatenate([np.eye(len(self.kinds)), self.kinds[None]])
        self._points = [sure for _ in self.turns.reward]
        self._values = [np.full((self.turns.length, len(sure)), np.inf) for _ in self._points]
        self.spent = np.zeros(1, dtype=np.int64)
        self.upper = np.inf
        self.walker: Walker | None = None

    @property
    def points(self) -> int:
        """Number of points."""
        return sum(map(len, self._points))

    def sweep(self, grid: Grid) -> None:
        """Lower the bound by one sweep, with this grid between swaps."""
        n_q, n_k, size = len(grid.never), len(self._points), len(self.kinds)
        sides = [
            both_sides(fit, points)
            for fit, points in zip(self.turns.fresh, self._points, strict=True)
        ]
        n = self.points
        columns = Columns(
            first=np.cumsum([0, *map(len, self._points)]),
            kinds=np.ascontiguousarray(np.concatenate(self._points).T),
            suited=np.ascontiguousarray(np.concatenate([side[1] for side in sides]).T),
            never=np.ascontiguousarray(np.concatenate([side[2] for side in sides]).T),
            values=np.concatenate(self._values, axis=1),
            basis=np.zeros((n, n_q, n_k, size), dtype=np.int64),
            inverse=np.zeros((n, n_q, n_k, size, size)),
            shares=np.zeros((n, n_q, n_k, size)),
            best=np.full((n, n_q), -1),
        )
        # a swap begins to be mixed of points that are sure of one kind each
        x = grid.never[:, None]
        mixed = (1.0 - x) * columns.suited.T[:, None] + x * columns.never.T[:, None]
        columns.basis[:], columns.inverse[:] = np.arange(size), np.eye(size)
        columns.shares[:] = mixed[:, :, None]
        nodes = grid.nodes()
        steps = [Steps.of(self.streaks, k, grid, nodes) for k in range(n_k)]
        begins = []
        for k, (suits, _, _) in enumerate(sides):
            beliefs = np.stack([suits, np.zeros_like(suits), 1.0 - suits], axis=1)
            begins.append(Steps.of(self.streaks, k, grid, beliefs))
        stay = np.zeros((self.turns.length, len(nodes), n), dtype=np.float32)
        swap = np.zeros((self.turns.length, n_q, n), dtype=np.float32)
        sweep_streaks(
            columns,
            grid,
            Steps(*map(np.stack, zip(*steps, strict=True))),
            Steps(*map(np.concatenate, zip(*begins, strict=True))),
            self.turns.swap_cost,
            stay,
            swap,
            self.spent,
        )
        self._values = np.split(columns.values, columns.first[1:-1], axis=1)
        self.walker = Walker(self.turns, self.streaks, columns, grid, stay, swap)
        # the start is a point of every persona
        self.upper = float(max(values[0, size] for values in self._values))

    def walk(
        self, draws: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
        """Play sessions by the router of the last sweep; as `walk_streaks` writes them."""
        assert self.walker is not None
        n, length, _ = draws.shape
        walks = np.zeros((n, length, 2 * len(self.kinds)))
        personas, begins = np.zeros((n, length), dtype=np.int64), np.zeros((n, length), np.bool_)
        walk_streaks(self.walker, self.kinds, draws, walks, personas, begins, self.spent)
        return walks, personas, begins

    def add(self, kinds: NDArray[np.float64], personas: NDArray[np.int64], apart: float) -> None:
        """Add points at shares of kinds at which personas took over, shape (N, kinds) and (N,),
        unless there is one so near already."""
        for k, points in enumerate(self._points):
            # what came up again and again is looked at once
            some = np.unique(kinds[personas == k], axis=0)
            new = some[apart_from(points, some, apart)]
            unknown = np.full((self.turns.length, len(new)), np.inf)
            self._points[k] = np.concatenate([points, new])
            self._values[k] = np.concatenate([self._values[k], unknown], axis=1)

    def mixtures(self, turns: NDArray[np.int64]) -> NDArray[np.int32]:
        """Points of the cheapest mixtures in some turns where a column's user swaps, as in
        `Columns.basis`, shape (C, Q, K, turns, kinds)."""
        assert self.walker is not None
        columns = self.walker.columns
        found = np.zeros((*columns.basis.shape[:3], len(turns), len(self.kinds)), dtype=np.int32)
        mixtures_in(columns, self.walker.grid, turns, found, self.spent)
        return found
