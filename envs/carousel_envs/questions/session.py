"""Sessions of questions: the kernels that start them and that play a turn in every lane.

`asking.py` is what is asked, `turn.py` what happens in a turn, `outputs.py` what is written of it.
A session that begins in a step is asked its first question as others are asked their next.
"""

from __future__ import annotations

import numpy as np

from ..compiled import rng
from ..compiled.blocks import BLOCK, first_beyond, list_marked
from ..compiled.bound_arrays import bare, opened
from ..compiled.compiler import part, session_kernel
from . import asking, outputs, turn
from .arrays import QuestionArrays

_U = np.uint64
_BLOCK = _U(BLOCK)


@part
def start_sessions(at, listed, n, lanes, here):  # type: ignore[no-untyped-def]
    """Set the first n listed lanes of a block to the start of episode number `lanes[i].episode`,
    before its first question."""
    for x in range(n):
        j = _U(listed[x])
        i = at + j
        lanes[i].user = 0
        here.key[j] = rng.episode_key(lanes[i].lane_key, _U(lanes[i].episode))
        here.turn[j] = 0
        here.persona[j] = -1
        here.over[j] = 0


@part
def _copy_started(listed, n, starting, here):  # type: ignore[no-untyped-def]
    """Copy the state of the first n listed lanes, to which a question was put, to their block."""
    for x in range(n):
        j = _U(listed[x])
        here.key[j] = starting.key[j]
        here.turn[j] = 0
        here.question[j] = starting.question[j]
        here.shown[j] = starting.shown[j]
        here.persona[j] = -1
        here.over[j] = 0
        here.about[j] = starting.about[j]
        here.masks[j] = starting.masks[j]


@session_kernel
def reset(places, which):  # type: ignore[no-untyped-def]
    """Start episode number `lanes[i].episode` in every marked lane, and show its first question.

    Args:
        places: of the `QuestionArrays`.
        which: bool, shape (N,).
    """
    arrays, marks = opened(places, QuestionArrays), bare(which)
    lanes, s, starting = arrays.lanes, arrays.scratch[0], arrays.starting[0]
    n_lanes = _U(lanes.shape[0])
    for at in range(_U(0), n_lanes, _BLOCK):
        m = min(n_lanes - at, _BLOCK)
        for j in range(m):
            s.anew[j] = marks[at + j]
        n = list_marked(m, s.anew, s.later)
        # questions are put to whole blocks; here to one that holds no session that goes on
        start_sessions(at, s.later, n, lanes, starting)
        asking.ask(m, starting, s, arrays)
        _copy_started(s.later, n, starting, arrays.state[at // _BLOCK])
        outputs.write_first_observations(at, s.later, n, s, arrays)


@session_kernel
def step(places, actions, reward, year, events):  # type: ignore[no-untyped-def]
    """Play one turn in every lane.

    Args:
        places: of the `QuestionArrays`.
        actions: int64, shape (N,).
        reward: float64, shape (N,).
        year: int32, shape (N,), the year that was asked about.
        events: int8, shape (11, N): terminated (0: nobody leaves), truncated, played (0: the step
            was a reset), swapped, refused (0: everybody is available), knowledgeable, lied,
            deceived, forbidden, deceived on a forbidden question, topic.

    Returns:
        Number of sessions that ended; or -1 - i if action i is no persona (nothing has changed).
    """
    arrays, picks = opened(places, QuestionArrays), bare(actions)
    settings, s, lanes = arrays.settings[0], arrays.scratch[0], arrays.lanes
    astray = first_beyond(picks, settings.n_actions)
    if astray >= 0:
        return -1 - astray
    written = outputs.Outputs(bare(reward), bare(year), bare(events))
    n_ended, n_lanes = np.int64(0), _U(lanes.shape[0])
    for block in range(_U(arrays.state.shape[0])):
        here, at = arrays.state[block], block * _BLOCK
        m = min(n_lanes - at, _BLOCK)
        turn.read_actions(at, m, s, picks)
        if settings.lies:
            turn.draw_lies(m, here, s, arrays.lies)
        turn.answer(m, here, s, settings.lies)
        n_ended += turn.advance(m, here, s, settings.length, settings.same_step)
        outputs.write_outputs(at, m, here, s, settings.first_year, written)
        n = list_marked(m, s.anew, s.later)
        if settings.same_step:
            outputs.write_last_observations(at, s.later, n, here, s, arrays)
        for x in range(n):
            lanes[at + _U(s.later[x])].episode += 1
        start_sessions(at, s.later, n, lanes, here)
        asking.ask(m, here, s, arrays)
        outputs.write_observation(at, m, here, s, arrays)
    return n_ended
