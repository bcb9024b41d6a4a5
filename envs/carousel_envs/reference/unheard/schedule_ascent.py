"""Good schedules for a crowd of users, found by trying all or by ascent."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit, part
from ...compiled.copying import copy_vector
from ...compiled.rng import mix64
from .schedule_values import enact, schedule_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model

_U = np.uint64

# Schedules are enumerated up to the first number; else the second number of them is improved, and
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

    Where there are few schedules, all are tried, and the best is the optimum. Else the given
    candidates and periodic schedules (the best j personas in turn, n turns each) are compared, and
    the best few are improved by ascent. The best of these is disturbed at random and improved
    again, many times (iterated local search: Lourenço, Martin and Stützle 2003). `work` limits the
    number of simulated turns.
    """
    present, length = np.flatnonzero(mask), model.length
    # turns simulated to evaluate one schedule
    n_kinds = int(np.count_nonzero(weights))
    each = length * n_kinds * (model.n_actions if model.has_satiation else 1)
    if len(present) ** length <= min(_FEW, work / each):
        every = itertools.product(present.tolist(), repeat=length)
        best = max((np.array(s) for s in every), key=lambda s: schedule_value(model, s, weights))
        return schedule_value(model, best, weights), best
    most = int(np.clip(work / 10 / each / len(present), 4, length))
    constant, *cycles = _periodic(model, present, weights, most)
    starts = [constant, *candidates, *cycles]
    starts.sort(key=lambda s: -schedule_value(model, s, weights))
    # a pass tries every move at every turn
    affordable = work / each / length / len(present) ** 2
    passes = int(np.clip(affordable / _ASCENTS, 0, 20))
    users = model.kernel_users._replace(weights=weights)
    found = []
    for start in starts[:_ASCENTS]:
        schedule = start.astype(np.int64)
        value = _ascend(schedule, present, users, passes)
        found.append((float(value), schedule))
    value, best = max(found, key=lambda one: one[0])
    if len(present) > 1:
        # an ascent after a kick takes about three passes, and all of them together less than a
        # tenth of the work
        kicks = int(np.clip(affordable / 40, 0, _KICKS))
        value = _kicked(best, present, users, passes, kicks)
    return float(value), best


def _periodic(
    model: Model, present: NDArray[np.int64], weights: NDArray[np.float64], most: int
) -> list[NDArray[np.int64]]:
    """The best persona alone, then the best j in turn, n turns each, for every j and at most `most`
    run lengths n."""
    length = model.length
    alone = [schedule_value(model, np.full(length, k), weights) for k in present]
    order = present[np.argsort(alone)[::-1]]
    turns = np.arange(length)
    runs = np.unique(np.geomspace(1, length, most).astype(np.int64)) if length > most else turns + 1
    cycles = [order[(turns // n) % j] for j in range(2, len(order) + 1) for n in runs]
    return [np.full(length, order[0]), *cycles]


@njit
def _ascend(schedule, present, users, passes):  # type: ignore[no-untyped-def]
    """Apply the moves of `_moved` to a schedule in place while they help; returns its value."""
    best = enact(schedule, users)
    trial = schedule.copy()
    n_k = present.shape[0]
    for _ in range(passes):
        before = best
        for t in range(schedule.shape[0]):
            for move in range(2 * n_k + n_k * n_k):
                if _moved(schedule, t, move, present, trial):
                    value = enact(trial, users)
                    if value > best + 1e-12:
                        best = value
                        copy_vector(trial, schedule)
        if best <= before + 1e-12:
            break
    return best


@njit
def _kicked(schedule, present, users, passes, kicks):  # type: ignore[no-untyped-def]
    """Improve a schedule in place: draw a few turns anew, ascend, and keep what is no worse, until
    nothing helps any more; returns its value."""
    best, now = enact(schedule, users), schedule.copy()
    here, helped = best, 0
    trial = schedule.copy()
    for kick in range(kicks):
        if kick - helped >= _PATIENCE * schedule.shape[0]:
            break
        copy_vector(now, trial)
        word = mix64(_U(kick) + _U(1))
        first = np.int64(word % _U(trial.shape[0]))
        turns = 2 + np.int64((word >> _U(20)) % _U(6))
        for t in range(first, min(first + turns, trial.shape[0])):
            draw = mix64(word + _U(t + 1)) % _U(present.shape[0])
            trial[t] = present[np.int64(draw)]
        value = _ascend(trial, present, users, passes)
        if value >= here - 1e-12:
            here = value
            copy_vector(trial, now)
        if value > best + 1e-12:
            best, helped = value, kick
            copy_vector(trial, schedule)
    return best


@part
def _moved(schedule, t, move, present, trial):  # type: ignore[no-untyped-def]
    """Write a neighbouring schedule to `trial`; returns whether the move is one to try.

    Moves 0 to K - 1 set turn t; K to 2 K - 1 set the run of one persona that begins at t; the
    others exchange two personas from t on.
    """
    length, n_k = schedule.shape[0], present.shape[0]
    copy_vector(schedule, trial)
    if move < 2 * n_k:
        end = t + 1
        while move >= n_k and end < length and schedule[end] == schedule[t]:
            end += 1
        trial[t:end] = present[move % n_k]
        return True
    one = present[(move - 2 * n_k) // n_k]
    other = present[(move - 2 * n_k) % n_k]
    if one >= other:
        return False
    for u in range(t, length):
        if schedule[u] == one:
            trial[u] = other
        elif schedule[u] == other:
            trial[u] = one
    return True
