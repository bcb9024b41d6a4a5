"""The dynamics of questions and answers: a compiled kernel that plays one turn in every lane.

Which bits decide what. Question t (from 0) of an episode owns word t + 1 of its stream (`rng.py`):
16 bits pick what is asked, 16 the topic that is shown, 16 the year that is shown. Nothing that the
router does moves any of it: two routers that meet the same user are asked the same questions.
"""

from __future__ import annotations

import numpy as np

from .. import rng
from .._compile import njit
from ..session import PLAYED, REFUSED, SAME_STEP, SWAPPED, TERMINATED, TRUNCATED
from .tables import FORBIDDEN, KNOWS, SAYS, TOPIC, YEAR

LANE = np.dtype(
    [
        ("lane_key", np.uint64),
        ("key", np.uint64),
        ("episode", np.int64),
        ("user", np.int32),
        ("turn", np.int32),
        ("persona", np.int32),
        ("over", np.int32),
        ("question", np.int32),
        ("shown", np.int32),
    ],
    align=True,
)
"""State of one lane: keys, index of its episode, user row (always 0), turns played, current persona
(-1 before the first pick), whether its session is over, the question that waits for an answer, and
the topic that is shown for it."""

WAS_KNOWLEDGEABLE, LIED, DECEIVED, WAS_FORBIDDEN, DECEIVED_ON_FORBIDDEN, TOPIC_ASKED = range(5, 11)
"""Rows of the events that a step writes, after those of `session.py`."""

N_EVENTS = 11

_MASK = np.uint64(0xFFFF)
_S16, _S32 = np.uint64(16), np.uint64(32)


@njit
def _shift(columns):  # type: ignore[no-untyped-def]
    """Bits below the column in a 16-bit draw from an alias table of this many columns."""
    shift = np.uint64(16)
    while (np.uint64(1) << (np.uint64(16) - shift)) < np.uint64(columns):
        shift -= np.uint64(1)
    return shift


@njit
def _pick(alias, shift, draw):  # type: ignore[no-untyped-def]
    """The symbol that a 16-bit draw picks."""
    column = draw >> shift
    entry = np.int64(alias[column])
    inside = np.int64(draw & ((np.uint64(1) << shift) - np.uint64(1)))
    return np.int64(column) if inside < (entry >> 12) else entry & 4095


@njit
def _ask(lane, facts, asked, topics, years, scale, shifts, obs):  # type: ignore[no-untyped-def]
    """Draw the lane's next question and show it; `obs` shows no topic yet."""
    word = rng.mix64(lane.key + (np.uint64(lane.turn) + np.uint64(1)) * rng.GOLDEN)
    question = _pick(asked, shifts[0], word & _MASK)
    topic = _pick(topics[facts[question, TOPIC]], shifts[1], (word >> _S16) & _MASK)
    year = _pick(years[facts[question, YEAR]], shifts[2], (word >> _S32) & _MASK)
    lane.question = question
    lane.shown = topic
    obs[topic] = 1.0
    obs[topics.shape[0]] = scale[year]


@njit
def begin(lane, facts, asked, topics, years, scale, shifts, obs):  # type: ignore[no-untyped-def]
    """Start the lane's episode number `lane.episode` and show its first question."""
    lane.key = rng.episode_key(lane.lane_key, np.uint64(lane.episode))
    lane.user = 0
    lane.turn = 0
    lane.persona = -1
    lane.over = 0
    obs[:] = 0.0
    obs[topics.shape[0] + 1] = -1.0
    obs[topics.shape[0] + 2] = -1.0
    _ask(lane, facts, asked, topics, years, scale, shifts, obs)


@njit
def reset(lanes, which, facts, asked, topics, years, scale, obs):  # type: ignore[no-untyped-def]
    """Start an episode in every lane that `which` marks."""
    shifts = (_shift(asked.shape[0]), _shift(topics.shape[1]), _shift(years.shape[1]))
    for i in range(lanes.shape[0]):
        if which[i]:
            begin(lanes[i], facts, asked, topics, years, scale, shifts, obs[i])


@njit
def step(  # type: ignore[no-untyped-def]
    lanes,
    actions,
    facts,
    asked,
    topics,
    years,
    scale,
    n_actions,
    length,
    first_year,
    mode,
    obs,
    reward,
    year,
    events,
    final_obs,
):
    """Play one turn in every lane.

    Args:
        lanes: LANE records, shape (N,).
        actions: int64, shape (N,).
        facts, asked, topics, years, scale: see `QuestionTables` (the three alias tables).
        n_actions: K.
        length: questions per session.
        first_year: the year that counts as 0.
        mode: autoreset code.
        obs: float32, shape (N, D), changed in place.
        reward: float64, shape (N,).
        year: int32, shape (N,), the year that was asked about.
        events: int8, shape (11, N): terminated (0: nobody leaves), truncated, played (0: the step
            was a reset), swapped, refused (0: everybody is available), knowledgeable, lied,
            deceived, forbidden, deceived on a forbidden question, topic.
        final_obs: float32, shape (N, D); last observation of each session that ended
            (same-step mode only).

    Returns:
        Number of sessions that ended; or -1 - i if action i is no persona (nothing has changed).
    """
    for i in range(actions.shape[0]):
        if actions[i] < 0 or actions[i] >= n_actions:
            return -1 - i
    shifts = (_shift(asked.shape[0]), _shift(topics.shape[1]), _shift(years.shape[1]))
    n_topics = topics.shape[0]
    one_hot = n_topics + 3
    share = np.float32(1.0 / length)
    n_ended = 0
    for i in range(lanes.shape[0]):
        lane = lanes[i]
        if lane.over:
            # next-step mode: this step starts the next session and plays no turn
            lane.episode += 1
            begin(lane, facts, asked, topics, years, scale, shifts, obs[i])
            reward[i] = 0.0
            year[i] = 0
            events[:, i] = 0
            continue
        question = lane.question
        pick = actions[i]

        # 1. who answers
        current = lane.persona
        swapped = current >= 0 and current != pick
        if current >= 0:
            obs[i, one_hot + current] = 0.0
        obs[i, one_hot + pick] = 1.0
        lane.persona = pick

        # 2. what is said, what this persona knows, and what anybody in the cast knows
        says = (facts[question, SAYS] >> pick) & 1
        knows = (facts[question, KNOWS] >> pick) & 1
        forbidden = facts[question, FORBIDDEN]
        answered = says & knows
        deceived = (facts[question, KNOWS] != 0) & (knows == 0)
        paid = 1 - says if forbidden else answered
        reward[i] = paid
        year[i] = first_year + facts[question, YEAR]

        events[TERMINATED, i] = 0
        events[PLAYED, i] = 1
        events[SWAPPED, i] = swapped
        events[REFUSED, i] = 0
        events[WAS_KNOWLEDGEABLE, i] = answered
        events[LIED, i] = says != knows
        events[DECEIVED, i] = deceived
        events[WAS_FORBIDDEN, i] = forbidden
        events[DECEIVED_ON_FORBIDDEN, i] = deceived & (forbidden != 0)
        events[TOPIC_ASKED, i] = facts[question, TOPIC]

        lane.turn += 1
        obs[i, lane.shown] = 0.0
        obs[i, n_topics + 1] = answered
        obs[i, n_topics + 2] = paid
        obs[i, obs.shape[1] - 1] = np.float32(lane.turn) * share

        # 3. the next question, or the end
        if lane.turn < length:
            events[TRUNCATED, i] = 0
            _ask(lane, facts, asked, topics, years, scale, shifts, obs[i])
            continue
        events[TRUNCATED, i] = 1
        obs[i, n_topics] = 0.0
        n_ended += 1
        if mode == SAME_STEP:
            final_obs[i] = obs[i]
            lane.episode += 1
            begin(lane, facts, asked, topics, years, scale, shifts, obs[i])
        else:
            lane.over = 1
    return n_ended
