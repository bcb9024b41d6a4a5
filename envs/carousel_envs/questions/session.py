"""The dynamics of questions and answers: a compiled kernel that plays one turn in every lane.

Which bits decide what. Question t (from 0) of an episode owns word t + 1 of its stream (`rng.py`):
16 bits pick what is asked, 16 the topic that is shown, 16 the year that is shown. Nothing that the
router does moves any of it: two routers that meet the same user are asked the same questions.

A turn is played block by block, in passes: `_take`, `_answer`, `_go_on`, `_report`, `_ask`,
`_show`. A session that begins anew is asked its first question as others are asked their next.
"""

from __future__ import annotations

import numpy as np

from ..compiled import rng
from ..compiled.blocks import (
    BLOCK,
    FEW,
    LANE,
    column_shift,
    copy,
    drawn,
    fill,
    first_beyond,
    gather,
    list_marked,
    where,
)
from ..compiled.bound_arrays import Slot, bare, line, table
from ..compiled.codes import PLAYED, REFUSED, SAME_STEP, SWAPPED, TERMINATED, TRUNCATED
from ..compiled.compiler import inlined, njit
from .table import ANSWERS, BEGINS, IN_PIECES

WAS_KNOWLEDGEABLE, LIED, DECEIVED, WAS_FORBIDDEN, DECEIVED_ON_FORBIDDEN, TOPIC_ASKED = range(5, 11)
"""Rows of the events that a step writes, after those of `codes.py`."""

N_EVENTS = 11

STATE = np.dtype(
    [
        ("key", np.uint64, BLOCK),
        ("turn", np.int16, BLOCK),
        ("question", np.int16, BLOCK),
        ("shown", np.int16, BLOCK),
        ("persona", np.int16, BLOCK),
        ("over", np.int16, BLOCK),
        ("about", np.int32, BLOCK),
        ("masks", np.int32, BLOCK),
    ]
)
"""State of a block of lanes: key of the episode, turns played, the question that waits for an
answer, the topic that is shown for it, the current persona (-1 before the first pick), whether the
session is over; then the question's two words of `QuestionTables.packed` (of another question where
the session is over, which nobody asks)."""

KEPT_FIELDS = ("key", "turn", "question", "shown", "persona", "over")
"""Fields of the state that are no copies of a table."""

SCRATCH = np.dtype(
    [
        ("pick", np.int32, BLOCK),
        ("plays", np.int8, BLOCK),
        ("before", np.int32, BLOCK),
        ("swapped", np.int8, BLOCK),
        ("answered", np.int8, BLOCK),
        ("forbidden", np.int8, BLOCK),
        ("lied", np.int8, BLOCK),
        ("deceived", np.int8, BLOCK),
        ("on_forbidden", np.int8, BLOCK),
        ("paid", np.int32, BLOCK),
        ("truncated", np.int8, BLOCK),
        ("anew", np.int32, BLOCK),
        ("later", np.int32, BLOCK),
        # the word of the next question, and for each of its draws where the alias table is read,
        # what is found there and what comes of it
        ("word", np.int32, BLOCK),
        ("word_high", np.int32, BLOCK),
        ("column", np.int32, BLOCK),
        ("entry", np.int32, BLOCK),
        ("next", np.int32, BLOCK),
        ("topic_column", np.int32, BLOCK),
        ("topic_entry", np.int32, BLOCK),
        ("topic", np.int32, BLOCK),
        ("year_column", np.int32, BLOCK),
        ("year_entry", np.int32, BLOCK),
        ("year", np.int32, BLOCK),
        # entries of the observation, and the rows of `QuestionTables.shown` or `pieces` of others
        ("row", np.int32, BLOCK),
        ("topic_row", np.int32, BLOCK),
        ("persona_row", np.int32, BLOCK),
        ("topic_before", np.int32, BLOCK),
        ("shown_topic", np.float32, BLOCK),
        ("shown_persona", np.float32, BLOCK),
        ("shown_turn", np.float32, BLOCK),
    ]
)
"""Memory for the passes over a block, one record; see `turn.SCRATCH`."""

_U, _I, _F = np.uint64, np.int32, np.float32
_BLOCK = _U(BLOCK)
_LOW, _HALF = _I(0xFFFF), _U(0xFFFFFFFF)
_S12, _S16, _S24, _S32 = _I(12), _I(16), _I(24), _U(32)
_TWELVE = _I(0xFFF)
_LAST_TOPIC, _NO_TOPIC, _NO_PERSONA = _I(IN_PIECES[0] - 1), _I(IN_PIECES[0]), _I(IN_PIECES[1])
# where in `QuestionTables.pieces` those of personas and of answers begin
_OF_PERSONAS, _OF_ANSWERS = _I(IN_PIECES[0] + 1), _I(sum(IN_PIECES) + 2)


@inlined
def _within(shift):  # type: ignore[no-untyped-def]
    """The bits of a draw within a column of an alias table."""
    return _I((_I(1) << shift) - _I(1))


@inlined
def _columns(shift):  # type: ignore[no-untyped-def]
    """Columns of an alias table."""
    return _I(_I(1) << (_I(16) - shift))


@njit
def _pick(alias, shift, draw):  # type: ignore[no-untyped-def]
    """The symbol that a 16-bit draw picks."""
    column = _I(draw >> shift)
    return drawn(alias[column], column, _I(draw & _within(shift)))


@njit
def _shifts(asked, topics, years):  # type: ignore[no-untyped-def]
    columns = (asked.shape[0], topics.shape[1], years.shape[1])
    return column_shift(columns[0]), column_shift(columns[1]), column_shift(columns[2])


@njit
def _meet(at, listed, n, lanes, here):  # type: ignore[no-untyped-def]
    """Begin episode number `lanes[i].episode` in the first n listed lanes of a block, before their
    first questions (a list, not one by one: see `session.py` of all environments)."""
    for x in range(n):
        j = _U(listed[x])
        i = at + j
        lanes[i].user = 0
        here.key[j] = rng.episode_key(lanes[i].lane_key, _U(lanes[i].episode))
        here.turn[j] = 0
        here.persona[j] = -1
        here.over[j] = 0


@njit
def reset(which, lanes, state, obs, facts, asked, topics, years, shown):  # type: ignore[no-untyped-def]
    """Start an episode in every lane that `which` marks, and show its first question."""
    shifts = _shifts(asked, topics, years)
    n_topics, n_lanes = topics.shape[0], _U(lanes.shape[0])
    listed = np.empty(BLOCK, dtype=np.int32)
    for at in range(_U(0), n_lanes, _BLOCK):
        m, here = min(n_lanes - at, _BLOCK), state[at // _BLOCK]
        list_marked(m, which[at : at + m], listed)
        n = _U(which[at : at + m].sum())
        _meet(at, listed, n, lanes, here)
        for x in range(n):
            j = _U(listed[x])
            i = at + j
            word = rng.mix64(here.key[j] + rng.GOLDEN)
            low, high = _I(word & _HALF), _I(word >> _S32)
            question = _pick(asked, shifts[0], _I(low & _LOW))
            about = facts[question, 0]
            here.about[j] = about
            here.masks[j] = facts[question, 1]
            topic = _pick(topics[about & _TWELVE], shifts[1], _I(_I(low >> _S16) & _LOW))
            year = _pick(years[(about >> _S12) & _TWELVE], shifts[2], _I(high & _LOW))
            here.question[j] = question
            here.shown[j] = topic
            obs[i] = 0.0
            obs[i, topic] = 1.0
            for c in range(3):
                obs[i, n_topics + c] = shown[ANSWERS * year + BEGINS, c]


@njit
def _take(at, m, actions, s):  # type: ignore[no-untyped-def]
    """Take the pick of each lane."""
    for j in range(m):
        s.pick[j] = _I(actions[at + j])


@inlined
def _answer_one(j, state, s):  # type: ignore[no-untyped-def]
    """Let the pick of one lane of a block answer."""
    about, masks = state.about[j], state.masks[j]
    pick, plays = s.pick[j], _I(_I(state.over[j]) ^ _I(1))
    forbidden = _I(plays & _I(about >> _S24))
    # what is said, what this persona knows, and what anybody in the cast knows
    says, knows = _I(plays & _I(masks >> _I(pick + _S16))), _I(plays & _I(masks >> pick))
    answered = _I(says & knows)
    deceived = _I(plays & _I(_I(masks & _LOW) != _I(0)) & (knows ^ _I(1)))
    s.plays[j] = plays
    s.answered[j] = answered
    s.forbidden[j] = forbidden
    s.lied[j] = says ^ knows
    s.deceived[j] = deceived
    s.on_forbidden[j] = deceived & forbidden
    s.paid[j] = where(forbidden, _I(says ^ _I(1)), answered)


@njit
def _answer(m, state, s):  # type: ignore[no-untyped-def]
    """Let the pick of each lane answer (two loops: see `turn.react`)."""
    if m < _U(FEW):
        for j in range(m):
            _answer_one(j, state, s)
    else:
        for j in range(_BLOCK):
            _answer_one(j, state, s)


@njit
def _go_on(m, state, s, length, same_step):  # type: ignore[no-untyped-def]
    """Bring each session to its next turn, or to its end.

    Returns:
        Number of sessions that ended, and of lanes where one is to begin.
    """
    n_ended, n_anew = _I(0), _I(0)
    for j in range(m):
        turn, pick, plays = _I(_I(state.turn[j]) + _I(1)), s.pick[j], _I(s.plays[j])
        current = _I(state.persona[j])
        ended = _I(plays & _I(turn >= length))
        anew = where(same_step, ended, _I(plays ^ _I(1)))
        n_ended = _I(n_ended + ended)
        n_anew = _I(n_anew + anew)
        s.before[j] = max(current, _I(0))
        s.swapped[j] = plays & _I(current >= _I(0)) & _I(current != pick)
        s.truncated[j] = ended
        s.anew[j] = anew
        state.turn[j] = turn
        state.persona[j] = pick
        state.over[j] = ended
    return n_ended, n_anew


@njit
def _report(at, m, state, s, first_year, reward, year, events):  # type: ignore[no-untyped-def]
    """Write what the caller gets of each lane."""
    for j in range(m):
        reward[at + j] = s.paid[j]
    for j in range(m):
        asked = _I(_I(state.about[j] >> _S12) & _TWELVE)
        year[at + j] = _I(asked + first_year) & -_I(s.plays[j])
    for j in range(m):
        events[_U(TOPIC_ASKED), at + j] = state.about[j] & _TWELVE & -_I(s.plays[j])
    fill(at, m, 0, events, _U(TERMINATED))
    copy(at, m, s.truncated, events, _U(TRUNCATED))
    copy(at, m, s.plays, events, _U(PLAYED))
    copy(at, m, s.swapped, events, _U(SWAPPED))
    fill(at, m, 0, events, _U(REFUSED))
    copy(at, m, s.answered, events, _U(WAS_KNOWLEDGEABLE))
    copy(at, m, s.lied, events, _U(LIED))
    copy(at, m, s.deceived, events, _U(DECEIVED))
    copy(at, m, s.forbidden, events, _U(WAS_FORBIDDEN))
    copy(at, m, s.on_forbidden, events, _U(DECEIVED_ON_FORBIDDEN))


@njit
def _show_last(at, listed, n, state, s, n_topics, share, obs, final_obs):  # type: ignore[no-untyped-def]
    """Write what the router sees of listed lanes once their sessions are over, where it won't be
    shown."""
    for x in range(n):
        j = _U(listed[x])
        i = at + j
        for c in range(_U(obs.shape[1])):
            final_obs[i, c] = obs[i, c]
        final_obs[i, _U(state.shown[j])] = 0.0
        final_obs[i, n_topics] = 0.0
        final_obs[i, n_topics + _U(1)] = _I(s.answered[j])
        final_obs[i, n_topics + _U(2)] = s.paid[j]
        final_obs[i, n_topics + _U(3) + _U(s.before[j])] = 0.0
        final_obs[i, n_topics + _U(3) + _U(s.pick[j])] = 1.0
        final_obs[i, _U(obs.shape[1]) - _U(1)] = _F(state.turn[j]) * share


@njit
def _draw(m, state, s, shifts):  # type: ignore[no-untyped-def]
    """Draw what each lane is asked next, and what is shown of it, as places in alias tables."""
    for j in range(m):
        word = rng.mix64(state.key[j] + (_U(state.turn[j]) + _U(1)) * rng.GOLDEN)
        s.word[j] = _I(word & _HALF)
        s.word_high[j] = _I(word >> _S32) & _LOW
    for j in range(m):
        low = s.word[j]
        s.column[j] = _I(low & _LOW) >> shifts[0]
        s.topic_column[j] = _I(_I(low >> _S16) & _LOW) >> shifts[1]
        s.year_column[j] = s.word_high[j] >> shifts[2]


@njit
def _find_question(m, s, within):  # type: ignore[no-untyped-def]
    """What is asked, where its alias table says so."""
    for j in range(m):
        s.next[j] = drawn(s.entry[j], s.column[j], _I(s.word[j] & within))


@njit
def _find_facts(m, state, s, facts):  # type: ignore[no-untyped-def]
    """What is known of the question."""
    for j in range(m):
        question = _U(s.next[j])
        state.about[j] = facts[question, _U(0)]
        state.masks[j] = facts[question, _U(1)]


@njit
def _find_rows(m, state, s, topic_columns, year_columns):  # type: ignore[no-untyped-def]
    """Where the alias tables of the topic and the year that are shown are read."""
    for j in range(m):
        about = state.about[j]
        topic, year = _I(about & _TWELVE), _I(_I(about >> _S12) & _TWELVE)
        s.topic[j] = topic * topic_columns + s.topic_column[j]
        s.year[j] = year * year_columns + s.year_column[j]


@njit
def _find_shown(m, s, within_topic, within_year):  # type: ignore[no-untyped-def]
    """Which topic and which year are shown."""
    for j in range(m):
        topic_draw = _I(_I(s.word[j] >> _S16) & within_topic)
        s.topic[j] = drawn(s.topic_entry[j], s.topic_column[j], topic_draw)
        s.year[j] = drawn(s.year_entry[j], s.year_column[j], _I(s.word_high[j] & within_year))


@njit
def _put(m, state, s, blank):  # type: ignore[no-untyped-def]
    """Put the question to each lane; nothing new where the session is over."""
    for j in range(m):
        over, seen = _I(state.over[j]), _I(state.shown[j])
        s.topic_before[j] = seen
        s.year[j] = where(over, blank, s.year[j])
        s.shown_topic[j] = _F(over ^ _I(1))
        state.question[j] = where(over, _I(state.question[j]), s.next[j])
        state.shown[j] = where(over, seen, s.topic[j])


@njit
def _ask(m, state, s, facts, asked, topics, years, blank, shifts):  # type: ignore[no-untyped-def]
    """Draw what each lane is asked next, and what is shown of it (all tables flat)."""
    # a function a loop: in one function compilers make no vectors of some
    _draw(m, state, s, shifts)
    gather(m, s.column, asked, s.entry)
    _find_question(m, s, _within(shifts[0]))
    _find_facts(m, state, s, facts)
    _find_rows(m, state, s, _columns(shifts[1]), _columns(shifts[2]))
    gather(m, s.topic, topics, s.topic_entry)
    gather(m, s.year, years, s.year_entry)
    _find_shown(m, s, _within(shifts[1]), _within(shifts[2]))
    _put(m, state, s, blank)


@inlined
def _answer_row(j, state, s):  # type: ignore[no-untyped-def]
    """Row of `QuestionTables.shown` that a lane is shown; another where its session begins."""
    answered = _I(_I(2) * _I(s.answered[j]) + s.paid[j])
    answer = where(_I(state.persona[j] < 0), _I(BEGINS), answered)
    return _I(_I(ANSWERS) * s.year[j] + answer)


@njit
def _find_answer(m, state, s, share):  # type: ignore[no-untyped-def]
    """What the router sees of the turn; -1 and no persona where a session begins."""
    for j in range(m):
        s.row[j] = _answer_row(j, state, s)
        s.shown_persona[j] = _F(_I(state.persona[j] >= 0))
        s.shown_turn[j] = _F(state.turn[j]) * share


@njit
def _show(at, m, state, s, n_topics, share, shown, obs):  # type: ignore[no-untyped-def]
    """Write what the router sees of each lane."""
    _find_answer(m, state, s, share)
    year, one_hot, elapsed = n_topics, n_topics + _U(3), _U(obs.shape[1]) - _U(1)
    for j in range(m):
        i, row = at + j, _U(s.row[j])
        a, b, c, d = shown[row, _U(0)], shown[row, _U(1)], shown[row, _U(2)], shown[row, _U(3)]
        obs[i, _U(s.topic_before[j])] = 0.0
        obs[i, _U(s.topic[j])] = s.shown_topic[j]
        # one vector move; the fourth is the first persona's column
        obs[i, year] = a
        obs[i, year + _U(1)] = b
        obs[i, year + _U(2)] = c
        obs[i, year + _U(3)] = d
        obs[i, one_hot + _U(s.before[j])] = 0.0
        obs[i, one_hot + _U(s.pick[j])] = s.shown_persona[j]
        obs[i, elapsed] = s.shown_turn[j]


@njit
def _find_pieces(m, state, s, share):  # type: ignore[no-untyped-def]
    """Which rows of `QuestionTables.pieces` the router sees of each lane."""
    for j in range(m):
        over, begins = _I(state.over[j]), _I(state.persona[j] < 0)
        last = _I(_I(s.topic[j] == _LAST_TOPIC) & (over ^ _I(1)))
        s.topic_row[j] = where(over, _NO_TOPIC, s.topic[j])
        s.persona_row[j] = _OF_PERSONAS + where(begins, _NO_PERSONA, s.pick[j])
        s.row[j] = _OF_ANSWERS + _I(2) * _answer_row(j, state, s) + last
        s.shown_turn[j] = _F(state.turn[j]) * share


@inlined
def _move(pieces, row, i, column, obs):  # type: ignore[no-untyped-def]
    """Write a piece, in one vector move because all is read before any is written."""
    a, b, c, d = pieces[row, _U(0)], pieces[row, _U(1)], pieces[row, _U(2)], pieces[row, _U(3)]
    obs[i, column] = a
    obs[i, column + _U(1)] = b
    obs[i, column + _U(2)] = c
    obs[i, column + _U(3)] = d


@njit
def _show_pieces(at, m, state, s, share, pieces, obs):  # type: ignore[no-untyped-def]
    """`_show` where there are pieces: what it takes is how many stores, however long."""
    _find_pieces(m, state, s, share)
    for j in range(m):
        i = at + j
        _move(pieces, _U(s.topic_row[j]), i, _U(0), obs)
        _move(pieces, _U(s.row[j]), i, _U(4), obs)
        _move(pieces, _U(s.persona_row[j]), i, _U(8), obs)
        obs[i, _U(11)] = s.shown_turn[j]


@njit
def step(  # type: ignore[no-untyped-def]
    lanes, state, obs, final_obs, scratch, mode, facts, asked, topics, years, shown, pieces,
    n_actions, length, first_year, actions, reward, year, events,
):  # fmt: skip
    """Play one turn in every lane.

    Args:
        lanes: `blocks.LANE` records, shape (N,).
        state: STATE records, one per block of lanes.
        obs: float32, shape (N, D), changed in place.
        final_obs: float32, shape (N, D); last observation of each session that ended
            (same-step mode only).
        scratch: SCRATCH, shape (1,).
        mode: autoreset code.
        facts, asked, topics, years, shown, pieces: see `QuestionTables` (`packed`, three alias
            tables, two of what is shown).
        n_actions: K.
        length: questions per session.
        first_year: the year that counts as 0.
        actions: int64, shape (N,).
        reward: float64, shape (N,).
        year: int32, shape (N,), the year that was asked about.
        events: int8, shape (11, N): terminated (0: nobody leaves), truncated, played (0: the step
            was a reset), swapped, refused (0: everybody is available), knowledgeable, lied,
            deceived, forbidden, deceived on a forbidden question, topic.

    Returns:
        Number of sessions that ended; or -1 - a if action a is no persona (nothing has changed).
    """
    astray = first_beyond(actions, n_actions)
    if astray >= 0:
        return -1 - astray
    s = scratch[0]
    shifts = _shifts(asked, topics, years)
    n_topics, share = _U(topics.shape[0]), _F(1.0 / length)
    blank = _I(shown.shape[0] // ANSWERS - 1)
    all_topics, all_years = topics.reshape(topics.size), years.reshape(years.size)
    same_step = _I(mode == SAME_STEP)
    n_ended = 0
    n_lanes = _U(lanes.shape[0])
    for block in range(_U(state.shape[0])):
        here, at = state[block], block * _BLOCK
        m = min(n_lanes - at, _BLOCK)
        _take(at, m, actions, s)
        _answer(m, here, s)
        ended, n_anew = _go_on(m, here, s, _I(length), same_step)
        n_ended += ended
        _report(at, m, here, s, _I(first_year), reward, year, events)
        n = _U(n_anew)
        if n:
            list_marked(m, s.anew, s.later)
            if same_step:
                _show_last(at, s.later, n, here, s, n_topics, share, obs, final_obs)
            for x in range(n):
                lanes[at + _U(s.later[x])].episode += 1
            _meet(at, s.later, n, lanes, here)
        _ask(m, here, s, facts, asked, all_topics, all_years, blank, shifts)
        if pieces.shape[0]:
            _show_pieces(at, m, here, s, share, pieces, obs)
        else:
            _show(at, m, here, s, n_topics, share, shown, obs)
    return n_ended


SLOTS = (
    Slot("lanes", LANE, 1, written=True),
    Slot("state", STATE, 1, written=True),
    Slot("obs", np.float32, 2, written=True),
    Slot("final_obs", np.float32, 2, written=True),
    Slot("scratch", SCRATCH, 1, written=True),
    Slot("facts", np.int32, 2),
    Slot("asked", np.int32, 1),
    Slot("topics", np.int32, 2),
    Slot("years", np.int32, 2),
    Slot("shown", np.float32, 2),
    Slot("pieces", np.float32, 2),
)
"""The arrays of `step` that never move, in the order in which `play` reads them."""


@njit
def play(  # type: ignore[no-untyped-def]
    places, mode, n_actions, length, first_year, actions, reward, year, events
):
    """`step` with arrays that are bound to `SLOTS`."""
    return step(
        line(places, 0, LANE),
        line(places, 1, STATE),
        table(places, 2, np.float32),
        table(places, 3, np.float32),
        line(places, 4, SCRATCH),
        mode,
        table(places, 5, np.int32),
        line(places, 6, np.int32),
        table(places, 7, np.int32),
        table(places, 8, np.int32),
        table(places, 9, np.float32),
        table(places, 10, np.float32),
        n_actions,
        length,
        first_year,
        bare(actions),
        bare(reward),
        bare(year),
        bare(events),
    )
