"""One turn of a block of lanes, as passes over its lanes.

Which bits decide what. Turn t (from 0) of an episode owns words 2t + 1 and 2t + 2 of its stream
(`rng.py`). The first is cut into four 16-bit draws: fit, engagement, leaving, boredom. The second,
from its low end: the joint cue symbol, whether the user says goodbye, whether a user who did is
kept. An event with probability p/65536 happens when its draw is below p, so what happens at a turn
never shifts the numbers of a later one: two routers that play the same user get the same draws.

The passes, in the order of `docs/model.md`: `resolve_actions` replaces picks that are not
available; `look_up` gathers what the turn depends on; `draw_words` draws; `react` is the swap, the
mood, engagement, leaving and boredom, as if nobody said goodbye; `say_goodbye` ends the sessions of
users who do; `advance` writes the new state. `outputs.py` then writes reward, events, observation
and satiation. A lane whose session is over runs the same arithmetic; its results are discarded.
What a population lacks is passed as None, and no code is compiled for it.

In all passes, `at` is the first lane of the block, `m` how many lanes it has, `here` its STATE
record and `s` the SCRATCH record.
"""

from __future__ import annotations

import numpy as np

from ..compiled import rng
from ..compiled.blocks import BLOCK, FEW, where
from ..compiled.compiler import inlined, part
from .table import UNIT

_U, _I = np.uint64, np.int32
_LOW, _HALF = _I(0xFFFF), _U(0xFFFFFFFF)
_S16, _S32 = _I(16), _U(32)


@part
def _allowed(bits, pick, current, n_personas):  # type: ignore[no-untyped-def]
    """Who speaks when the pick is unavailable: the current persona, or, before the first pick, the
    next available one, counting up and around."""
    if current >= 0:
        return current
    while (bits >> pick) & _I(1) == _I(0):
        pick = (pick + _I(1)) % n_personas
    return pick


@part
def resolve_actions(at, m, here, s, actions, n_personas):  # type: ignore[no-untyped-def]
    """Settle which persona speaks in each lane."""
    any_refused = _I(0)
    for j in range(m):
        pick, plays = _I(actions[at + j]), _I(_I(here.over[j]) ^ _I(1))
        refused = _I(plays & ~_I(here.bits[j] >> pick))
        any_refused = _I(any_refused | refused)
        s.pick[j] = pick
        s.plays[j] = plays
        s.refused[j] = refused
    if any_refused:
        for j in range(m):
            if _I(s.refused[j]):
                s.pick[j] = _allowed(here.bits[j], s.pick[j], _I(here.persona[j]), _I(n_personas))


@part
def look_up(at, m, s, arrays, satiates, hook):  # type: ignore[no-untyped-def]
    """Gather what each lane's turn depends on besides its here."""
    lane_rows = arrays.lane_rows
    for j in range(m):
        place = _U(2) * _U(s.pick[j])
        # read before written, so that two become one move
        first, second = lane_rows[at + j, place], lane_rows[at + j, place + _U(1)]
        s.of_pick[j, _U(0)] = first
        s.of_pick[j, _U(1)] = second
    if satiates is not None:
        lane_satiation, satiation = arrays.lane_satiation, arrays.satiation
        for j in range(m):
            i, speaker = at + j, _U(s.pick[j])
            s.lost[j] = lane_satiation[i, speaker] * satiation[i, speaker] * UNIT
    if hook is not None:
        for j in range(m):
            s.hook[j] = hook[_U(s.pick[j])]


@part
def draw_words(m, here, s, hook):  # type: ignore[no-untyped-def]
    """Draw the two random words of this turn."""
    for j in range(m):
        turn = _U(here.turn[j])
        word = here.key[j] + (turn + turn + _U(1)) * rng.GOLDEN
        first, second = rng.mix64(word), rng.mix64(word + rng.GOLDEN)
        s.first[j] = _I(first & _HALF)
        s.first_high[j] = _I(first >> _S32)
        s.second[j] = _I(second & _HALF)
        if hook is not None:
            s.second_high[j] = _I(second >> _S32)


# What is compared is cast to int32 first: numba widens whatever is computed from int32 to int64,
# and a vector holds half as many of those.


@inlined
def _high(word):  # type: ignore[no-untyped-def]
    """The upper 16 bits of 32."""
    return _I(_I(word >> _S16) & _LOW)


@inlined
def _count(half):  # type: ignore[no-untyped-def]
    """A probability in 1/65536 from 16 bits of a user's row (`UserTable.by_action`)."""
    return _I(half + _I(half == _LOW))


@inlined
def _of_mood(mood, both):  # type: ignore[no-untyped-def]
    """The one of two probabilities that goes with a mood (0 fresh, 1 bored)."""
    return _count(where(mood, _high(both), _I(both & _LOW)))


@inlined
def _react(j, here, s, satiates):  # type: ignore[no-untyped-def]
    """Let the user of one lane of a block react to the pick."""
    low, high, plays = s.first[j], s.first_high[j], _I(s.plays[j])
    pick, current = s.pick[j], _I(here.persona[j])
    moods, chances = s.of_pick[j, _U(0)], s.of_pick[j, _U(1)]
    fit, hazard = _count(_I(moods & _LOW)), _count(_high(moods))
    # a new persona redraws the mood; a swap costs
    changed = _I(pick != current)
    mood = where(changed, _I(_I(low & _LOW) >= fit), _I(here.mood[j]))
    chance = _of_mood(mood, chances)
    if satiates is not None:
        chance = _I(np.rint(max(chance - s.lost[j], 0.0)))
    leave = _of_mood(mood, here.leave[j])
    chance = _I(chance & -plays)
    s.before[j] = max(current, _I(0))
    s.swapped[j] = plays & changed & _I(current >= _I(0))
    s.mood[j] = plays & mood
    s.chance[j] = chance
    s.engaged[j] = _I(_high(low) < chance)
    s.leaves[j] = plays & _I(_I(high & _LOW) < leave)
    # a fresh user may become bored
    s.mood_after[j] = mood | _I(_high(high) < hazard)


@part
def react(m, here, s, satiates):  # type: ignore[no-untyped-def]
    """Let the user of each lane react to the pick.

    Compilers make vectors only if they know how far the loop goes, because `of_pick` is read in
    other steps than the rest. Only scratch is written, so entries beyond the last lane do no harm.
    """
    if m < _U(FEW):
        for j in range(m):
            _react(j, here, s, satiates)
    else:
        for j in range(_U(BLOCK)):
            _react(j, here, s, satiates)


@part
def say_goodbye(m, here, s, hook):  # type: ignore[no-untyped-def]
    """Let users say goodbye, and those leave who said so the turn before, unless their persona
    keeps them."""
    if hook is not None:
        for j in range(m):
            goodbye_draw, hook_draw = _high(s.second[j]), _I(s.second_high[j] & _LOW)
            said, mood = _I(_I(s.plays[j]) & _I(here.farewell[j])), _I(s.mood[j])
            kept = _I(said & _I(hook_draw < s.hook[j]))
            goes = _I(said ^ kept)
            goodbye = _of_mood(mood, here.goodbye[j])
            s.kept[j] = kept
            s.gone[j] = goes
            s.chance[j] &= goes - _I(1)
            s.engaged[j] &= goes - _I(1)
            s.leaves[j] |= goes
            here.farewell[j] = _I(goodbye_draw < goodbye) & (goes ^ _I(1))


@part
def advance(m, here, s, length, same_step):  # type: ignore[no-untyped-def]
    """Bring each session to its next turn, or to its end, and mark where one is to begin.

    Returns:
        Number of sessions that ended (int32).
    """
    n_ended = _I(0)
    for j in range(m):
        turn, plays, pick = _I(_I(here.turn[j]) + _I(1)), _I(s.plays[j]), s.pick[j]
        stays, leaves = _I(pick == _I(here.persona[j])), _I(s.leaves[j])
        truncated = _I(plays & _I(turn >= length) & (leaves ^ _I(1)))
        ended = _I(leaves | truncated)
        n_ended = _I(n_ended + ended)
        s.truncated[j] = truncated
        s.anew[j] = where(same_step, ended, _I(plays ^ _I(1)))
        here.turn[j] = turn
        here.streak[j] = (_I(here.streak[j]) & -stays) + _I(1)
        here.mood[j] = s.mood_after[j]
        here.persona[j] = pick
        here.over[j] = ended
    return n_ended
