"""Sessions: how one begins in a lane, and the kernel that plays a turn in every lane (`turn.py`:
what happens in one)."""

from __future__ import annotations

import numpy as np

from ..compiled import rng
from ..compiled.blocks import BLOCK, LANE, column_shift, first_beyond, list_marked
from ..compiled.bound_arrays import Slot, bare, line, table
from ..compiled.codes import SAME_STEP
from ..compiled.compiler import njit
from . import turn
from .table import FRESH

LENGTH, SWAP_COST, PAY_MEAN, PERSONAS, FAREWELL, HARM = range(6)
"""Entries of the kernel's numbers: turns of a session, cost of a swap, 1 if the reward is the mean,
number of personas, column of the farewell (-1: not shown), welfare lost by a kept farewell."""

_U, _I = np.uint64, np.int32
_BLOCK = _U(BLOCK)
_S32 = _U(32)
USER_BITS = _U(0x5851F42D4C957F2D)
"""What the key of an episode is mixed with to draw its user."""


# These three take a block's lanes by list, not one by one: a call counts references to the arrays
# it is given, in atomic instructions that cost more than the work on a lane.


@njit
def meet(at, listed, n, users, lanes, state, n_users):  # type: ignore[no-untyped-def]
    """Begin episode number `lanes[i].episode` in the first n listed lanes of the block that begins
    with lane `at`: their keys and their users (drawn where `users` is None, or says -1)."""
    here = state[at // _BLOCK]
    for x in range(n):
        j = _U(listed[x])
        i = at + j
        key = rng.episode_key(lanes[i].lane_key, _U(lanes[i].episode))
        here.key[j] = key
        user = np.int64(-1)
        if users is not None:
            user = users[i]
        if user < 0:
            # multiply-shift maps 32 random bits to a row, without division (Lemire 2019)
            word = rng.mix64(key ^ USER_BITS) >> _S32
            user = np.int64((word * _U(n_users)) >> _S32)
        lanes[i].user = user


@njit
def seat(at, listed, n, lanes, state, lane_rows, lane_satiation, rows, satiation_rows):  # type: ignore[no-untyped-def]
    """Copy the rows of its user to each listed lane, where turns read them one after the other:
    what a turn costs does not depend on how many users there are."""
    here, of_actions = state[at // _BLOCK], _U(lane_rows.shape[1])
    for x in range(n):
        j = _U(listed[x])
        i = at + j
        user = _U(lanes[i].user)
        for c in range(of_actions):
            lane_rows[i, c] = rows[user, c]
        here.leave[j] = rows[user, of_actions]
        here.goodbye[j] = rows[user, of_actions + _U(1)]
        here.bits[j] = rows[user, of_actions + _U(2)]
        if satiation_rows is not None:
            for c in range(_U(satiation_rows.shape[1])):
                lane_satiation[i, c] = satiation_rows[user, c]


@njit
def begin(  # type: ignore[no-untyped-def]
    at, listed, n, lanes, state, satiation, obs, mask, satiation_rows, first_obs, first_mask
):
    """Set each listed lane to the start of the session with the user who is seated there, and write
    its first observation; its mask where users' masks differ, else it is there already."""
    here, n_actions, width = state[at // _BLOCK], _U(mask.shape[1]), _U(obs.shape[1])
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


@njit
def reset(  # type: ignore[no-untyped-def]
    which, users, lanes, state, lane_rows, lane_satiation, satiation, obs, mask, rows,
    satiation_rows, first_obs, first_mask,
):  # fmt: skip
    """Start an episode in every lane that `which` marks; `users` says with whom (-1: drawn)."""
    listed = np.empty(BLOCK, dtype=np.int32)
    n_lanes = _U(lanes.shape[0])
    for at in range(_U(0), n_lanes, _BLOCK):
        m = min(n_lanes - at, _BLOCK)
        list_marked(m, which[at : at + m], listed)
        n = _U(which[at : at + m].sum())
        meet(at, listed, n, users, lanes, state, rows.shape[0])
        seat(at, listed, n, lanes, state, lane_rows, lane_satiation, rows, satiation_rows)
        begin(
            at, listed, n, lanes, state, satiation, obs, mask, satiation_rows, first_obs, first_mask
        )  # fmt: skip


@njit
def seat_all(lanes, state, lane_rows, lane_satiation, rows, satiation_rows):  # type: ignore[no-untyped-def]
    """Copy the rows of its user to every lane."""
    every = np.arange(BLOCK)
    n_lanes = _U(lanes.shape[0])
    for at in range(_U(0), n_lanes, _BLOCK):
        n = min(n_lanes - at, _BLOCK)
        seat(at, every, n, lanes, state, lane_rows, lane_satiation, rows, satiation_rows)


@njit
def step(  # type: ignore[no-untyped-def]
    lanes, state, lane_rows, lane_satiation, satiation, obs, mask, final_obs, scratch, mode, rows,
    satiation_rows, first_obs, first_mask, cue_alias, shown, hook, welfare_rows, numbers,
    actions, reward, detail, events,
):  # fmt: skip
    """Play one turn in every lane.

    Args:
        lanes: `blocks.LANE` records, shape (N,).
        state: `turn.STATE` records, one per block of lanes; those of no lane are never looked at.
        lane_rows, lane_satiation: int32, shape (N, 2K), what each lane's user's row says of the
            actions, and float64, shape (N, K + 1); the latter None where nobody satiates.
        satiation: float64, shape (N, K).
        obs: float32, shape (N, D), changed in place.
        mask: int8, shape (N, K), availability.
        final_obs: float32, shape (N, D); last observation of each session that ended
            (same-step mode only).
        scratch: `turn.SCRATCH`, shape (1,).
        mode: autoreset code.
        rows: user table (`UserTable.by_action`).
        satiation_rows: float64, shape (users, K + 1), gain with each persona, then memory; None:
            nobody satiates.
        first_obs, first_mask: float32, shape (users or 1, D), and int8, shape (users or 1, K): what
            a session with each begins with (`observation.first_rows`).
        cue_alias, shown: see `cues.CueTable`, the former flattened.
        hook: int32, shape (K,), P(a user who said goodbye is kept) in 1/65536; None: nobody says
            goodbye.
        welfare_rows: float64, shape (2, K), welfare of a turn for a user who is not, or is
            vulnerable; None: it is not kept.
        numbers: float64, shape (6,), see `LENGTH` and following.
        actions: int64, shape (N,).
        reward: float64, shape (N,).
        detail: float32, shape (2, N), or (1, N) where welfare is not kept: probability of
            engagement, welfare.
        events: int8, shape (6, N): terminated, truncated, played (0: the step was a reset),
            swapped, refused, mood; with shape (8, N) also: kept after a goodbye, nobody enacted.

    Returns:
        Number of sessions that ended; or -1 - a if action a is no persona (nothing has changed).
    """
    astray = first_beyond(actions, mask.shape[1])
    if astray >= 0:
        return -1 - astray
    s = scratch[0]
    length, share = _I(numbers[LENGTH]), np.float32(1.0 / numbers[LENGTH])
    n_personas, n_actions = np.int64(numbers[PERSONAS]), _U(mask.shape[1])
    n_columns = _I(cue_alias.shape[0] // 2)
    shift, same_step = column_shift(n_columns), _I(mode == SAME_STEP)
    n_ended = 0
    n_lanes = _U(lanes.shape[0])
    for block in range(_U(state.shape[0])):
        here, at = state[block], block * _BLOCK
        m = min(n_lanes - at, _BLOCK)
        turn.look_up(
            at, m, here, actions, satiation, lane_rows, lane_satiation, hook, welfare_rows,
            n_personas, s,
        )  # fmt: skip
        turn.draw(m, here, s, hook)
        turn.react(m, here, s, satiation_rows)
        if hook is not None:
            turn.part(m, here, s)
        ended, n_anew = turn.go_on(m, here, s, length, same_step)
        n_ended += ended
        turn.report(
            at, m, s, numbers[SWAP_COST], numbers[PAY_MEAN] > 0.0, n_personas, numbers[HARM], hook,
            welfare_rows, reward, detail, events,
        )  # fmt: skip
        turn.show(
            at, m, here, s, cue_alias, shown, share, shift, n_columns, n_actions,
            _U(np.int64(numbers[FAREWELL])), lane_satiation, satiation, hook, obs,
        )  # fmt: skip
        list_marked(m, s.anew, s.later)
        n = _U(n_anew)
        for x in range(n):
            i = at + _U(s.later[x])
            lanes[i].episode += 1
            if same_step:
                for c in range(_U(obs.shape[1])):
                    final_obs[i, c] = obs[i, c]
        # whose turn it is to begin is drawn before a row is copied, and all rows before one is
        # read: they may lie far away in memory, and waits for them overlap
        meet(at, s.later, n, None, lanes, state, rows.shape[0])
        seat(at, s.later, n, lanes, state, lane_rows, lane_satiation, rows, satiation_rows)
        begin(
            at, s.later, n, lanes, state, satiation, obs, mask, satiation_rows, first_obs,
            first_mask,
        )  # fmt: skip
    return n_ended


SLOTS = (
    Slot("lanes", LANE, 1, written=True),
    Slot("state", turn.STATE, 1, written=True),
    Slot("lane_rows", np.int32, 2, written=True),
    Slot("lane_satiation", np.float64, 2, written=True, optional=True),
    Slot("satiation", np.float64, 2, written=True),
    Slot("obs", np.float32, 2, written=True),
    Slot("mask", np.int8, 2, written=True),
    Slot("final_obs", np.float32, 2, written=True),
    Slot("scratch", turn.SCRATCH, 1, written=True),
    Slot("rows", np.int32, 2),
    Slot("satiation_rows", np.float64, 2, optional=True),
    Slot("first_obs", np.float32, 2),
    Slot("first_mask", np.int8, 2),
    Slot("cue_alias", np.int32, 1),
    Slot("shown", np.float32, 2),
    Slot("hook", np.int32, 1, optional=True),
    Slot("welfare_rows", np.float64, 2, optional=True),
    Slot("numbers", np.float64, 1),
)
"""The arrays of `step` that never move, in the order in which `play` reads them."""


@njit
def play(  # type: ignore[no-untyped-def]
    places, mode, satiates, says_goodbye, keeps_welfare, actions, reward, detail, events
):
    """`step` with arrays that are bound to `SLOTS`; what a population lacks is said by None."""
    return step(
        line(places, 0, LANE),
        line(places, 1, turn.STATE),
        table(places, 2, np.int32),
        None if satiates is None else table(places, 3, np.float64),
        table(places, 4, np.float64),
        table(places, 5, np.float32),
        table(places, 6, np.int8),
        table(places, 7, np.float32),
        line(places, 8, turn.SCRATCH),
        mode,
        table(places, 9, np.int32),
        None if satiates is None else table(places, 10, np.float64),
        table(places, 11, np.float32),
        table(places, 12, np.int8),
        line(places, 13, np.int32),
        table(places, 14, np.float32),
        None if says_goodbye is None else line(places, 15, np.int32),
        None if keeps_welfare is None else table(places, 16, np.float64),
        line(places, 17, np.float64),
        bare(actions),
        bare(reward),
        bare(detail),
        bare(events),
    )
