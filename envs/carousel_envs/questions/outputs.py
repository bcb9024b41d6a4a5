"""What the kernel of questions writes of a turn: reward, events, observation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..compiled.blocks import copy, fill, where
from ..compiled.codes import PLAYED, REFUSED, SWAPPED, TERMINATED, TRUNCATED
from ..compiled.compiler import inlined, part
from .table import ANSWERS, BEGINS, IN_PIECES

if TYPE_CHECKING:
    from ..compiled.bound_arrays import Array

WAS_KNOWLEDGEABLE, LIED, DECEIVED, WAS_FORBIDDEN, DECEIVED_ON_FORBIDDEN, TOPIC_ASKED = range(5, 11)
"""Rows of the events that a step writes, after those of `codes.py`."""

N_EVENTS = 11

_U, _I, _F = np.uint64, np.int32, np.float32
_S12 = _I(12)
_TWELVE = _I(0xFFF)
_LAST_TOPIC, _NO_TOPIC, _NO_PERSONA = _I(IN_PIECES[0] - 1), _I(IN_PIECES[0]), _I(IN_PIECES[1])
# where in `QuestionTables.pieces` those of personas and of answers begin
_OF_PERSONAS, _OF_ANSWERS = _I(IN_PIECES[0] + 1), _I(sum(IN_PIECES) + 2)


class Outputs(NamedTuple):
    """The arrays that a step is given to write; see `session.step`."""

    reward: Array
    year: Array
    events: Array


@part
def write_outputs(at, m, here, s, first_year, outputs):  # type: ignore[no-untyped-def]
    """Write what the caller gets of each lane."""
    reward, year, events = outputs
    for j in range(m):
        reward[at + j] = s.paid[j]
    for j in range(m):
        asked = _I(_I(here.about[j] >> _S12) & _TWELVE)
        year[at + j] = _I(asked + first_year) & -_I(s.plays[j])
    for j in range(m):
        events[_U(TOPIC_ASKED), at + j] = here.about[j] & _TWELVE & -_I(s.plays[j])
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


@part
def write_first_observations(at, listed, n, s, arrays):  # type: ignore[no-untyped-def]
    """Write the first observations of the first n listed lanes, to which a question was put."""
    obs, shown, n_topics = arrays.obs, arrays.shown, _U(arrays.settings[0].n_topics)
    for x in range(n):
        j = _U(listed[x])
        i = at + j
        for c in range(_U(obs.shape[1])):
            obs[i, c] = 0.0
        obs[i, _U(s.topic[j])] = 1.0
        for c in range(_U(3)):
            obs[i, n_topics + c] = shown[_U(_I(ANSWERS) * s.year[j] + _I(BEGINS)), c]


@part
def write_last_observations(at, listed, n, here, s, arrays):  # type: ignore[no-untyped-def]
    """Write the last observations of the first n listed lanes, whose sessions are over and are
    about to begin anew."""
    settings, obs, final_obs = arrays.settings[0], arrays.obs, arrays.final_obs
    n_topics, share = _U(settings.n_topics), settings.share
    for x in range(n):
        j = _U(listed[x])
        i = at + j
        for c in range(_U(obs.shape[1])):
            final_obs[i, c] = obs[i, c]
        final_obs[i, _U(here.shown[j])] = 0.0
        final_obs[i, n_topics] = 0.0
        final_obs[i, n_topics + _U(1)] = _I(s.answered[j])
        final_obs[i, n_topics + _U(2)] = s.paid[j]
        final_obs[i, n_topics + _U(3) + _U(s.before[j])] = 0.0
        final_obs[i, n_topics + _U(3) + _U(s.pick[j])] = 1.0
        final_obs[i, _U(obs.shape[1]) - _U(1)] = _F(here.turn[j]) * share


@inlined
def _answer_row(j, here, s):  # type: ignore[no-untyped-def]
    """Row of `QuestionTables.shown` that a lane is shown; another where its session begins."""
    answered = _I(_I(2) * _I(s.answered[j]) + s.paid[j])
    answer = where(_I(here.persona[j] < 0), _I(BEGINS), answered)
    return _I(_I(ANSWERS) * s.year[j] + answer)


@part
def _find_answer(m, here, s, share):  # type: ignore[no-untyped-def]
    """What the router sees of the turn; -1 and no persona where a session begins."""
    for j in range(m):
        s.row[j] = _answer_row(j, here, s)
        s.shown_persona[j] = _F(_I(here.persona[j] >= 0))
        s.shown_turn[j] = _F(here.turn[j]) * share


@part
def _write_columns(at, m, here, s, arrays):  # type: ignore[no-untyped-def]
    """Write what the router sees of each lane, column by column."""
    settings, shown, obs = arrays.settings[0], arrays.shown, arrays.obs
    n_topics = _U(settings.n_topics)
    _find_answer(m, here, s, settings.share)
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


@part
def _find_pieces(m, here, s, share):  # type: ignore[no-untyped-def]
    """Which rows of `QuestionTables.pieces` the router sees of each lane."""
    for j in range(m):
        over, begins = _I(here.over[j]), _I(here.persona[j] < 0)
        last = _I(_I(s.topic[j] == _LAST_TOPIC) & (over ^ _I(1)))
        s.topic_row[j] = where(over, _NO_TOPIC, s.topic[j])
        s.persona_row[j] = _OF_PERSONAS + where(begins, _NO_PERSONA, s.pick[j])
        s.row[j] = _OF_ANSWERS + _I(2) * _answer_row(j, here, s) + last
        s.shown_turn[j] = _F(here.turn[j]) * share


@inlined
def _move(pieces, row, i, column, obs):  # type: ignore[no-untyped-def]
    """Write a piece, in one vector move because all is read before any is written."""
    a, b, c, d = pieces[row, _U(0)], pieces[row, _U(1)], pieces[row, _U(2)], pieces[row, _U(3)]
    obs[i, column] = a
    obs[i, column + _U(1)] = b
    obs[i, column + _U(2)] = c
    obs[i, column + _U(3)] = d


@part
def _write_pieces(at, m, here, s, arrays):  # type: ignore[no-untyped-def]
    """`_write_columns` where there are pieces: what counts is how many stores, however long."""
    pieces, obs = arrays.pieces, arrays.obs
    _find_pieces(m, here, s, arrays.settings[0].share)
    for j in range(m):
        i = at + j
        _move(pieces, _U(s.topic_row[j]), i, _U(0), obs)
        _move(pieces, _U(s.row[j]), i, _U(4), obs)
        _move(pieces, _U(s.persona_row[j]), i, _U(8), obs)
        obs[i, _U(11)] = s.shown_turn[j]


@part
def write_observation(at, m, here, s, arrays):  # type: ignore[no-untyped-def]
    """Write what the router sees of each lane."""
    if arrays.pieces.shape[0]:
        _write_pieces(at, m, here, s, arrays)
    else:
        _write_columns(at, m, here, s, arrays)
