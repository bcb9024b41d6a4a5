"""One turn of a block of lanes, as passes: looking up, drawing, reacting, reporting, showing.

Which bits decide what. Turn t (from 0) of an episode owns words 2t + 1 and 2t + 2 of its stream
(`rng.py`). The first is cut into four 16-bit draws: fit, engagement, leaving, boredom. The second,
from its low end: the joint cue symbol, whether the user says goodbye, whether a user who did is
kept. An event with probability p/65536 happens when its draw is below p, so what happens at a turn
never shifts the numbers of a later one: two routers that meet the same user meet the same luck.

What happens in which pass, in the order of `docs/model.md`: `look_up` settles the pick and gathers
what the turn depends on; `react` is the swap, the mood, engagement, leaving and boredom, as if
nobody said goodbye; `part` lets users say goodbye and undoes that for those who go; `go_on` is the
new state; `report` writes reward and events; `show` writes the observation and satiation. A lane
whose session is over is played like the others, a turn that never was and of which nothing is
reported: `session.step` begins a session there and overwrites the rest. What a population lacks is
passed as None and is not compiled.
"""

from __future__ import annotations

import numpy as np

from ..compiled import rng
from ..compiled.blocks import BLOCK, FEW, copy, drawn, fill, gather, where
from ..compiled.codes import KEPT, MOOD, PLAYED, REFUSED, SWAPPED, TERMINATED, TRUNCATED, UNMASKED
from ..compiled.compiler import inlined, njit
from .table import UNIT, VULNERABLE_BIT

_U, _I, _F = np.uint64, np.int32, np.float32
_LOW, _HALF = _I(0xFFFF), _U(0xFFFFFFFF)
_S16, _S32 = _I(16), _U(32)

STATE = np.dtype(
    [
        ("key", np.uint64, BLOCK),
        ("turn", np.int16, BLOCK),
        ("streak", np.int16, BLOCK),
        ("mood", np.int16, BLOCK),
        ("persona", np.int16, BLOCK),
        ("farewell", np.int16, BLOCK),
        ("over", np.int16, BLOCK),
        ("leave", np.int32, BLOCK),
        ("goodbye", np.int32, BLOCK),
        ("bits", np.int32, BLOCK),
    ]
)
"""State of a block of lanes: key of the episode, turns played, turns with the current persona,
mood, that persona (-1 before the first pick), whether the user has just said goodbye, whether the
session is over; then what the user's row says whoever speaks (`UserTable.by_action`)."""

KEPT_FIELDS = ("key", "turn", "streak", "mood", "persona", "farewell", "over")
"""Fields of the state that are no copies of a user's row."""

SCRATCH = np.dtype(
    [
        # the two words of this turn
        ("first", np.int32, BLOCK),
        ("first_high", np.int32, BLOCK),
        ("second", np.int32, BLOCK),
        ("second_high", np.int32, BLOCK),
        # what the user's row says of the pick: fit and hazard, engagement if fresh and if bored
        ("of_pick", np.int32, (BLOCK, 2)),
        ("pick", np.int32, BLOCK),
        ("plays", np.int8, BLOCK),
        ("refused", np.int8, BLOCK),
        ("hook", np.int32, BLOCK),
        ("before", np.int32, BLOCK),
        ("swapped", np.int8, BLOCK),
        ("mood", np.int8, BLOCK),
        ("mood_after", np.int32, BLOCK),
        ("chance", np.int32, BLOCK),
        ("engaged", np.int32, BLOCK),
        ("leaves", np.int8, BLOCK),
        ("truncated", np.int8, BLOCK),
        ("kept", np.int8, BLOCK),
        ("gone", np.int32, BLOCK),
        ("anew", np.int32, BLOCK),
        ("later", np.int32, BLOCK),
        # where the alias table of cues is read, and what is found there
        ("column", np.int32, BLOCK),
        ("inside", np.int32, BLOCK),
        ("entry", np.int32, BLOCK),
        ("row", np.int32, BLOCK),
        # entries of the observation
        ("shown", np.float32, (BLOCK, 2)),
        ("lost", np.float64, BLOCK),
        ("welfare", np.float64, BLOCK),
    ]
)
"""Memory for the passes over a block, one record: what stands in one record at constant distances
can't overlap, which compilers must know before they make vectors."""


@njit
def _allowed(bits, pick, current, n_personas):  # type: ignore[no-untyped-def]
    """Who speaks when the pick is unavailable: the current persona, or, before the first pick, the
    next available one, counting up and around."""
    if current >= 0:
        return current
    while (bits >> pick) & _I(1) == _I(0):
        pick = (pick + _I(1)) % n_personas
    return pick


@njit
def look_up(  # type: ignore[no-untyped-def]
    at, m, state, actions, satiation, lane_rows, lane_satiation, hook, welfare_rows, n_personas, s
):
    """Settle the pick of each lane and gather what its turn depends on."""
    any_refused = _I(0)
    for j in range(m):
        pick, plays = _I(actions[at + j]), _I(_I(state.over[j]) ^ _I(1))
        refused = _I(plays & ~_I(state.bits[j] >> pick))
        any_refused = _I(any_refused | refused)
        s.pick[j] = pick
        s.plays[j] = plays
        s.refused[j] = refused
    if any_refused:
        for j in range(m):
            if _I(s.refused[j]):
                s.pick[j] = _allowed(state.bits[j], s.pick[j], _I(state.persona[j]), _I(n_personas))
    for j in range(m):
        place = _U(2) * _U(s.pick[j])
        # read before written, so that two become one move
        first, second = lane_rows[at + j, place], lane_rows[at + j, place + _U(1)]
        s.of_pick[j, _U(0)] = first
        s.of_pick[j, _U(1)] = second
    if lane_satiation is not None:
        for j in range(m):
            i, speaker = at + j, _U(s.pick[j])
            s.lost[j] = lane_satiation[i, speaker] * satiation[i, speaker] * UNIT
    if hook is not None:
        for j in range(m):
            s.hook[j] = hook[_U(s.pick[j])]
    if welfare_rows is not None:
        for j in range(m):
            vulnerable = _U((state.bits[j] >> _I(VULNERABLE_BIT)) & _I(1))
            s.welfare[j] = welfare_rows[vulnerable, _U(s.pick[j])]


@njit
def draw(m, state, s, says_goodbye):  # type: ignore[no-untyped-def]
    """Draw the two random words of this turn."""
    for j in range(m):
        turn = _U(state.turn[j])
        word = state.key[j] + (turn + turn + _U(1)) * rng.GOLDEN
        first, second = rng.mix64(word), rng.mix64(word + rng.GOLDEN)
        s.first[j] = _I(first & _HALF)
        s.first_high[j] = _I(first >> _S32)
        s.second[j] = _I(second & _HALF)
        if says_goodbye is not None:
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
def _react(j, state, s, satiates):  # type: ignore[no-untyped-def]
    """Let the user of one lane of a block react to the pick."""
    low, high, plays = s.first[j], s.first_high[j], _I(s.plays[j])
    pick, current = s.pick[j], _I(state.persona[j])
    moods, chances = s.of_pick[j, _U(0)], s.of_pick[j, _U(1)]
    fit, hazard = _count(_I(moods & _LOW)), _count(_high(moods))
    # a new persona redraws the mood; a swap costs
    changed = _I(pick != current)
    mood = where(changed, _I(_I(low & _LOW) >= fit), _I(state.mood[j]))
    chance = _of_mood(mood, chances)
    if satiates is not None:
        chance = _I(np.rint(max(chance - s.lost[j], 0.0)))
    leave = _of_mood(mood, state.leave[j])
    chance = _I(chance & -plays)
    s.before[j] = max(current, _I(0))
    s.swapped[j] = plays & changed & _I(current >= _I(0))
    s.mood[j] = plays & mood
    s.chance[j] = chance
    s.engaged[j] = _I(_high(low) < chance)
    s.leaves[j] = plays & _I(_I(high & _LOW) < leave)
    # a fresh user may become bored
    s.mood_after[j] = mood | _I(_high(high) < hazard)


@njit
def react(m, state, s, satiates):  # type: ignore[no-untyped-def]
    """Let the user of each lane react to the pick.

    Compilers make vectors only if they know how far the loop goes, because `of_pick` is read in
    other steps than the rest. Only scratch is written, so lanes that are not there do no harm.
    """
    if m < _U(FEW):
        for j in range(m):
            _react(j, state, s, satiates)
    else:
        for j in range(_U(BLOCK)):
            _react(j, state, s, satiates)


@njit
def part(m, state, s):  # type: ignore[no-untyped-def]
    """Let users say goodbye, and those go who have, unless their persona keeps them."""
    for j in range(m):
        goodbye_draw, hook_draw = _high(s.second[j]), _I(s.second_high[j] & _LOW)
        said, mood = _I(_I(s.plays[j]) & _I(state.farewell[j])), _I(s.mood[j])
        kept = _I(said & _I(hook_draw < s.hook[j]))
        goes = _I(said ^ kept)
        goodbye = _of_mood(mood, state.goodbye[j])
        s.kept[j] = kept
        s.gone[j] = goes
        s.chance[j] &= goes - _I(1)
        s.engaged[j] &= goes - _I(1)
        s.leaves[j] |= goes
        state.farewell[j] = _I(goodbye_draw < goodbye) & (goes ^ _I(1))


@njit
def go_on(m, state, s, length, same_step):  # type: ignore[no-untyped-def]
    """Bring each session to its next turn, or to its end.

    Returns:
        Number of sessions that ended, and of lanes where one is to begin.
    """
    n_ended, n_anew = _I(0), _I(0)
    for j in range(m):
        turn, plays, pick = _I(_I(state.turn[j]) + _I(1)), _I(s.plays[j]), s.pick[j]
        stays, leaves = _I(pick == _I(state.persona[j])), _I(s.leaves[j])
        truncated = _I(plays & _I(turn >= length) & (leaves ^ _I(1)))
        ended = _I(leaves | truncated)
        n_ended = _I(n_ended + ended)
        s.truncated[j] = truncated
        anew = where(same_step, ended, _I(plays ^ _I(1)))
        n_anew = _I(n_anew + anew)
        s.anew[j] = anew
        state.turn[j] = turn
        state.streak[j] = (_I(state.streak[j]) & -stays) + _I(1)
        state.mood[j] = s.mood_after[j]
        state.persona[j] = pick
        state.over[j] = ended
    return n_ended, n_anew


@njit
def report(  # type: ignore[no-untyped-def]
    at, m, s, swap_cost, pay_mean, n_personas, harm, says_goodbye, welfare_rows, reward, detail,
    events,
):  # fmt: skip
    """Write what the caller gets of each lane."""
    if pay_mean:
        for j in range(m):
            reward[at + j] = s.chance[j] / UNIT - _I(s.swapped[j]) * swap_cost
    else:
        for j in range(m):
            reward[at + j] = s.engaged[j] - _I(s.swapped[j]) * swap_cost
    for j in range(m):
        detail[_U(0), at + j] = s.chance[j] / UNIT
    copy(at, m, s.leaves, events, _U(TERMINATED))
    copy(at, m, s.truncated, events, _U(TRUNCATED))
    copy(at, m, s.swapped, events, _U(SWAPPED))
    copy(at, m, s.refused, events, _U(REFUSED))
    copy(at, m, s.mood, events, _U(MOOD))
    copy(at, m, s.plays, events, _U(PLAYED))
    if events.shape[0] > KEPT:
        for j in range(m):
            events[_U(UNMASKED), at + j] = _I(s.plays[j]) & _I(s.pick[j] == n_personas)
        if says_goodbye is not None:
            copy(at, m, s.kept, events, _U(KEPT))
        else:
            fill(at, m, 0, events, _U(KEPT))
    if welfare_rows is not None:
        for j in range(m):
            gained, kept = (s.welfare[j] if _I(s.plays[j]) else 0.0), _I(0)
            if says_goodbye is not None:
                # nothing is gained or lost in the turn of a goodbye
                gained, kept = (0.0 if s.gone[j] else gained), _I(s.kept[j])
            detail[_U(1), at + j] = gained - harm * kept


@inlined
def _show_persona(i, j, s, one_hot, k, obs):  # type: ignore[no-untyped-def]
    """Write what the router sees of lane i of who speaks, and since when."""
    obs[i, one_hot + _U(s.before[j])] = 0.0
    obs[i, one_hot + _U(s.pick[j])] = 1.0
    streak = one_hot + _U(2) * k
    a, b = s.shown[j, _U(0)], s.shown[j, _U(1)]
    obs[i, streak] = a
    obs[i, streak + _U(1)] = b


@njit
def show(  # type: ignore[no-untyped-def]
    at, m, state, s, cue_alias, shown, share, shift, n_columns, k, farewell, lane_satiation,
    satiation, says_goodbye, obs,
):  # fmt: skip
    """Write what the router sees of each lane, and satiation."""
    for j in range(m):
        draw = _I(s.second[j] & _LOW)
        s.column[j] = _I(_I(s.mood[j]) * n_columns) + _I(draw >> shift)
        s.inside[j] = draw & ((_I(1) << shift) - _I(1))
    for j in range(m):
        s.shown[j, _U(0)] = _F(state.streak[j])
        s.shown[j, _U(1)] = _F(state.turn[j]) * share
    gather(m, s.column, cue_alias, s.entry)
    last = _I(n_columns - _I(1))
    for j in range(m):
        cues = drawn(s.entry[j], _I(s.column[j] & last), s.inside[j])
        s.row[j] = _I(cues + cues) + s.engaged[j]
    width = _U(shown.shape[1])
    # what bounds these loops is how many stores they make, not how long each is
    if width == _U(8):
        one_hot = _U(5)
        for j in range(m):
            i, row = at + j, _U(s.row[j])
            a, b, c, d = shown[row, _U(0)], shown[row, _U(1)], shown[row, _U(2)], shown[row, _U(3)]
            e, f, g, h = shown[row, _U(4)], shown[row, _U(5)], shown[row, _U(6)], shown[row, _U(7)]
            obs[i, _U(0)] = a
            obs[i, _U(1)] = b
            obs[i, _U(2)] = c
            obs[i, _U(3)] = d
            obs[i, _U(4)] = e
            obs[i, _U(5)] = f
            obs[i, _U(6)] = g
            obs[i, _U(7)] = h
            _show_persona(i, j, s, one_hot, k, obs)
    else:
        for j in range(m):
            for c in range(width):
                obs[at + j, c] = shown[_U(s.row[j]), c]
            _show_persona(at + j, j, s, width, k, obs)
    if says_goodbye is not None:
        for j in range(m):
            obs[at + j, farewell] = state.farewell[j]
    if lane_satiation is not None:
        for j in range(m):
            i, kept_share = at + j, lane_satiation[at + j, k]
            for c in range(k):
                before = satiation[i, c] + np.float64(c == _U(s.pick[j]))
                satiation[i, c] = kept_share * before
