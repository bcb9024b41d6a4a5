"""Bounds for several kinds of user, as close as is asked for, and the plans to act by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .kinds_search import search_kinds
from .streak_search import search_streaks
from .streaks import Streaks
from .turns import Turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .kinds_problem import KindsProblem
    from .kinds_search import KindsFound, Watch
    from .plans import Archive


@dataclass(frozen=True, eq=False)
class KindBounds:
    """Bounds on the optimum, and the plans that attain the lower one.

    Attributes:
        lower, upper: enclose the optimal value.
        vectors: value of each plan before the pick of its turn, shape (P, kinds, states).
        actions: first persona of each plan, shape (P,).
        places: first and last + 1 of the plans of a turn and current persona, shape (T, K, 2).
            Before the first turn there is only `first`; its row repeats that of the second turn.
        first: persona to begin with.
        rounds, work: of the search, and multiplications.
    """

    lower: float
    upper: float
    vectors: NDArray[np.float64]
    actions: NDArray[np.int64]
    places: NDArray[np.int64]
    first: int
    rounds: int
    work: int


def close_kinds(problem: KindsProblem, *, watch: Watch, work: float) -> KindBounds:
    """Bound the optimal value from both sides.

    Args:
        problem: kinds of user and personas.
        watch: told of every round of the search.
        work: stop after about so many multiplications.
    """
    turns, found = Turns.of(problem), search_for(problem, watch=watch, work=work)
    vectors, actions, places = _in_use(found, turns)
    return KindBounds(
        lower=found.lower,
        # they may meet but for rounding
        upper=max(found.upper, found.lower),
        vectors=vectors,
        actions=actions,
        places=places,
        first=int(found.search.archive.persona[found.root]),
        rounds=found.rounds,
        work=found.work,
    )


def search_for(problem: KindsProblem, *, watch: Watch, work: float) -> KindsFound:
    """The search that serves these kinds of user; see `close_kinds`."""
    turns, kinds = Turns.of(problem), problem.weights / problem.weights.sum()
    streaks = Streaks.of(turns)
    if streaks is None:
        return search_kinds(turns, kinds, watch=watch, work=work)
    return search_streaks(turns, streaks, kinds, watch=watch, work=work)


def _in_use(
    found: KindsFound, turns: Turns
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Plans that may continue the start's plan, as in `KindBounds`.

    The set contains the plans that continue each of its own, so acting by the best of them at every
    turn is worth at least as much as the start's plan.
    """
    n_k, size = turns.reward.shape
    archive, length = found.search.archive, turns.length
    after: dict[int, set[int]] = {}
    _follow(archive, found.root, after)
    # where nothing follows the first turn, plans that are worth nothing
    values = [np.zeros((n_k, size // 2, 2 * len(turns.keeps)))]
    actions, places, n = [np.arange(n_k)], np.zeros((length, n_k, 2), dtype=np.int64), n_k
    places[:] = np.stack([np.arange(n_k), np.arange(n_k) + 1], axis=1)
    for turn in range(1, length):
        here, after = after, {}
        for k in range(n_k):
            # a persona that cannot be current yet still needs some plans: those that keep it
            some = np.array(sorted(here.get(k, ())) or [_habit(turns, k, turn)])
            values.append(_before_pick(turns, k, archive.persona[some], archive.values[some]))
            actions.append(archive.persona[some])
            places[turn, k] = n, n + len(some)
            n += len(some)
        for names in here.values():
            for name in names:
                _follow(archive, name, after)
    if length > 1:
        places[0] = places[1]
    return np.concatenate(values), np.concatenate(actions), places


def _follow(archive: Archive, name: int, after: dict[int, set[int]]) -> None:
    """Add the plans that continue a plan, by the persona that is current then."""
    places = archive.follow[archive.first[name] : archive.first[name + 1]]
    after.setdefault(int(archive.persona[name]), set()).update(places.tolist())


def _habit(turns: Turns, k: int, turn: int) -> int:
    """Number of the plan that keeps persona k from a turn on: the first ones in the archive."""
    return k * turns.length + turns.length - 1 - turn


def _before_pick(
    turns: Turns, current: int, personas: NDArray[np.int64], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Values of plans before the pick, shape (P, kinds, states), from those in the turn, shape (P,
    D), and their personas."""
    moods = values.reshape(len(values), -1, 2)
    fresh = turns.fresh[personas]
    begun = fresh * moods[:, :, 0] + (1.0 - fresh) * moods[:, :, 1]
    swaps = (personas != current)[:, None, None]
    entered = np.where(swaps, begun[:, :, None], moods)
    kept = [keep[personas][:, None, None] * entered for keep in turns.keeps]
    return np.asarray(np.concatenate(kept, axis=2) - turns.swap_cost * swaps)
