"""Exact values of schedules.

A schedule is a router that ignores feedback, and it turns the session into a Markov chain: for each
kind of user, satiation is a known function of the schedule and the mood is a two-state chain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...compiled.compiler import njit, part
from ...compiled.copying import copy_vector
from ...users.table import UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model


@njit
def enact(schedule, users):  # type: ignore[no-untyped-def]
    """Value of a schedule, summed over kinds of user by `users.weights`."""
    return enact_from(schedule, 0, users, states_before(schedule, users), False)


@part
def states_before(schedule, users):  # type: ignore[no-untyped-def]
    """Room for what the turns before each turn lead to for each kind, shape (kinds, T + 1, 5 + K),
    filled in for the first: mass that is fresh and bored, the part of these two that has just said
    goodbye, the value so far, and the satiation with each persona."""
    n_kinds, n_k = users.fit.shape
    states = np.zeros((n_kinds, schedule.shape[0] + 1, 5 + n_k))
    for a in range(n_kinds):
        states[a, 0, 0] = 1.0
    return states


@part
def enact_from(schedule, first, users, states, keep):  # type: ignore[no-untyped-def]
    """As `enact`, from turn `first` on, where `states` hold what the turns before it lead to; with
    `keep`, states after it are written as well."""
    total = 0.0
    for a in range(users.fit.shape[0]):
        if users.weights[a] != 0.0:
            total += users.weights[a] * _enact_for(schedule, first, users, a, states, keep)
    return total


@part
def _enact_for(schedule, first, users, a, states, keep):  # type: ignore[no-untyped-def]
    """Value of a schedule for kind a."""
    state = states[a, first]
    fresh, bored, fresh_goes, bored_goes, value = state[0], state[1], state[2], state[3], state[4]
    satiation = state[5:].copy()
    satiates = False
    for k in range(users.gain.shape[1]):
        satiates = satiates or users.gain[a, k] > 0.0
    for t in range(first, schedule.shape[0]):
        k = schedule[t]
        fit, hazard = users.fit[a, k], users.hazard[a, k]
        if t == 0 or k != schedule[t - 1]:
            mass = fresh + bored
            fresh, bored = mass * fit, mass * (1.0 - fit)
            mass = fresh_goes + bored_goes
            fresh_goes, bored_goes = mass * fit, mass * (1.0 - fit)
            if t > 0:
                value -= (fresh + bored) * users.swap_cost
        fresh -= fresh_goes * (1.0 - users.hook[k])
        bored -= bored_goes * (1.0 - users.hook[k])
        value += (fresh + bored) * users.pays[k]
        lost = users.gain[a, k] * satiation[k] * UNIT
        value += fresh * np.rint(max(users.engagement[a, k, 0] * UNIT - lost, 0.0)) / UNIT
        value += bored * np.rint(max(users.engagement[a, k, 1] * UNIT - lost, 0.0)) / UNIT
        fresh *= 1.0 - users.leave[a, 0]
        bored *= 1.0 - users.leave[a, 1]
        fresh_goes = fresh * users.farewell[a, 0]
        bored_goes = bored * users.farewell[a, 1] + fresh_goes * hazard
        fresh_goes *= 1.0 - hazard
        moved = fresh * hazard
        fresh -= moved
        bored += moved
        if satiates:
            satiation[k] += 1.0
            for j in range(satiation.shape[0]):
                satiation[j] *= users.memory[a]
        if keep:
            state = states[a, t + 1]
            state[0], state[1], state[2], state[3] = fresh, bored, fresh_goes, bored_goes
            state[4] = value
            copy_vector(satiation, state[5:])
    return value


def schedule_value(
    model: Model, schedule: NDArray[np.integer], weights: NDArray[np.float64] | None = None
) -> float:
    """Value of enacting schedule[t] at turn t, shape (T,), for users to whom all of its personas
    are available.

    `weights` over kinds of user, shape (types,), default to the population's.
    """
    return float(enact(np.asarray(schedule, dtype=np.int64), model.weighed(weights)))


def fixed_values(model: Model) -> NDArray[np.float64]:
    """Value of always picking persona k, averaged over users, shape (K,).

    Where k is unavailable, the next available persona is enacted throughout the session.
    """
    total = np.zeros(model.n_actions)
    for j, mask in enumerate(model.masks):
        for k, persona in enumerate(model.first_picks(mask)):
            schedule = np.full(model.length, persona)
            total[k] += schedule_value(model, schedule, model.joint[:, j])
    return total
