"""Good schedules for a crowd of users, found by trying all or by ascent."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit, part
from ...compiled.copying import copy_vector
from ...compiled.rng import mixed
from .mood_ascent import ascend_moods
from .schedule_values import enact_from, schedule_value, states_before

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ..model import Model

_U = np.uint64

# Schedules are enumerated up to the first number; else the second number of starts is improved, and
# the best of these is disturbed and improved again, at most so many times.
_FEW, _ASCENTS, _KICKS = 5_000, 3, 400
# Kicks in a row that may be of no use, per turn of the schedule.
_PATIENCE = 10


def best_schedule(
    model: Model,
    mask: NDArray[np.bool_],
    weights: NDArray[np.float64],
    candidates: tuple[NDArray[np.int64], ...] = (),
    work: float = 1e10,
) -> tuple[float, NDArray[np.int64]]:
    """A good open-loop schedule and its exact value (weights as in `schedule_value`).

    Where there are few schedules, all are tried, and the best is the optimum. Else periodic
    schedules (the best j personas in turn, n turns each) are compared, and the best few are
    improved by ascent. The best of these is disturbed at random and improved again, many times
    (iterated local search: Lourenço, Martin and Stützle 2003). Then the same is done from the given
    candidates where they lead further; so they can only help. `work` limits the simulated turns of
    each of the two.
    """
    present, length = np.flatnonzero(mask), model.length
    # turns simulated to evaluate one schedule
    n_kinds = int(np.count_nonzero(weights))
    each = length * n_kinds * (model.n_actions if model.has_satiation else 1)
    if len(present) ** length <= min(_FEW, work / each):
        every = itertools.product(present.tolist(), repeat=length)
        best = max((np.array(s) for s in every), key=lambda s: schedule_value(model, s, weights))
        return schedule_value(model, best, weights), best
    # by what they are worth alone, so that it makes no difference who sits in which slot
    alone = [schedule_value(model, np.full(length, k), weights) for k in present]
    present = present[np.argsort(alone)[::-1]]
    most = int(np.clip(work / 10 / each / len(present), 4, length))
    periodic = _periodic(present, length, most)
    # a pass tries every move at every turn
    affordable = work / each / length / len(present) ** 2
    passes = int(np.clip(affordable / _ASCENTS, 0, 20))
    # an ascent after a kick takes about three passes, and all of them together less than a tenth
    # of the work
    kicks = int(np.clip(affordable / 40, 0, _KICKS)) if len(present) > 1 else 0
    users = model.weighed(weights)

    climb = _ascend if model.has_satiation else ascend_moods

    def ascend(schedule: NDArray[np.int64]) -> float:
        return float(climb(schedule, present, users, passes))

    value, best = -np.inf, periodic[0]
    # apart, as a candidate that begins well may hide what leads further
    for starts in (periodic, list(candidates)):
        starts.sort(key=lambda s: -schedule_value(model, s, weights))
        improved = [start.astype(np.int64) for start in starts[:_ASCENTS]]
        ascended = [(ascend(schedule), schedule) for schedule in improved]
        here, schedule = max(ascended, key=lambda pair: pair[0], default=(value, best))
        if here > value + 1e-12:
            value, best = _kicked(here, schedule, present, kicks, ascend)
    return value, best


def _periodic(order: NDArray[np.int64], length: int, most: int) -> list[NDArray[np.int64]]:
    """The best persona alone, then the best j in turn, n turns each, for every j and at most `most`
    run lengths n; `order` begins with the best."""
    turns = np.arange(length)
    runs = np.unique(np.geomspace(1, length, most).astype(np.int64)) if length > most else turns + 1
    cycles = [order[(turns // n) % j] for j in range(2, len(order) + 1) for n in runs]
    return [np.full(length, order[0]), *cycles]


@njit
def _ascend(schedule, present, users, passes):  # type: ignore[no-untyped-def]
    """Apply the moves of `_moved` to a schedule in place while they help; returns its value."""
    states = states_before(schedule, users)
    best = enact_from(schedule, 0, users, states, True)
    trial = schedule.copy()
    n_k = present.shape[0]
    for _ in range(passes):
        before = best
        for t in range(schedule.shape[0]):
            for move in range(2 * n_k + n_k * n_k):
                if _moved(schedule, t, move, present, trial):
                    # turns before t are the same, and so is what they lead to
                    value = enact_from(trial, t, users, states, False)
                    if value > best + 1e-12:
                        best = enact_from(trial, t, users, states, True)
                        copy_vector(trial, schedule)
        if best <= before + 1e-12:
            break
    return best


def _kicked(
    value: float,
    schedule: NDArray[np.int64],
    present: NDArray[np.int64],
    kicks: int,
    ascend: Callable[[NDArray[np.int64]], float],
) -> tuple[float, NDArray[np.int64]]:
    """The best schedule after kicks, with its value: draw a few turns anew, ascend, and go on from
    there unless it is worse, until nothing helps any more."""
    best, now = schedule, schedule
    here, helped = value, 0
    for kick in range(kicks):
        if kick - helped >= _PATIENCE * len(schedule):
            break
        (word,) = mixed(np.array([kick + 1], dtype=np.uint64))
        first, n_turns = int(word % _U(len(schedule))), 2 + int((word >> _U(20)) % _U(6))
        turns = np.arange(first, min(first + n_turns, len(schedule)))
        draws = mixed(word + (turns + 1).astype(np.uint64)) % _U(len(present))
        trial = now.copy()
        trial[turns] = present[draws.astype(np.int64)]
        found = ascend(trial)
        if found >= here - 1e-12:
            here, now = found, trial
        if found > value + 1e-12:
            value, best, helped = found, trial, kick
    return value, best


@part
def _moved(schedule, t, move, present, trial):  # type: ignore[no-untyped-def]
    """Write a neighbouring schedule to `trial`; returns whether it is another one, and not one that
    an earlier move at this turn led to.

    Moves 0 to K - 1 set turn t; K to 2 K - 1 set the run of one persona that begins at t; the
    others exchange two personas from t on.
    """
    length, n_k = schedule.shape[0], present.shape[0]
    copy_vector(schedule, trial)
    if move < 2 * n_k:
        end = t + 1
        while move >= n_k and end < length and schedule[end] == schedule[t]:
            end += 1
        persona = present[move % n_k]
        trial[t:end] = persona
        return persona != schedule[t] and (move < n_k or end > t + 1)
    i, j = (move - 2 * n_k) // n_k, (move - 2 * n_k) % n_k
    if i >= j:
        return False
    one, other = present[i], present[j]
    exchanged = False
    for u in range(t, length):
        if schedule[u] == one:
            trial[u] = other
            exchanged = True
        elif schedule[u] == other:
            trial[u] = one
            exchanged = True
    return exchanged
