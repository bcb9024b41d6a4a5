"""Sessions: the kernels that start them and that play a turn in every lane.

`turn.py` is what happens in a turn, `outputs.py` what is written of it.
"""

from __future__ import annotations

import numpy as np

from ..compiled import rng
from ..compiled.blocks import BLOCK, first_beyond, list_marked
from ..compiled.bound_arrays import bare, opened
from ..compiled.compiler import part, session_kernel
from . import outputs, turn
from .arrays import SessionArrays
from .table import FRESH

_U = np.uint64
_BLOCK = _U(BLOCK)
_S32 = _U(32)
USER_BITS = _U(0x5851F42D4C957F2D)
"""What the key of an episode is mixed with to draw its user."""


# Lanes are handed over as a list, not one by one: the rows of different users may lie far away in
# memory, and waits for them overlap only within one loop.


@part
def draw_users(at, listed, n, arrays):  # type: ignore[no-untyped-def]
    """Set the keys of the first n listed lanes of the block that begins with lane `at` to episode
    number `lanes[i].episode`, and draw their users."""
    lanes, here, n_users = arrays.lanes, arrays.state[at // _BLOCK], arrays.rows.shape[0]
    for x in range(n):
        j = _U(listed[x])
        i = at + j
        key = rng.episode_key(lanes[i].lane_key, _U(lanes[i].episode))
        here.key[j] = key
        # multiply-shift maps 32 random bits to a row, without division (Lemire 2019)
        word = rng.mix64(key ^ USER_BITS) >> _S32
        lanes[i].user = np.int64((word * _U(n_users)) >> _S32)


@part
def load_users(at, listed, n, arrays, satiation_rows):  # type: ignore[no-untyped-def]
    """Copy its user's rows to each listed lane, where turns read them one after the other: what a
    turn costs does not depend on how many users there are."""
    lanes, lane_rows, rows = arrays.lanes, arrays.lane_rows, arrays.rows
    here, n_columns = arrays.state[at // _BLOCK], _U(lane_rows.shape[1])
    for x in range(n):
        j = _U(listed[x])
        i = at + j
        user = _U(lanes[i].user)
        for c in range(n_columns):
            lane_rows[i, c] = rows[user, c]
        here.leave[j] = rows[user, n_columns]
        here.goodbye[j] = rows[user, n_columns + _U(1)]
        here.bits[j] = rows[user, n_columns + _U(2)]
    if satiation_rows is not None:
        lane_satiation = arrays.lane_satiation
        for x in range(n):
            i = at + _U(listed[x])
            user = _U(lanes[i].user)
            for c in range(_U(satiation_rows.shape[1])):
                lane_satiation[i, c] = satiation_rows[user, c]


@part
def start_sessions(at, listed, n, arrays, satiation_rows):  # type: ignore[no-untyped-def]
    """Set each listed lane to the start of a session with its user, and write the first observation
    and, where users' masks differ, the mask."""
    lanes, satiation, obs, mask = arrays.lanes, arrays.satiation, arrays.obs, arrays.mask
    first_obs, first_mask = arrays.first_obs, arrays.first_mask
    here, n_actions, width = arrays.state[at // _BLOCK], _U(mask.shape[1]), _U(obs.shape[1])
    many = first_obs.shape[0] > 1
    for x in range(n):
        j = _U(listed[x])
        i = at + j
        here.turn[j] = 0
        here.streak[j] = 0
        here.mood[j] = FRESH
        here.persona[j] = -1
        here.farewell[j] = 0
        here.over[j] = 0
        row = _U(lanes[i].user) if many else _U(0)
        # loops, because assignments to slices take several times as long
        for c in range(width):
            obs[i, c] = first_obs[row, c]
        if many:
            for k in range(n_actions):
                mask[i, k] = first_mask[row, k]
        if satiation_rows is not None:
            for k in range(n_actions):
                satiation[i, k] = 0.0


@session_kernel
def reset(places, which, users):  # type: ignore[no-untyped-def]
    """Start episode number `lanes[i].episode` in every marked lane.

    Args:
        places: of the `SessionArrays`.
        which: bool, shape (N,).
        users: int64, shape (N,), rows of the user table; -1: drawn.
    """
    arrays = opened(places, SessionArrays)
    lanes, s, gains = arrays.lanes, arrays.scratch[0], arrays.satiation_rows
    marks, chosen = bare(which), bare(users)
    n_lanes = _U(lanes.shape[0])
    for at in range(_U(0), n_lanes, _BLOCK):
        m = min(n_lanes - at, _BLOCK)
        for j in range(m):
            s.anew[j] = marks[at + j]
        n = list_marked(m, s.anew, s.later)
        draw_users(at, s.later, n, arrays)
        for x in range(n):
            i = at + _U(s.later[x])
            if chosen[i] >= 0:
                lanes[i].user = chosen[i]
        load_users(at, s.later, n, arrays, gains)
        start_sessions(at, s.later, n, arrays, gains)


@session_kernel
def load_all_users(places):  # type: ignore[no-untyped-def]
    """Copy its user's rows to every lane."""
    arrays = opened(places, SessionArrays)
    s, n_lanes = arrays.scratch[0], _U(arrays.lanes.shape[0])
    for j in range(_BLOCK):
        s.later[j] = j
    for at in range(_U(0), n_lanes, _BLOCK):
        load_users(at, s.later, min(n_lanes - at, _BLOCK), arrays, arrays.satiation_rows)


@session_kernel
def step(places, actions, reward, detail, events):  # type: ignore[no-untyped-def]
    """Play one turn in every lane.

    Args:
        places: of the `SessionArrays`.
        actions: int64, shape (N,).
        reward: float64, shape (N,).
        detail: float32, shape (2, N), or (1, N) where welfare is not kept: probability of
            engagement, welfare.
        events: int8, shape (6, N): terminated, truncated, played (0: the step was a reset),
            swapped, refused, mood; with shape (8, N) also: kept after a goodbye, nobody enacted.

    Returns:
        Number of sessions that ended; or -1 - i if action i is no persona (nothing has changed).
    """
    arrays, picks = opened(places, SessionArrays), bare(actions)
    astray = first_beyond(picks, arrays.mask.shape[1])
    if astray >= 0:
        return -1 - astray
    lanes, obs, final_obs = arrays.lanes, arrays.obs, arrays.final_obs
    gains, hook = arrays.satiation_rows, arrays.hook
    settings, s = arrays.settings[0], arrays.scratch[0]
    written = outputs.Outputs(bare(reward), bare(detail), bare(events))
    n_ended, n_lanes = np.int64(0), _U(lanes.shape[0])
    for block in range(_U(arrays.state.shape[0])):
        here, at = arrays.state[block], block * _BLOCK
        m = min(n_lanes - at, _BLOCK)
        turn.resolve_actions(at, m, here, s, picks, settings.n_personas)
        turn.look_up(at, m, s, arrays, gains, hook)
        turn.draw_words(m, here, s, hook)
        turn.react(m, here, s, gains)
        turn.say_goodbye(m, here, s, hook)
        n_ended += turn.advance(m, here, s, settings.length, settings.same_step)
        outputs.write_outputs(at, m, s, settings, written, arrays.pays)
        outputs.write_welfare(at, m, here, s, settings, written, arrays.welfare_rows)
        outputs.write_observation(at, m, here, s, arrays, gains, hook)
        n = list_marked(m, s.anew, s.later)
        for x in range(n):
            i = at + _U(s.later[x])
            lanes[i].episode += 1
            if settings.same_step:
                for c in range(_U(obs.shape[1])):
                    final_obs[i, c] = obs[i, c]
        draw_users(at, s.later, n, arrays)
        load_users(at, s.later, n, arrays, gains)
        start_sessions(at, s.later, n, arrays, gains)
    return n_ended
