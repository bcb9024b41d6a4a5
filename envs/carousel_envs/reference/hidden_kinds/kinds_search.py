"""Bounds on the optimum with several hidden kinds of user, closed by sampled beliefs.

Rounds alternate between walks to where the bounds are far apart (`walks.trials`) and sessions
played by both bounds' routers, whose beliefs a sweep from the last turn to the first backs up. In a
finite session one sweep carries what is learned at its end to its beginning (point-based value
iteration: Pineau, Gordon & Thrun 2003; both bounds: Smith & Simmons 2005). Most beliefs get a plan
and few a point, since a plan takes a fifth of the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from .hearing import Room, Search
from .known_kinds import known_kind_values, mood_grid
from .mixtures import Points, Scratch
from .plans import Archive, Plans
from .turn_backups import LINKS
from .walks import play_round

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .streak_bound import StreakBound
    from .turns import Turns

_GRID, _EVERY = 65, 8
"""Points on [0, 1] of the router that knows the kind, and which of them become points above."""
_LEAST = 4e-5
"""Improvement that a plan or point must bring, and tolerance of chords, as a share of what the
router that knows the kind earns."""
_STALLED = 0.9
"""Share of the gap that is left by a round after which smaller improvements are made, too."""
_NODES = 6
_SEED = 20
_WALKS = (20, 60)
"""Walks of the first round whose beliefs get points and plans, and plans alone. Every round doubles
them."""
_TRIALS = 50
_NUMBERS = 1 << 22
"""Numbers in all points, and in all plans, at most."""
_ROOM = 512
"""Points, and plans, of a turn and persona at most."""


class Watch(Protocol):
    """Who is told of a search."""

    def ended(self, lower: float, upper: float) -> bool:
        """Told of a round's bounds; whether it was the last."""

    def interrupted(self) -> None:
        """Told that somebody wants an end."""


@dataclass(frozen=True, eq=False)
class KindsFound:
    """Result of a search.

    Attributes:
        lower, upper: enclose the optimal value at the start.
        search: both bounds.
        root: number of the start's best plan in the archive.
        rounds, work: that were played, and multiplications.
        above: the upper bound, where it goes from swap to swap.
    """

    lower: float
    upper: float
    search: Search
    root: int
    rounds: int
    work: int
    above: StreakBound | None = None


def opened(turns: Turns, *, above: bool = True) -> tuple[Search, int]:
    """A search without plans, whose points are those of the router that knows the kind, and how
    many of them there are; without `above` there is no upper bound."""
    n_k, size = turns.reward.shape
    length, n_kinds = turns.length, size // 2
    grid = mood_grid(_GRID)
    few = np.arange(0, _GRID, _EVERY)
    fixed = n_kinds * len(few)
    room = fixed + int(np.clip(_NUMBERS // (length * n_k * size), 32, _ROOM))
    begins = np.zeros((length, n_k, n_kinds))
    stay_points = Points.of(length, n_k, size, room if above else 1, grid[few])
    swap_points = Points.of(length, n_k, n_kinds, n_kinds + (room if above else 0), np.zeros(1))
    if above:
        stays = np.zeros((length, n_k, n_kinds, _GRID))
        known_kind_values(turns, grid, stays, begins)
        for a in range(n_kinds):
            at = slice(a * len(few), (a + 1) * len(few))
            stay_points.beliefs[:, :, 2 * a, at] = 1.0 - grid[few]
            stay_points.beliefs[:, :, 2 * a + 1, at] = grid[few]
            stay_points.values[:, :, at] = stays[:, :, a, few]
        stay_points.used[:] = fixed
        swap_points.beliefs[:, :, :, :n_kinds] = np.eye(n_kinds)
        swap_points.values[:, :, :n_kinds] = begins
        swap_points.used[:] = n_kinds
    kept = min(length * n_k * room, 1 << 17)
    most = float(np.abs(begins[0]).max()) if above else length * float(np.abs(turns.reward).max())
    least = _LEAST * most
    search = Search(
        turns=turns,
        stay_points=stay_points,
        swap_points=swap_points,
        stay_plans=Plans.of(length, n_k, size, room),
        swap_plans=Plans.of(length, n_k, n_kinds, room),
        archive=Archive.of(size, kept + length * n_k, 24 * kept + 2 * LINKS),
        least=np.full(2, least),
        bounds=np.array([-np.inf, np.inf]),
        room=_scratch(turns, room),
    )
    return search, fixed


def _scratch(turns: Turns, room: int) -> Room:
    n_k, size = turns.reward.shape
    plans = n_k * room
    return Room(
        stay=Scratch.of(size, room),
        swap=Scratch.of(size // 2, room + size // 2),
        belief=np.empty(size),
        tangent=np.empty(size),
        kinds=np.empty(size // 2),
        ends=np.empty((2, size)),
        spans=np.empty((len(turns.odds) + 2, 8)),
        lines=np.empty((2, plans)),
        places=np.zeros((2, plans), dtype=np.int64),
    )


def search_kinds(
    turns: Turns,
    kinds: NDArray[np.float64],
    *,
    watch: Watch,
    work: float,
) -> KindsFound:
    """Enclose the optimal value. Unless `watch` looks at the clock nothing does: the same problem
    gives the same figures.

    Args:
        turns: the problem.
        kinds: shares at the start, shape (kinds,).
        watch: told of every round.
        work: multiplications after which no round begins that would exceed them, roughly; the first
            round is the smaller, the fewer they are.
    """
    search, fixed = opened(turns)
    draws = np.random.default_rng(_SEED)
    spent = search.room.stay.spent, search.room.swap.spent
    walks, bounds = Walks.room(turns, 0), search.bounds
    size, number, done, gap = _first_size(turns, fixed, work), 0, 0.0, np.inf
    rounds = 0
    while True:
        rounds += 1
        many = max(int(_TRIALS * size), 4)
        both, alone = (max(int(some * size), 2) for some in _WALKS)
        walks = walks.and_more(turns, both + alone)
        drawn = draws.random((both + alone, turns.length, 3))
        told = (walks.beliefs, walks.personas, walks.begins, drawn)
        try:
            play_round(search, kinds, number, many, _NODES, told, both + alone, both, fixed)
        except KeyboardInterrupt:
            # compiled code ends first, so the round is complete
            watch.interrupted()
        before, done = done, float(sum(part[0] for part in spent))
        lower, upper = map(float, bounds)
        if watch.ended(lower, upper) or done + 2.5 * (done - before) > work:
            break
        if upper - lower > _STALLED * gap:
            search.least[:] /= 4.0
        gap, number, size = upper - lower, number + many, 2.0 * size
    return KindsFound(lower, upper, search, root_of(search, kinds), rounds, int(done))


def _first_size(turns: Turns, fixed: int, work: float) -> float:
    """Size of the first round, as a share of the constants: a fortieth of the work, by a rough
    count, since five rounds cost forty times the first."""
    size = turns.reward.shape[1]
    backup = 6.0 * turns.heard.shape[1] * size**2 * (fixed + 30)
    return float(np.clip(work / 40.0 / (3.0 * _WALKS[0] * turns.length * backup), 0.1, 1.0))


def root_of(search: Search, kinds: NDArray[np.float64]) -> int:
    """Number of the best plan to begin with."""
    plans = search.swap_plans
    worth = [kinds @ plans.values[0, k, :, : plans.used[0, k]] for k in range(len(plans.used[0]))]
    k = int(np.argmax([values.max() for values in worth]))
    return int(plans.names[0, k, int(worth[k].argmax())])


@dataclass(frozen=True, eq=False)
class Walks:
    """Sessions that were played in a search.

    Attributes:
        beliefs: over (kind, mood in the turn), shape (N, T, D).
        personas, begins: of each turn, and whether they take over in it, shape (N, T).
    """

    beliefs: NDArray[np.float64]
    personas: NDArray[np.int64]
    begins: NDArray[np.bool_]

    @classmethod
    def room(cls, turns: Turns, n: int) -> Walks:
        """Room for so many."""
        shape = (n, turns.length)
        beliefs = np.zeros((*shape, turns.reward.shape[1]))
        return cls(beliefs, np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.bool_))

    def and_more(self, turns: Turns, new: int) -> Walks:
        """These, and room for so many new ones."""
        more = Walks.room(turns, new)
        return Walks(
            np.concatenate([self.beliefs, more.beliefs]),
            np.concatenate([self.personas, more.personas]),
            np.concatenate([self.begins, more.begins]),
        )
