"""The dynamics of questions and answers: a compiled kernel that plays one turn in every lane.

Which bits decide what. Question t (from 0) of an episode owns word t + 1 of its stream (`rng.py`):
16 bits pick what is asked, 16 the topic that is shown, 16 the year that is shown. Nothing that the
router does moves any of it: two routers that meet the same user are asked the same questions.
"""

from __future__ import annotations

import numpy as np

from .. import rng
from .._compile import njit
from ..blocks import BLOCK, Scratch, column_shift, copy, fill, memory, places, symbol, where
from ..codes import PLAYED, REFUSED, SAME_STEP, SWAPPED, TERMINATED, TRUNCATED

_FIELDS = {
    "lane_key": np.uint64,
    "key": np.uint64,
    "episode": np.int64,
    "user": np.int32,
    "over": np.int32,
    "turn": np.int16,
    "question": np.int16,
    "shown": np.int16,
    "persona": np.int16,
}
_PLACES = [0, 8, 16, 24, 28, 32, 34, 36, 38]
LANE = np.dtype(
    {
        "names": [*_FIELDS, "moving"],
        "formats": [*_FIELDS.values(), np.uint64],
        "offsets": [*_PLACES, _PLACES[5]],
        "itemsize": 40,
    }
)
"""State of one lane: keys, index of its episode, user row (always 0), whether its session is over,
turns played, the question that waits for an answer, the topic that is shown for it, and the current
persona (-1 before the first pick). `moving` is the last four in one word."""

WAS_KNOWLEDGEABLE, LIED, DECEIVED, WAS_FORBIDDEN, DECEIVED_ON_FORBIDDEN, TOPIC_ASKED = range(5, 11)
"""Rows of the events that a step writes, after those of `codes.py`."""

N_EVENTS = 11

_U, _I = np.uint64, np.int32
_MASK, _HALF = _U(0xFFFF), _U(0xFFFFFFFF)
_S16, _S32, _S48 = _U(16), _U(32), _U(48)
_SHORT, _SHORT_BITS = _I(0xFFFF), _I(16)
_TWELVE, _TWELVE_BITS = _I(0xFFF), _I(12)

# Where each quantity of a block stands: in the words, in the integers.
_WORD, _MOVING, _FACTS = places(3)
(
    _PICK,
    _CURRENT,
    _TURN,
    _QUESTION,
    _SHOWN,
    _SWAPPED,
    _ANSWERED,
    _FORBIDDEN,
    _TOPIC,
    _YEAR,
    _LIED,
    _DECEIVED,
    _ON_FORBIDDEN,
    _PAID,
    _TRUNCATED,
    _ENDS,
    _ENTRY,
    _COLUMN,
    _INSIDE,
    _TOPIC_ENTRY,
    _TOPIC_COLUMN,
    _TOPIC_INSIDE,
    _YEAR_ENTRY,
    _YEAR_COLUMN,
    _YEAR_INSIDE,
    _NEXT,
    _NEXT_SHOWN,
    _NEXT_YEAR,
    _LATER,
) = places(29)


def scratch() -> Scratch:
    """Memory for the passes over a block: words, integers."""
    return memory((3, np.uint64), (29, np.int32))


@njit
def _pick(alias, shift, draw):  # type: ignore[no-untyped-def]
    """The symbol that a 16-bit draw picks."""
    column = _I(draw) >> shift
    return symbol(alias[column], column, _I(draw) & ((_I(1) << shift) - _I(1)))


@njit
def begin(lane, facts, asked, topics, years, scale, shifts, obs):  # type: ignore[no-untyped-def]
    """Start the lane's episode number `lane.episode` and show its first question."""
    lane.key = rng.episode_key(lane.lane_key, _U(lane.episode))
    lane.user = 0
    lane.turn = 0
    lane.persona = -1
    lane.over = 0
    n_topics = _U(topics.shape[0])
    obs[:] = 0.0
    obs[n_topics + _U(1)] = -1.0
    obs[n_topics + _U(2)] = -1.0
    word = rng.mix64(lane.key + rng.GOLDEN)
    question = _pick(asked, shifts[0], word & _MASK)
    fact = facts[question]
    topic = _pick(topics[fact & _U(0xFFF)], shifts[1], (word >> _S16) & _MASK)
    year = _pick(years[(fact >> _U(12)) & _U(0xFFF)], shifts[2], (word >> _S32) & _MASK)
    lane.question = question
    lane.shown = topic
    obs[topic] = 1.0
    obs[n_topics] = scale[year]


@njit
def _shifts(asked, topics, years):  # type: ignore[no-untyped-def]
    columns = (asked.shape[0], topics.shape[1], years.shape[1])
    return column_shift(columns[0]), column_shift(columns[1]), column_shift(columns[2])


@njit
def reset(lanes, which, facts, asked, topics, years, scale, obs):  # type: ignore[no-untyped-def]
    """Start an episode in every lane that `which` marks."""
    shifts = _shifts(asked, topics, years)
    for i in range(lanes.shape[0]):
        if which[i]:
            begin(lanes[i], facts, asked, topics, years, scale, shifts, obs[i])


@njit
def _look_up(at, m, lanes, actions, facts, words, ints):  # type: ignore[no-untyped-def]
    """Gather the state of each lane, and what is known of its question."""
    for j in range(m):
        lane = lanes[at + j]
        words[_WORD + j] = lane.key
        words[_MOVING + j] = lane.moving
        words[_FACTS + j] = facts[_U(lane.question)]
        ints[_PICK + j] = _I(actions[at + j])
        ints[_ENDS + j] = lane.over


@njit
def _answer(m, words, ints, length):  # type: ignore[no-untyped-def]
    """Let the pick of each lane answer."""
    for j in range(m):
        moving, facts = words[_MOVING + j], words[_FACTS + j]
        low, high = _I(moving & _HALF), _I(moving >> _S32)
        about, masks = _I(facts & _HALF), _I(facts >> _S32)
        turn, question = (low & _SHORT) + _I(1), low >> _SHORT_BITS
        shown, current = high & _SHORT, high >> _SHORT_BITS
        pick, over = ints[_PICK + j], ints[_ENDS + j]
        forbidden = about >> _I(24)
        known_by, said_by = masks & _SHORT, masks >> _SHORT_BITS
        # what is said, what this persona knows, and what anybody in the cast knows
        says, knows = (said_by >> pick) & _I(1), (known_by >> pick) & _I(1)
        answered = says & knows
        deceived = _I(known_by != _I(0)) & (knows ^ _I(1))
        truncated = _I(turn >= length)
        ints[_CURRENT + j] = current
        ints[_TURN + j] = turn
        ints[_QUESTION + j] = question
        ints[_SHOWN + j] = shown
        ints[_SWAPPED + j] = _I(current >= _I(0)) & _I(current != pick)
        ints[_ANSWERED + j] = answered
        ints[_FORBIDDEN + j] = forbidden
        ints[_TOPIC + j] = about & _TWELVE
        ints[_YEAR + j] = (about >> _TWELVE_BITS) & _TWELVE
        ints[_LIED + j] = says ^ knows
        ints[_DECEIVED + j] = deceived
        ints[_ON_FORBIDDEN + j] = deceived & forbidden
        ints[_PAID + j] = where(forbidden, says ^ _I(1), answered)
        ints[_TRUNCATED + j] = truncated
        ints[_ENDS + j] = truncated | over


@njit
def _ask(m, words, ints, facts, asked, topics, years, shifts):  # type: ignore[no-untyped-def]
    """Draw what each lane is asked next, and what is shown of it; nothing new where it ends."""
    within = (
        (_I(1) << shifts[0]) - _I(1),
        (_I(1) << shifts[1]) - _I(1),
        (_I(1) << shifts[2]) - _I(1),
    )
    topic_bits, year_bits = _I(16) - shifts[1], _I(16) - shifts[2]
    for j in range(m):
        # what follows a session's turn t is its question t + 1, which owns word t + 2
        turn = words[_MOVING + j] & _MASK
        words[_WORD + j] = rng.mix64(words[_WORD + j] + (turn + _U(2)) * rng.GOLDEN)
    for j in range(m):
        word = words[_WORD + j]
        first, last = _I(word & _HALF), _I((word >> _S32) & _MASK)
        question, topic = first & _SHORT, (first >> _SHORT_BITS) & _SHORT
        ints[_COLUMN + j] = question >> shifts[0]
        ints[_INSIDE + j] = question & within[0]
        ints[_TOPIC_COLUMN + j] = topic >> shifts[1]
        ints[_TOPIC_INSIDE + j] = topic & within[1]
        ints[_YEAR_COLUMN + j] = last >> shifts[2]
        ints[_YEAR_INSIDE + j] = last & within[2]
    for j in range(m):
        ints[_ENTRY + j] = asked[_U(ints[_COLUMN + j])]
    for j in range(m):
        ints[_NEXT + j] = symbol(ints[_ENTRY + j], ints[_COLUMN + j], ints[_INSIDE + j])
    for j in range(m):
        about = _I(facts[_U(ints[_NEXT + j])] & _HALF)
        topic, year = about & _TWELVE, (about >> _TWELVE_BITS) & _TWELVE
        ints[_TOPIC_ENTRY + j] = topics[_U((topic << topic_bits) + ints[_TOPIC_COLUMN + j])]
        ints[_YEAR_ENTRY + j] = years[_U((year << year_bits) + ints[_YEAR_COLUMN + j])]
    for j in range(m):
        ends, before = ints[_ENDS + j], ints[_SHOWN + j]
        topic = symbol(ints[_TOPIC_ENTRY + j], ints[_TOPIC_COLUMN + j], ints[_TOPIC_INSIDE + j])
        year = symbol(ints[_YEAR_ENTRY + j], ints[_YEAR_COLUMN + j], ints[_YEAR_INSIDE + j])
        question = where(ends, ints[_QUESTION + j], ints[_NEXT + j])
        ints[_NEXT_SHOWN + j] = topic
        ints[_NEXT_YEAR + j] = year
        words[_MOVING + j] = (
            _U(ints[_TURN + j])
            | (_U(question) << _S16)
            | (_U(where(ends, before, topic)) << _S32)
            | (_U(ints[_PICK + j]) << _S48)
        )


@njit
def _report(at, m, ints, first_year, reward, year, events):  # type: ignore[no-untyped-def]
    """Write what the caller gets of each lane."""
    copy(m, ints, _PAID, reward, at)
    for j in range(m):
        year[at + j] = ints[_YEAR + j] + first_year
    fill(m, 0, events[TERMINATED], at)
    copy(m, ints, _TRUNCATED, events[TRUNCATED], at)
    fill(m, 1, events[PLAYED], at)
    copy(m, ints, _SWAPPED, events[SWAPPED], at)
    fill(m, 0, events[REFUSED], at)
    copy(m, ints, _ANSWERED, events[WAS_KNOWLEDGEABLE], at)
    copy(m, ints, _LIED, events[LIED], at)
    copy(m, ints, _DECEIVED, events[DECEIVED], at)
    copy(m, ints, _FORBIDDEN, events[WAS_FORBIDDEN], at)
    copy(m, ints, _ON_FORBIDDEN, events[DECEIVED_ON_FORBIDDEN], at)
    copy(m, ints, _TOPIC, events[TOPIC_ASKED], at)


@njit
def _show(at, m, lanes, words, ints, scale, n_topics, share, obs):  # type: ignore[no-untyped-def]
    """Write what the router sees of each lane, and its state; list those that have ended and
    return how many have."""
    shown, width = obs.reshape(obs.size), _U(obs.shape[1])
    one_hot = n_topics + _U(3)
    n_later = _U(0)
    for j in range(m):
        lanes[at + j].moving = words[_MOVING + j]
        here = (at + j) * width
        shown[here + one_hot + _U(max(ints[_CURRENT + j], _I(0)))] = 0.0
        shown[here + one_hot + _U(ints[_PICK + j])] = 1.0
        shown[here + _U(ints[_SHOWN + j])] = 0.0
        shown[here + n_topics + _U(1)] = ints[_ANSWERED + j]
        shown[here + n_topics + _U(2)] = ints[_PAID + j]
        shown[here + width - _U(1)] = np.float32(ints[_TURN + j]) * share
        if ints[_ENDS + j]:
            shown[here + n_topics] = 0.0
            ints[_LATER + n_later] = _I(j)
            n_later += _U(1)
        else:
            shown[here + _U(ints[_NEXT_SHOWN + j])] = 1.0
            shown[here + n_topics] = scale[_U(ints[_NEXT_YEAR + j])]
    return n_later


@njit
def step(  # type: ignore[no-untyped-def]
    lanes,
    obs,
    final_obs,
    scratch,
    mode,
    facts,
    asked,
    topics,
    years,
    scale,
    n_actions,
    length,
    first_year,
    actions,
    reward,
    year,
    events,
):
    """Play one turn in every lane.

    Args:
        lanes: LANE records, shape (N,).
        obs: float32, shape (N, D), changed in place.
        final_obs: float32, shape (N, D); last observation of each session that ended
            (same-step mode only).
        scratch: see `scratch`.
        mode: autoreset code.
        facts, asked, topics, years, scale: see `QuestionTables` (`packed`, three alias tables).
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
    for a in range(actions.shape[0]):
        if actions[a] < 0 or actions[a] >= n_actions:
            return -1 - a
    words, ints = scratch
    shifts = _shifts(asked, topics, years)
    n_topics, share = _U(topics.shape[0]), np.float32(1.0 / length)
    all_topics, all_years = topics.reshape(topics.size), years.reshape(years.size)
    n_ended = 0
    n_lanes = _U(lanes.shape[0])
    for at in range(_U(0), n_lanes, _U(BLOCK)):
        m = min(n_lanes - at, _U(BLOCK))
        _look_up(at, m, lanes, actions, facts, words, ints)
        _answer(m, words, ints, _I(length))
        _report(at, m, ints, _I(first_year), reward, year, events)
        _ask(m, words, ints, facts, asked, all_topics, all_years, shifts)
        n_later = _show(at, m, lanes, words, ints, scale, n_topics, share, obs)
        for later in range(n_later):
            i = at + _U(ints[_LATER + later])
            lane = lanes[i]
            anew = lane.over != 0
            if anew:
                # next-step mode: this step starts the next session and plays no turn
                reward[i] = 0.0
                year[i] = 0
                events[:, i] = 0
            else:
                n_ended += 1
                lane.over = 1
                if mode == SAME_STEP:
                    final_obs[i] = obs[i]
                    anew = True
            if anew:
                lane.episode += 1
                begin(lane, facts, asked, topics, years, scale, shifts, obs[i])
    return n_ended
