"""What is asked next in a block of lanes, and what is shown of it.

Which bits decide what. Question t (from 0) of an episode owns word t + 1 of its stream (`rng.py`):
16 bits pick what is asked, 16 the topic that is shown, 16 the year that is shown, and the last 16
whether whoever is sent lies. Nothing that the router does moves any of it: two routers that play
the same user are asked the same questions.
"""

from __future__ import annotations

import numpy as np

from ..compiled import rng
from ..compiled.blocks import drawn, gather, where
from ..compiled.compiler import inlined, part

_U, _I, _F = np.uint64, np.int32, np.float32
_LOW, _HALF = _I(0xFFFF), _U(0xFFFFFFFF)
_S12, _S16, _S32 = _I(12), _I(16), _U(32)
_TWELVE = _I(0xFFF)


@inlined
def _within(shift):  # type: ignore[no-untyped-def]
    """The bits of a draw within a column of an alias table."""
    return _I((_I(1) << shift) - _I(1))


@inlined
def _columns(shift):  # type: ignore[no-untyped-def]
    """Columns of an alias table."""
    return _I(_I(1) << (_I(16) - shift))


@part
def _draw(m, here, s, settings):  # type: ignore[no-untyped-def]
    """Draw what each lane is asked next, and what is shown of it, as places in alias tables."""
    for j in range(m):
        word = rng.mix64(here.key[j] + (_U(here.turn[j]) + _U(1)) * rng.GOLDEN)
        s.word[j] = _I(word & _HALF)
        s.word_high[j] = _I(word >> _S32) & _LOW
    question, topic, year = settings.question_shift, settings.topic_shift, settings.year_shift
    for j in range(m):
        low = s.word[j]
        s.column[j] = _I(low & _LOW) >> question
        s.topic_column[j] = _I(_I(low >> _S16) & _LOW) >> topic
        s.year_column[j] = s.word_high[j] >> year


@part
def _find_question(m, s, within):  # type: ignore[no-untyped-def]
    """What is asked, where its alias table says so."""
    for j in range(m):
        s.next[j] = drawn(s.entry[j], s.column[j], _I(s.word[j] & within))


@part
def _find_facts(m, here, s, facts):  # type: ignore[no-untyped-def]
    """What is known of the question."""
    for j in range(m):
        question = _U(s.next[j])
        here.about[j] = facts[question, _U(0)]
        here.masks[j] = facts[question, _U(1)]


@part
def _find_rows(m, here, s, topic_columns, year_columns):  # type: ignore[no-untyped-def]
    """Where the alias tables of the topic and the year that are shown are read."""
    for j in range(m):
        about = here.about[j]
        topic, year = _I(about & _TWELVE), _I(_I(about >> _S12) & _TWELVE)
        s.topic[j] = topic * topic_columns + s.topic_column[j]
        s.year[j] = year * year_columns + s.year_column[j]


@part
def _find_shown(m, s, within_topic, within_year):  # type: ignore[no-untyped-def]
    """Which topic and which year are shown."""
    for j in range(m):
        topic_draw = _I(_I(s.word[j] >> _S16) & within_topic)
        s.topic[j] = drawn(s.topic_entry[j], s.topic_column[j], topic_draw)
        s.year[j] = drawn(s.year_entry[j], s.year_column[j], _I(s.word_high[j] & within_year))


@part
def _put(m, here, s, no_year):  # type: ignore[no-untyped-def]
    """Put the question to each lane; nothing new where the session is over."""
    for j in range(m):
        over, seen = _I(here.over[j]), _I(here.shown[j])
        s.topic_before[j] = seen
        s.year[j] = where(over, no_year, s.year[j])
        s.shown_topic[j] = _F(over ^ _I(1))
        here.question[j] = where(over, _I(here.question[j]), s.next[j])
        here.shown[j] = where(over, seen, s.topic[j])


@part
def ask(m, here, s, arrays):  # type: ignore[no-untyped-def]
    """Draw what each lane is asked next, and what is shown of it."""
    # a function a loop: in one function compilers make no vectors of some
    settings = arrays.settings[0]
    question, topic, year = settings.question_shift, settings.topic_shift, settings.year_shift
    _draw(m, here, s, settings)
    gather(m, s.column, arrays.asked, s.entry)
    _find_question(m, s, _within(question))
    _find_facts(m, here, s, arrays.facts)
    _find_rows(m, here, s, _columns(topic), _columns(year))
    gather(m, s.topic, arrays.topics, s.topic_entry)
    gather(m, s.year, arrays.years, s.year_entry)
    _find_shown(m, s, _within(topic), _within(year))
    _put(m, here, s, settings.no_year)
