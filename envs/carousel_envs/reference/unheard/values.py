"""Exact values where nobody listens: schedules and uniform choice.

A router that never listens turns the session into a Markov chain: given the kind of user, satiation
is a known function of the schedule and the mood a two-state chain.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit
from ...users.table import BORED, FRESH, UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model


# Schedules few enough to try them all; schedules that are improved where they are more.
_FEW, _ASCENTS = 5_000, 3


@njit
def _schedule_value(  # type: ignore[no-untyped-def]
    schedule, weights, fit, hazard, engagement, leave, farewell, gain, memory, hook, cost
):
    n_k = fit.shape[1]
    satiation = np.zeros(n_k)
    total = 0.0
    for a in range(fit.shape[0]):
        if weights[a] == 0.0:
            continue
        satiation[:] = 0.0
        fresh, bored = 1.0, 0.0
        # of these, they who have just said goodbye
        fresh_goes, bored_goes = 0.0, 0.0
        felt = gain[a].max() > 0.0
        value = 0.0
        for t in range(schedule.shape[0]):
            k = schedule[t]
            if t == 0 or k != schedule[t - 1]:
                mass = fresh + bored
                fresh, bored = mass * fit[a, k], mass * (1.0 - fit[a, k])
                mass = fresh_goes + bored_goes
                fresh_goes, bored_goes = mass * fit[a, k], mass * (1.0 - fit[a, k])
                if t > 0:
                    value -= (fresh + bored) * cost
            fresh -= fresh_goes * (1.0 - hook[k])
            bored -= bored_goes * (1.0 - hook[k])
            lost = gain[a, k] * satiation[k] * UNIT
            value += fresh * np.rint(max(engagement[a, k, 0] * UNIT - lost, 0.0)) / UNIT
            value += bored * np.rint(max(engagement[a, k, 1] * UNIT - lost, 0.0)) / UNIT
            fresh *= 1.0 - leave[a, 0]
            bored *= 1.0 - leave[a, 1]
            fresh_goes = fresh * farewell[a, 0]
            bored_goes = bored * farewell[a, 1] + fresh_goes * hazard[a, k]
            fresh_goes *= 1.0 - hazard[a, k]
            moved = fresh * hazard[a, k]
            fresh -= moved
            bored += moved
            if felt:
                satiation[k] += 1.0
                for j in range(n_k):
                    satiation[j] *= memory[a]
        total += weights[a] * value
    return total


@njit
def _improve(  # type: ignore[no-untyped-def]
    schedule,
    present,
    weights,
    fit,
    hazard,
    engagement,
    leave,
    farewell,
    gain,
    memory,
    hook,
    cost,
    passes,
):
    """Ascent: change one turn, or a run from a turn on, or exchange two personas from a turn on,
    while that helps."""
    length, n_k = schedule.shape[0], present.shape[0]
    best = _schedule_value(
        schedule, weights, fit, hazard, engagement, leave, farewell, gain, memory, hook, cost
    )
    trial = schedule.copy()
    # moves 0 to K - 1: a turn; K to 2 K - 1: a run; then pairs
    moves = 2 * n_k + n_k * n_k
    for _ in range(passes):
        before = best
        for t in range(length):
            for move in range(moves):
                trial[:] = schedule
                if move < 2 * n_k:
                    end = t + 1
                    while move >= n_k and end < length and schedule[end] == schedule[t]:
                        end += 1
                    trial[t:end] = present[move % n_k]
                else:
                    one = present[(move - 2 * n_k) // n_k]
                    other = present[(move - 2 * n_k) % n_k]
                    if one >= other:
                        continue
                    for u in range(t, length):
                        if schedule[u] == one:
                            trial[u] = other
                        elif schedule[u] == other:
                            trial[u] = one
                value = _schedule_value(
                    trial,
                    weights,
                    fit,
                    hazard,
                    engagement,
                    leave,
                    farewell,
                    gain,
                    memory,
                    hook,
                    cost,
                )
                if value > best + 1e-12:
                    best = value
                    schedule[:] = trial
        if best <= before + 1e-12:
            break
    return best


def schedule_value(
    model: Model, schedule: NDArray[np.integer], weights: NDArray[np.float64] | None = None
) -> float:
    """Value of enacting schedule[t] at turn t, shape (T,), for users who have all of its personas.

    `weights` over kinds of user, shape (types,), default to the population's.
    """
    return float(
        _schedule_value(
            np.asarray(schedule, dtype=np.int64),
            model.weights if weights is None else weights,
            model.fit,
            model.hazard,
            model.engagement,
            model.leave,
            model.farewell,
            model.gain,
            model.memory,
            model.hook,
            model.swap_cost,
        )
    )


def fixed_values(model: Model) -> NDArray[np.float64]:
    """Value of always picking persona k, averaged over users, shape (K,).

    Where k is unavailable the next available persona speaks, all session long.
    """
    total = np.zeros(model.n_actions)
    for j, mask in enumerate(model.masks):
        for k, speaker in enumerate(model.first_picks(mask)):
            schedule = np.full(model.length, speaker)
            total[k] += schedule_value(model, schedule, model.joint[:, j])
    return total


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
    the best few are improved by ascent; `work` limits how long, in turns played.
    """
    present, length = np.flatnonzero(mask), model.length
    # turns played to know the value of one schedule
    met = int(np.count_nonzero(weights))
    each = length * met * (model.n_actions if model.has_satiation else 1)
    if len(present) ** length <= min(_FEW, work / each):
        every = itertools.product(present.tolist(), repeat=length)
        best = max((np.array(s) for s in every), key=lambda s: schedule_value(model, s, weights))
        return schedule_value(model, best, weights), best
    alone = [schedule_value(model, np.full(length, k), weights) for k in present]
    order = present[np.argsort(alone)[::-1]]
    turns = np.arange(length)
    most = int(np.clip(work / 10 / each / len(order), 4, length))
    runs = np.unique(np.geomspace(1, length, most).astype(np.int64)) if length > most else turns + 1
    starts = [np.full(length, order[0]), *candidates]
    starts += [order[(turns // n) % j] for j in range(2, len(order) + 1) for n in runs]
    starts.sort(key=lambda s: -schedule_value(model, s, weights))
    passes = int(np.clip(work / each / length / len(present) ** 2 / _ASCENTS, 0, 20))
    found = []
    for start in starts[:_ASCENTS]:
        schedule = start.astype(np.int64)
        value = _improve(
            schedule,
            present,
            weights,
            model.fit,
            model.hazard,
            model.engagement,
            model.leave,
            model.farewell,
            model.gain,
            model.memory,
            model.hook,
            model.swap_cost,
            passes,
        )
        found.append((float(value), schedule))
    return max(found, key=lambda one: one[0])


def uniform_value(model: Model) -> float:
    """Value of picking an available persona uniformly at random every turn (no satiation)."""
    total = 0.0
    for j, mask in enumerate(model.masks):
        present, met = np.flatnonzero(mask), np.flatnonzero(model.joint[:, j])
        here = np.ix_(met, present)
        engagement, leave, farewell = model.engagement[here], model.leave[met], model.farewell[met]
        share = 1.0 / len(present)
        fit, hazard = model.fit[here], model.hazard[here]
        redrawn = np.stack([fit, 1.0 - fit], axis=2)
        alive = redrawn * share
        goes = np.zeros_like(alive)
        value = np.zeros(len(met))
        for t in range(model.length):
            if t > 0:
                value -= model.swap_cost * alive.sum(axis=(1, 2)) * (1.0 - share)
                alive, goes = (_spread_evenly(mass, share, redrawn) for mass in (alive, goes))
            alive = alive - goes * (1.0 - model.hook[present])[:, None]
            value += np.einsum("nkm,nkm->n", alive, engagement)
            alive = alive * (1.0 - leave)[:, None, :]
            goes = alive * farewell[:, None, :]
            for mass in (alive, goes):
                bored = mass[:, :, FRESH] * hazard
                mass[:, :, FRESH] -= bored
                mass[:, :, BORED] += bored
        total += float(model.joint[met, j] @ value)
    return total


def _spread_evenly(
    mass: NDArray[np.float64], share: float, redrawn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mass over (kind, persona, mood) after a uniform pick among personas; moods of newcomers."""
    here = mass.sum(axis=2)
    # arriving at a: everybody elsewhere, each with probability 1 / present
    arriving = (here.sum(axis=1)[:, None] - here) * share
    return np.asarray(mass * share + arriving[:, :, None] * redrawn)
