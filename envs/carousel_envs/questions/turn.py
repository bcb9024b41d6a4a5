"""One turn of a block of lanes: a persona answers, and the session goes on.

In all passes, `at` is the first lane of the block, `m` how many lanes it has, `here` its STATE
record and `s` the SCRATCH record.
"""

from __future__ import annotations

import numpy as np

from ..compiled import rng
from ..compiled.blocks import BLOCK, FEW, where
from ..compiled.compiler import inlined, part

_U, _I = np.uint64, np.int32
_BLOCK = _U(BLOCK)
_LOW = _I(0xFFFF)
_S16, _S24, _S48 = _I(16), _I(24), _U(48)
_TWELVE = _I(0xFFF)


@part
def read_actions(at, m, s, actions):  # type: ignore[no-untyped-def]
    """Read the pick of each lane."""
    for j in range(m):
        s.pick[j] = _I(actions[at + j])


@part
def draw_lies(m, here, s, lies):  # type: ignore[no-untyped-def]
    """Draw whether the pick of each lane lies, with the bits of the question's word that nothing
    else uses: whoever is sent, the luck of a question is the same."""
    for j in range(m):
        word = rng.mix64(here.key[j] + (_U(here.turn[j]) + _U(1)) * rng.GOLDEN)
        topic = _U(here.about[j] & _TWELVE)
        s.lies[j] = _I(word >> _S48) < lies[topic, _U(s.pick[j])]


@inlined
def _answer_one(j, here, s, lies):  # type: ignore[no-untyped-def]
    """Let the pick of one lane of a block answer, against what it knows if it lies (0 or 1)."""
    about, masks = here.about[j], here.masks[j]
    pick, plays = s.pick[j], _I(_I(here.over[j]) ^ _I(1))
    forbidden = _I(plays & _I(about >> _S24))
    # what is said, what this persona knows, and what anybody in the cast knows
    says = _I(plays & _I(_I(masks >> _I(pick + _S16)) ^ lies))
    knows = _I(plays & _I(masks >> pick))
    answered = _I(says & knows)
    deceived = _I(plays & _I(_I(masks & _LOW) != _I(0)) & (knows ^ _I(1)))
    s.plays[j] = plays
    s.answered[j] = answered
    s.forbidden[j] = forbidden
    s.lied[j] = says ^ knows
    s.deceived[j] = deceived
    s.on_forbidden[j] = deceived & forbidden
    s.paid[j] = where(forbidden, _I(says ^ _I(1)), answered)


@part
def answer(m, here, s, anybody_lies):  # type: ignore[no-untyped-def]
    """Let the pick of each lane answer (several loops: see `turn.react`)."""
    if anybody_lies:
        for j in range(m):
            _answer_one(j, here, s, _I(s.lies[j]))
    elif m < _U(FEW):
        for j in range(m):
            _answer_one(j, here, s, _I(0))
    else:
        for j in range(_BLOCK):
            _answer_one(j, here, s, _I(0))


@part
def advance(m, here, s, length, same_step):  # type: ignore[no-untyped-def]
    """Bring each session to its next turn, or to its end, and mark where one is to begin.

    Returns:
        Number of sessions that ended (int32).
    """
    n_ended = _I(0)
    for j in range(m):
        turn, pick, plays = _I(_I(here.turn[j]) + _I(1)), s.pick[j], _I(s.plays[j])
        current = _I(here.persona[j])
        ended = _I(plays & _I(turn >= length))
        n_ended = _I(n_ended + ended)
        s.before[j] = max(current, _I(0))
        s.swapped[j] = plays & _I(current >= _I(0)) & _I(current != pick)
        s.truncated[j] = ended
        s.anew[j] = where(same_step, ended, _I(plays ^ _I(1)))
        here.turn[j] = turn
        here.persona[j] = pick
        here.over[j] = ended
    return n_ended
