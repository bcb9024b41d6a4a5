"""Streaks: what happens between a persona's taking over and the next swap.

Where kinds of user differ in whom they like and in nothing else, all that is heard during a streak
speaks of two things: whether the persona suited the user when it took over, and whether the user
has tired of it since. With F the shares of kinds if it suited and N those if it did not, three
numbers tell the whole belief, however many kinds there are: P(suited, and still fresh),
P(suited, and tired since) and P(never suited); a swap forgets all but the last one. So one grid on
a triangle serves every streak, and how observations move its nodes is the same for all of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .turns import Turns


class Streaks(NamedTuple):
    """Turns of users who differ in whom they like alone; see `Turns`.

    Attributes:
        reward: fresh and bored, shape (K, 2).
        heard: P(engagement | mood), first without it, shape (K, 2, 2).
        ahead: P(fresh | fresh), P(bored | fresh) and P(bored | bored) at the next pick, shape
            (K, 3).
    """

    reward: NDArray[np.float64]
    heard: NDArray[np.float64]
    ahead: NDArray[np.float64]

    @classmethod
    def of(cls, turns: Turns) -> Streaks | None:
        """The streaks of a problem; None where kinds differ in more, or say goodbye."""
        n_k, size = turns.reward.shape
        moods = (n_k, size // 2, 2)
        reward, moves = turns.reward.reshape(moods), turns.moves.reshape(*moods, 2)
        heard = turns.heard.reshape(n_k, -1, *moods[1:])
        alike = all(
            (array == array[..., :1, :]).all()
            for array in (reward, heard, moves.reshape(n_k, 1, size // 2, 4))
        )
        if len(turns.keeps) > 1 or not alike:
            return None
        ahead = np.stack([moves[:, 0, 0, 0], moves[:, 0, 0, 1], moves[:, 0, 1, 1]], axis=1)
        return cls(reward[:, 0].copy(), heard[:, :, 0].copy(), ahead)


class Grid(NamedTuple):
    """Nodes on the triangle: straight lines from P(never suited) = 1 to the opposite side.

    A belief between four nodes is a mixture of them. Nodes are finer towards the corners.

    Attributes:
        never: P(never suited), ascending from 0 to 1, shape (Q,).
        tired: P(tired | suited), ascending from 0 to 1, shape (R,).
        symbols: the ones to which all others are spread, ascending, shape (E,).
        cues: P(symbol | mood) of these then, shape (2, E).
    """

    never: NDArray[np.float64]
    tired: NDArray[np.float64]
    symbols: NDArray[np.int64]
    cues: NDArray[np.float64]

    @classmethod
    def of(cls, turns: Turns, never: int, tired: int, symbols: int) -> Grid:
        """A grid with so many steps, and so many symbols at most."""
        steps = [np.sin(np.linspace(0.0, np.pi / 2.0, n + 1)) ** 2 for n in (never, tired)]
        for ends in steps:
            ends[-1] = 1.0
        kept = chosen_symbols(turns, symbols)
        return cls(steps[0], steps[1], kept, spread_symbols(turns, kept))

    def nodes(self) -> NDArray[np.float64]:
        """The three numbers of every node, shape (Q R, 3), number R q + r."""
        never, tired = (x.ravel() for x in np.meshgrid(self.never, self.tired, indexing="ij"))
        return np.stack([(1.0 - never) * (1.0 - tired), (1.0 - never) * tired, never], axis=1)


def chosen_symbols(turns: Turns, most: int) -> NDArray[np.int64]:
    """At most so many cue symbols, shape (E,): always the one is left out whose posterior would
    spread least if it were split between its neighbours, with what was split before."""
    p, mass, kept = turns.odds, np.diff(turns.mass, axis=1).sum(axis=0), np.arange(len(turns.odds))
    while len(kept) > max(most, 2):
        below, at, above = p[kept[:-2]], p[kept[1:-1]], p[kept[2:]]
        i = int((mass[kept[1:-1]] * (at - below) * (above - at)).argmin()) + 1
        share = (above[i - 1] - at[i - 1]) / (above[i - 1] - below[i - 1])
        mass[kept[i - 1]] += share * mass[kept[i]]
        mass[kept[i + 1]] += (1.0 - share) * mass[kept[i]]
        kept = np.delete(kept, i)
    return kept


def spread_symbols(turns: Turns, kept: NDArray[np.int64]) -> NDArray[np.float64]:
    """P(symbol | mood) of the kept symbols, shape (2, E), from which those that are heard follow by
    forgetting: each is split between its neighbours in p, such that mass and mean stay.

    Whoever hears them knows at least as much (Blackwell 1951), so a router that does is worth no
    less.
    """
    p, mass = turns.odds, np.diff(turns.mass, axis=1).sum(axis=0)
    right = np.searchsorted(kept, np.arange(len(p)))
    left = np.maximum(right - 1, 0)
    width = p[kept[right]] - p[kept[left]]
    share = np.where(width > 0.0, (p[kept[right]] - p) / np.where(width > 0.0, width, 1.0), 0.0)
    split = np.bincount(left, share * mass, len(kept))
    split += np.bincount(right, (1.0 - share) * mass, len(kept))
    return np.stack([split * (1.0 - p[kept]), split * p[kept]])


class Steps(NamedTuple):
    """What may be heard at some beliefs of a persona's streak, and where that leads; X = 2 E.

    Attributes:
        reward: of the turn, shape (N,).
        mass: probability, shape (N, X).
        node: of the four nodes around the belief the one with the least of both, shape (N, X).
        never, tired: weights of the others in either direction, shape (N, X).
    """

    reward: NDArray[np.float64]
    mass: NDArray[np.float64]
    node: NDArray[np.int32]
    never: NDArray[np.float64]
    tired: NDArray[np.float64]

    @classmethod
    def of(cls, streaks: Streaks, k: int, grid: Grid, beliefs: NDArray[np.float64]) -> Steps:
        """Those of persona k at beliefs of shape (N, 3)."""
        like = streaks.heard[k][:, :, None] * grid.cues
        fresh, bored = (like[:, m].ravel()[None] for m in range(2))
        stays, tires, leaves = streaks.ahead[k]
        suited, since, never = (beliefs[:, i, None] for i in range(3))
        still, tired = stays * suited * fresh, tires * suited * fresh + leaves * since * bored
        wrong = leaves * never * bored
        mass, fits = still + tired + wrong, still + tired
        with np.errstate(invalid="ignore", divide="ignore"):
            q = np.where(mass > 0.0, wrong / mass, 0.0)
            r = np.where(fits > 0.0, tired / fits, 0.0)
        i, up = _cell(grid.never, q)
        j, across = _cell(grid.tired, r)
        reward = beliefs[:, 0] * streaks.reward[k, 0] + beliefs[:, 1:].sum(1) * streaks.reward[k, 1]
        node = (len(grid.tired) * i + j).astype(np.int32)
        return cls(reward, mass, node, up, across)


def _cell(
    grid: NDArray[np.float64], x: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The step of a grid in which a number lies, and how far along."""
    i = np.clip(np.searchsorted(grid, x, side="right") - 1, 0, len(grid) - 2)
    return i, np.clip((x - grid[i]) / (grid[i + 1] - grid[i]), 0.0, 1.0)


def both_sides(
    fit: NDArray[np.float64], kinds: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """P(suited) of a persona at shares of kinds, shape (B, kinds), and the shares if it suited and
    if it did not, F and N, of the same shape."""
    suits = kinds @ fit
    sides = []
    for part, whole in ((kinds * fit, suits), (kinds * (1.0 - fit), 1.0 - suits)):
        whole = whole[:, None]
        sides.append(np.where(whole > 0.0, part / np.where(whole > 0.0, whole, 1.0), kinds))
    return suits, sides[0], sides[1]
