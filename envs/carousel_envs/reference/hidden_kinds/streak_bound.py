"""The upper bound where kinds differ in whom they like alone: one sweep over streaks.

V_k(t, shares of kinds) is the value of turn t if persona k takes over in it. It is convex, so a
mixture of points bounds it from above (`mixtures`), and only shares of kinds need points: between
swaps the grid of `streaks` bounds a convex function of two variables. The shares at which a point
lies are the same in all turns, so the mixture that was cheapest in the turn after is nearly so in
this one, and where it is no dearer than another persona's it needs no search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit, part
from .streak_walks import Walker, walk_streaks
from .streaks import Grid, Steps, both_sides
from .swap_mixtures import Columns, mixture, mixtures_in

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .streaks import Streaks
    from .turns import Turns

_NOBODY = -1e30
"""Value of a swap where there is nobody else."""


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
