"""Closer bounds for several kinds of user, as close as is asked for, and the plans to act by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .kind_bounds import KindBounds
from .kinds_search import search_kinds
from .turns import Turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .kinds_problem import KindsProblem
    from .kinds_search import KindsFound, Watch
    from .plans import Archive


def close_kinds(problem: KindsProblem, *, watch: Watch, work: float) -> KindBounds:
    """Bound the optimal value from both sides.

    Args:
        problem: kinds of user and personas.
        watch: told of every round of the search.
        work: stop after about so many multiplications.
    """
    turns, kinds = Turns.of(problem), problem.weights / problem.weights.sum()
    found = search_kinds(turns, kinds, watch=watch, work=work)
    vectors, actions = _in_use(found, turns)
    return KindBounds(
        lower=found.lower,
        upper=found.upper,
        vectors=vectors,
        actions=actions,
        first=int(found.search.archive.persona[found.root]),
        trials=found.rounds,
        work=found.work,
    )


def _in_use(found: KindsFound, turns: Turns) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Plans that may continue the start's plan, as in `KindBounds`.

    The set contains the plans that continue each of its own, so acting by the best of them at every
    turn is worth at least as much as the start's plan.
    """
    n_k, size = turns.reward.shape
    archive, length = found.search.archive, turns.length
    after: dict[int, set[int]] = {}
    _follow(found.search.archive, found.root, after)
    used: list[list[list[int]]] = []
    for turn in range(1, length):
        here, after = after, {}
        # a persona that cannot be current yet still needs some plans: those that keep it
        used.append([sorted(here.get(k, ())) or [_habit(turns, k, turn)] for k in range(n_k)])
        for names in here.values():
            for name in names:
                _follow(archive, name, after)
    most = max((len(names) for row in used for names in row), default=1)
    n_states = 2 * len(turns.keeps)
    vectors = np.zeros((length, n_k, most, size // 2, n_states))
    actions = np.zeros((length, n_k, most), dtype=np.int64)
    for turn in range(1, length):
        for k in range(n_k):
            some = np.resize(np.array(used[turn - 1][k]), most)
            vectors[turn, k] = _before_pick(turns, k, archive.persona[some], archive.values[some])
            actions[turn, k] = archive.persona[some]
    if length > 1:
        vectors[0], actions[0] = vectors[1], actions[1]
    else:
        actions[0] = np.arange(n_k)[:, None]
    return vectors, actions


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
