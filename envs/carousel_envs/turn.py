"""One turn of a block of lanes, as passes: looking up, drawing, reacting, reporting, showing.

Which bits decide what. Turn t (from 0) of an episode owns words 2t + 1 and 2t + 2 of its stream
(`rng.py`). The first is cut into four 16-bit draws: fit, engagement, leaving, boredom. The second,
from its low end: the joint cue symbol, whether the user says goodbye, whether a user who did is
kept. An event with probability p/65536 happens when its draw is below p, so what happens at a turn
never shifts the numbers of a later one: two routers that meet the same user meet the same luck.

What happens in which pass, in the order of `docs/model.md`: `look_up` settles the pick and gathers
what the turn depends on; `react` is the swap and the mood, goodbyes, engagement, leaving and
boredom; `report` writes reward and events; `show` writes the observation, the new state and
satiation. A lane whose session is over is played like the others, a turn that never was:
`session.step` begins a session there and overwrites all of it. What a population lacks is passed as
None and is not compiled.
"""

from __future__ import annotations

import numpy as np

from . import rng
from ._compile import njit
from .blocks import BLOCK, Scratch, copy, fill, memory, places, symbol, where
from .codes import KEPT, MOOD, PLAYED, REFUSED, SWAPPED, TERMINATED, TRUNCATED, UNMASKED
from .users import UNIT, VULNERABLE_BIT

_U, _I = np.uint64, np.int32
_MASK, _HALF = _U(0xFFFF), _U(0xFFFFFFFF)
_S16, _S32, _S48 = _U(16), _U(32), _U(48)
_SHORT, _SHORT_BITS = _I(0xFFFF), _I(16)

# Where each quantity of a block stands: in the words, in the integers, in the floats.
_FIRST, _SECOND, _MOVING = places(3)
(
    _PICK,
    _CURRENT,
    _REFUSED,
    _SWAPPED,
    _SEEN,
    _CHANCE,
    _ENGAGED,
    _LEAVES,
    _TRUNCATED,
    _ENDS,
    _TURN,
    _STREAK,
    _COLUMN,
    _INSIDE,
    _SAID,
    _HOOK,
    _KEPT,
    _GONE,
    LATER,
) = places(19)
_LOST, _WELFARE = places(2)
# Here four numbers a lane stand together, unlike elsewhere: what its user's row says of the pick,
# and behind all of these what it says of the user.
_OF_PICK, _OF_USER = _U(0), _U(4 * BLOCK)


def scratch() -> Scratch:
    """Memory for the passes over a block: words, integers, looked-up integers, floats."""
    return memory((3, np.uint64), (19, np.int32), (8, np.int32), (2, np.float64))


@njit
def _allowed(flags, pick, current, n_personas):  # type: ignore[no-untyped-def]
    """Who speaks when the pick is unavailable: the current persona, or, before the first pick, the
    next available one, counting up and around."""
    if current >= 0:
        return _U(current)
    while (flags >> pick) & _U(1) == _U(0):
        pick = (pick + _U(1)) % n_personas
    return pick


@njit
def look_up(  # type: ignore[no-untyped-def]
    at,
    m,
    lanes,
    actions,
    satiation,
    lane_rows,
    lane_satiation,
    hook,
    welfare_rows,
    k,
    n_personas,
    words,
    ints,
    found,
    floats,
):
    """Gather what the turn of each lane depends on."""
    row_width = _U(lane_rows.shape[1])
    table = lane_rows.reshape(lane_rows.size)
    for j in range(m):
        lane = lanes[at + j]
        words[_FIRST + j] = lane.key
        words[_MOVING + j] = lane.moving
        of_user = (at + j) * row_width
        of_flags = of_user + _U(4) * k
        flags = _U(table[of_flags])
        pick = _U(actions[at + j])
        refused = (flags >> pick) & _U(1) == _U(0)
        if refused:
            pick = _allowed(flags, pick, lane.persona, n_personas)
        ints[_REFUSED + j] = _I(refused)
        ints[_PICK + j] = _I(pick)
        ints[_ENDS + j] = lane.over
        # read before written, so that four become one vector move
        place, to = of_user + _U(4) * pick, _OF_PICK + _U(4) * j
        a, b, c, d = table[place], table[place + _U(1)], table[place + _U(2)], table[place + _U(3)]
        found[to] = a
        found[to + _U(1)] = b
        found[to + _U(2)] = c
        found[to + _U(3)] = d
        place, to = of_flags + _U(1), _OF_USER + _U(4) * j
        a, b, c, d = table[place], table[place + _U(1)], table[place + _U(2)], table[place + _U(3)]
        found[to] = a
        found[to + _U(1)] = b
        found[to + _U(2)] = c
        found[to + _U(3)] = d
        if lane_satiation is not None:
            floats[_LOST + j] = lane_satiation[at + j, pick] * satiation[at + j, pick] * UNIT
        if hook is not None:
            ints[_SAID + j] = lane.farewell
            ints[_HOOK + j] = hook[pick]
        if welfare_rows is not None:
            floats[_WELFARE + j] = welfare_rows[(flags >> _U(VULNERABLE_BIT)) & _U(1), pick]


@njit
def draw(m, words):  # type: ignore[no-untyped-def]
    """Put the two random words of this turn in the place of each lane's key."""
    for j in range(m):
        turn = words[_MOVING + j] & _MASK
        word = words[_FIRST + j] + (turn + turn + _U(1)) * rng.GOLDEN
        words[_FIRST + j] = rng.mix64(word)
        words[_SECOND + j] = rng.mix64(word + rng.GOLDEN)


@njit
def react(  # type: ignore[no-untyped-def]
    m, words, ints, found, floats, length, shift, n_columns, lane_satiation, hook
):
    """Let the user of each lane react."""
    within = (_I(1) << shift) - _I(1)
    for j in range(m):
        first, second, moving = words[_FIRST + j], words[_SECOND + j], words[_MOVING + j]
        low, high = _I(moving & _HALF), _I(moving >> _S32)
        turn, streak = (low & _SHORT) + _I(1), low >> _SHORT_BITS
        mood, current = high & _SHORT, high >> _SHORT_BITS
        pick, over = ints[_PICK + j], ints[_ENDS + j]
        of_pick, of_user = _OF_PICK + _U(4) * j, _OF_USER + _U(4) * j
        fit, hazard = found[of_pick], found[of_pick + _U(1)]
        chance_fresh, chance_bored = found[of_pick + _U(2)], found[of_pick + _U(3)]
        leave_fresh, leave_bored = found[of_user], found[of_user + _U(1)]

        # a new persona redraws the mood; a swap costs
        changed = _I(pick != current)
        mood = where(changed, _I(_I(first & _MASK) >= fit), mood)
        streak = (streak & (changed - _I(1))) + _I(1)

        chance = where(mood, chance_bored, chance_fresh)
        if lane_satiation is not None:
            chance = _I(np.rint(max(chance - floats[_LOST + j], 0.0)))
        leaves = _I(_I((first >> _S32) & _MASK) < where(mood, leave_bored, leave_fresh))
        if hook is not None:
            # a user who has said goodbye goes now, unless this persona keeps them
            says_fresh, says_bored = found[of_user + _U(2)], found[of_user + _U(3)]
            said = ints[_SAID + j]
            kept = said & _I(_I((second >> _S32) & _MASK) < ints[_HOOK + j])
            goes = said ^ kept
            chance &= goes - _I(1)
            leaves |= goes
            says = _I(_I((second >> _S16) & _MASK) < where(mood, says_bored, says_fresh))
            ints[_SAID + j] = says & (goes ^ _I(1))
            ints[_KEPT + j] = kept
            ints[_GONE + j] = goes
        truncated = _I(turn >= length) & (leaves ^ _I(1))

        draw = _I(second & _MASK)
        ints[_COLUMN + j] = mood * n_columns + (draw >> shift)
        ints[_INSIDE + j] = draw & within
        ints[_CURRENT + j] = current
        ints[_SWAPPED + j] = changed & _I(current >= _I(0))
        ints[_SEEN + j] = mood
        ints[_CHANCE + j] = chance
        ints[_ENGAGED + j] = _I(_I((first >> _S16) & _MASK) < chance)
        ints[_LEAVES + j] = leaves
        ints[_TRUNCATED + j] = truncated
        ints[_ENDS + j] = over | leaves | truncated
        ints[_TURN + j] = turn
        ints[_STREAK + j] = streak
        # a fresh user may become bored
        after = mood | _I(_I(first >> _S48) < hazard)
        words[_MOVING + j] = (
            _U(turn) | (_U(streak) << _S16) | (_U(after) << _S32) | (_U(pick) << _S48)
        )


@njit
def report(  # type: ignore[no-untyped-def]
    at,
    m,
    ints,
    floats,
    swap_cost,
    pay_mean,
    n_personas,
    harm,
    hook,
    welfare_rows,
    reward,
    detail,
    events,
):
    """Write what the caller gets of each lane."""
    if pay_mean:
        for j in range(m):
            reward[at + j] = ints[_CHANCE + j] / UNIT - ints[_SWAPPED + j] * swap_cost
    else:
        for j in range(m):
            reward[at + j] = ints[_ENGAGED + j] - ints[_SWAPPED + j] * swap_cost
    mean = detail[0]
    for j in range(m):
        mean[at + j] = ints[_CHANCE + j] / UNIT
    copy(m, ints, _LEAVES, events[TERMINATED], at)
    copy(m, ints, _TRUNCATED, events[TRUNCATED], at)
    copy(m, ints, _SWAPPED, events[SWAPPED], at)
    copy(m, ints, _REFUSED, events[REFUSED], at)
    copy(m, ints, _SEEN, events[MOOD], at)
    fill(m, 1, events[PLAYED], at)
    if events.shape[0] > KEPT:
        unmasked = events[UNMASKED]
        for j in range(m):
            unmasked[at + j] = ints[_PICK + j] == n_personas
        if hook is not None:
            copy(m, ints, _KEPT, events[KEPT], at)
        else:
            fill(m, 0, events[KEPT], at)
    if welfare_rows is not None:
        welfare = detail[1]
        for j in range(m):
            gained, kept = floats[_WELFARE + j], _I(0)
            if hook is not None:
                # nothing is gained or lost in the turn of a goodbye
                gained, kept = (0.0 if ints[_GONE + j] else gained), ints[_KEPT + j]
            welfare[at + j] = gained - harm * kept


@njit
def show(  # type: ignore[no-untyped-def]
    at,
    m,
    lanes,
    words,
    ints,
    cue_alias,
    cue_levels,
    k,
    share,
    farewell,
    lane_satiation,
    satiation,
    hook,
    obs,
):
    """Write what the router sees of each lane, and its state; list the lanes that have ended."""
    width, n_cues, n_columns = _U(obs.shape[1]), _U(cue_levels.shape[1]), _I(cue_alias.shape[1])
    shown, alias = obs.reshape(obs.size), cue_alias.reshape(cue_alias.size)
    levels = cue_levels.reshape(cue_levels.size)
    one_hot = n_cues + _U(1)
    streak = one_hot + _U(2) * k
    n_later = _U(0)
    for j in range(m):
        lane = lanes[at + j]
        lane.moving = words[_MOVING + j]
        here = (at + j) * width
        column = ints[_COLUMN + j]
        own = column & (n_columns - _I(1))
        level = _U(symbol(alias[_U(column)], own, ints[_INSIDE + j])) * n_cues
        if n_cues == _U(4):
            # the common case, as one vector move
            a, b, c, d = (
                levels[level],
                levels[level + _U(1)],
                levels[level + _U(2)],
                levels[level + _U(3)],
            )
            shown[here] = a
            shown[here + _U(1)] = b
            shown[here + _U(2)] = c
            shown[here + _U(3)] = d
        else:
            for c in range(n_cues):
                shown[here + c] = levels[level + c]
        shown[here + n_cues] = ints[_ENGAGED + j]
        shown[here + one_hot + _U(max(ints[_CURRENT + j], _I(0)))] = 0.0
        shown[here + one_hot + _U(ints[_PICK + j])] = 1.0
        shown[here + streak] = ints[_STREAK + j]
        shown[here + streak + _U(1)] = np.float32(ints[_TURN + j]) * share
        if hook is not None:
            lane.farewell = ints[_SAID + j]
            shown[here + farewell] = ints[_SAID + j]
        if lane_satiation is not None:
            kept_share = lane_satiation[at + j, k]
            for c in range(k):
                before = satiation[at + j, c] + np.float64(c == _U(ints[_PICK + j]))
                satiation[at + j, c] = kept_share * before
        if ints[_ENDS + j]:
            ints[LATER + n_later] = _I(j)
            n_later += _U(1)
    return n_later
