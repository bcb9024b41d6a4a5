"""Ascent of schedules for users who do not satiate.

What a schedule is worth from a turn on is linear in what the turns before have led to: the mass of
each kind that is fresh, bored, fresh and has just said goodbye, bored and has just said it. These
vectors are kept for the schedule and for all exchanges of two personas in it, so a neighbour costs
a few multiplications instead of a session.
"""

from __future__ import annotations

import numpy as np

from ...compiled.compiler import njit, part


@part
def _turn(users, a, k, ahead, first, stay, swap):  # type: ignore[no-untyped-def]
    """Write the values of a turn with persona k for kind a by what was before it, shape (4,), if k
    stays and if it takes over; `ahead` are those of the next turn."""
    fit, hazard, goes = users.fit[a, k], users.hazard[a, k], 1.0 - users.hook[k]
    still = (1.0 - hazard) * ahead[0] + hazard * ahead[1]
    said = (1.0 - hazard) * ahead[2] + hazard * ahead[3]
    fresh = users.pays[k] + users.engagement[a, k, 0]
    fresh += (1.0 - users.leave[a, 0]) * (still + users.farewell[a, 0] * said)
    bored = users.pays[k] + users.engagement[a, k, 1]
    bored += (1.0 - users.leave[a, 1]) * (ahead[1] + users.farewell[a, 1] * ahead[3])
    stay[0], stay[1], stay[2], stay[3] = fresh, bored, -goes * fresh, -goes * bored
    begun = fit * fresh + (1.0 - fit) * bored
    swap[0] = swap[1] = begun - (0.0 if first else users.swap_cost)
    swap[2] = swap[3] = -goes * begun


@part
def _look_back(schedule, begin, end, present, users, worth):  # type: ignore[no-untyped-def]
    """Write the values of turns `begin` to `end` - 1, from the last one back.

    `worth` has shape (exchanges + 1, T + 1, kinds, 2, 4): of the schedule as it is, then with two
    of the present personas exchanged; if the persona stays, and if it takes over.
    """
    length, n_k = schedule.shape[0], present.shape[0]
    for t in range(end - 1, begin - 1, -1):
        follows = 1 if t + 1 == length or schedule[t + 1] != schedule[t] else 0
        which = 0
        for i in range(-1, n_k):
            for j in range(i + 1, n_k if i >= 0 else 1):
                k = schedule[t]
                if i >= 0 and k == present[i]:
                    k = present[j]
                elif i >= 0 and k == present[j]:
                    k = present[i]
                for a in range(users.fit.shape[0]):
                    here, ahead = worth[which, t, a], worth[which, t + 1, a, follows]
                    _turn(users, a, k, ahead, t == 0, here[0], here[1])
                which += 1


@part
def _value(states, worth):  # type: ignore[no-untyped-def]
    """What follows, given what was before, shape (kinds, 4), each kind weighed."""
    total = 0.0
    for a in range(states.shape[0]):
        for i in range(4):
            total += states[a, i] * worth[a, i]
    return total


@part
def _run_value(schedule, t, end, k, users, states, worth, ahead, here):  # type: ignore[no-untyped-def]
    """The value from turn t on if persona k speaks until turn `end`, and then the schedule goes
    on."""
    total, length = 0.0, schedule.shape[0]
    follows = 1 if end == length or schedule[end] != k else 0
    takes_over = 1 if t == 0 or schedule[t - 1] != k else 0
    for a in range(users.fit.shape[0]):
        for i in range(4):
            ahead[i] = worth[0, end, a, follows, i]
        for back in range(end - 1, t - 1, -1):
            _turn(users, a, k, ahead, back == 0, here[0], here[1])
            for i in range(4):
                ahead[i] = here[0, i]
        for i in range(4):
            total += states[a, i] * here[takes_over, i]
    return total


@part
def _play(users, k, takes_over, first, states):  # type: ignore[no-untyped-def]
    """Replace what was before a turn by what is after it; returns what the turn brings."""
    value = 0.0
    for a in range(users.fit.shape[0]):
        fresh, bored, fresh_goes, bored_goes = states[a]
        fit, hazard = users.fit[a, k], users.hazard[a, k]
        if takes_over:
            mass, goes = fresh + bored, fresh_goes + bored_goes
            value -= 0.0 if first else mass * users.swap_cost
            fresh, bored = mass * fit, mass * (1.0 - fit)
            fresh_goes, bored_goes = goes * fit, goes * (1.0 - fit)
        fresh -= fresh_goes * (1.0 - users.hook[k])
        bored -= bored_goes * (1.0 - users.hook[k])
        value += fresh * (users.pays[k] + users.engagement[a, k, 0])
        value += bored * (users.pays[k] + users.engagement[a, k, 1])
        fresh *= 1.0 - users.leave[a, 0]
        bored *= 1.0 - users.leave[a, 1]
        said = fresh * users.farewell[a, 0]
        states[a, 0], states[a, 1] = fresh * (1.0 - hazard), bored + fresh * hazard
        states[a, 2] = said * (1.0 - hazard)
        states[a, 3] = bored * users.farewell[a, 1] + said * hazard
    return value


@njit
def ascend_moods(schedule, present, users, passes):  # type: ignore[no-untyped-def]
    """Change a schedule in place while that helps; returns its value.

    Neighbours are those of `schedule_ascent._moved`: at each turn one persona in place of another,
    in that turn or in the run that begins there, or two personas exchanged from there on.
    """
    length, n_kinds, n_k = schedule.shape[0], users.fit.shape[0], present.shape[0]
    worth = np.zeros((1 + n_k * (n_k - 1) // 2, length + 1, n_kinds, 2, 4))
    states, ahead, here = np.zeros((n_kinds, 4)), np.empty(4), np.empty((2, 4))
    best = 0.0
    for number in range(passes + 1):
        _look_back(schedule, 0, length, present, users, worth)
        states[:] = 0.0
        for a in range(n_kinds):
            states[a, 0] = users.weights[a]
        before, past = best, 0.0
        best = _value(states, worth[0, 0, :, 1])
        if number == passes or (number > 0 and best <= before + 1e-12):
            break
        before = best
        for t in range(length):
            for move in range(2 * n_k):
                k, end = present[move % n_k], t + 1
                while move >= n_k and end < length and schedule[end] == schedule[t]:
                    end += 1
                if k == schedule[t] or (move >= n_k and end == t + 1):
                    continue
                value = _run_value(schedule, t, end, k, users, states, worth, ahead, here)
                if past + value > best + 1e-12:
                    best = past + value
                    for u in range(t, end):
                        schedule[u] = k
                    _look_back(schedule, t, end, present, users, worth)
            which = 0
            for i in range(n_k):
                for j in range(i + 1, n_k):
                    which += 1
                    one, other, k = present[i], present[j], schedule[t]
                    k = other if k == one else one if k == other else k
                    takes_over = 1 if t == 0 or schedule[t - 1] != k else 0
                    value = _value(states, worth[which, t, :, takes_over])
                    if past + value <= best + 1e-12:
                        continue
                    best = past + value
                    for u in range(t, length):
                        if schedule[u] == one:
                            schedule[u] = other
                        elif schedule[u] == other:
                            schedule[u] = one
                    _look_back(schedule, t, length, present, users, worth)
            takes_over = t == 0 or schedule[t] != schedule[t - 1]
            past += _play(users, schedule[t], takes_over, t == 0, states)
    return best
