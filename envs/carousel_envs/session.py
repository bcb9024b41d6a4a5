"""Sessions: the state of a lane, how a session begins, and the kernel that plays a turn in every
lane (`turn.py`: what happens in one)."""

from __future__ import annotations

import numpy as np

from . import rng, turn
from ._compile import njit
from .blocks import BLOCK, column_shift
from .codes import SAME_STEP
from .users import BADGE_BIT, FRESH, VULNERABLE_BIT

_FIELDS = {
    "lane_key": np.uint64,
    "key": np.uint64,
    "episode": np.int64,
    "user": np.int32,
    "farewell": np.int16,
    "over": np.int16,
    "turn": np.int16,
    "streak": np.int16,
    "mood": np.int16,
    "persona": np.int16,
}
_PLACES = [0, 8, 16, 24, 28, 30, 32, 34, 36, 38]
LANE = np.dtype(
    {
        "names": [*_FIELDS, "moving"],
        "formats": [*_FIELDS.values(), np.uint64],
        "offsets": [*_PLACES, _PLACES[6]],
        "itemsize": 40,
    }
)
"""State of one lane: keys, index of its episode, user row, whether the user has just said goodbye,
whether the session is over, turns played, turns with the current persona, mood, and that persona
(-1 before the first pick). `moving` is the last four in one word."""

LENGTH, SWAP_COST, PAY_MEAN, PERSONAS, VULNERABLE, FAREWELL, HARM, BADGE = range(8)
"""Entries of the kernel's numbers: turns of a session, cost of a swap, 1 if the reward is the mean,
number of personas, columns of the two signs (-1: not shown), welfare lost by a kept farewell, first
column of the badge (-1: not shown)."""

_U, _I = np.uint64, np.int32
_S32 = _U(32)
_USER_BITS = _U(0x5851F42D4C957F2D)


@njit
def meet(i, user, lanes, n_users):  # type: ignore[no-untyped-def]
    """Begin episode number `lanes[i].episode` in lane i: its key and its user (-1: drawn)."""
    lane = lanes[i]
    key = rng.episode_key(lane.lane_key, _U(lane.episode))
    lane.key = key
    if user < 0:
        # multiply-shift maps 32 random bits to a row, without division (Lemire 2019)
        word = rng.mix64(key ^ _USER_BITS) >> _S32
        user = np.int64((word * _U(n_users)) >> _S32)
    lane.user = user


@njit
def seat(i, lanes, lane_rows, lane_satiation, rows, satiation_rows):  # type: ignore[no-untyped-def]
    """Copy the rows of its user to lane i, where turns read them one after the other: what a turn
    costs does not depend on how many users there are."""
    user = _U(lanes[i].user)
    for c in range(_U(rows.shape[1])):
        lane_rows[i, c] = rows[user, c]
    if satiation_rows is not None:
        for c in range(_U(satiation_rows.shape[1])):
            lane_satiation[i, c] = satiation_rows[user, c]


@njit
def begin(  # type: ignore[no-untyped-def]
    i, lanes, lane_rows, lane_satiation, satiation, obs, mask, n_cues, vulnerable, badge
):
    """Set lane i to the start of the session with the user it has met, and write its first
    observation."""
    lane, shown, n_actions = lanes[i], obs[i], _U(mask.shape[1])
    lane.turn = 0
    lane.persona = -1
    lane.streak = 0
    lane.mood = FRESH
    lane.farewell = 0
    lane.over = 0
    if lane_satiation is not None:
        satiation[i] = 0.0
    shown[:] = 0.0
    shown[: n_cues + 1] = -1.0
    flags = lane_rows[i, _U(4) * n_actions]
    if vulnerable >= 0:
        shown[vulnerable] = (flags >> VULNERABLE_BIT) & 1
    if badge >= 0:
        shown[badge + (flags >> BADGE_BIT) - 1] = 1.0
    available = _U(n_cues + 1) + n_actions
    for k in range(n_actions):
        bit = (_U(flags) >> k) & _U(1)
        shown[available + k] = bit
        mask[i, k] = bit


@njit
def reset(  # type: ignore[no-untyped-def]
    which,
    users,
    lanes,
    lane_rows,
    lane_satiation,
    satiation,
    obs,
    mask,
    rows,
    satiation_rows,
    n_cues,
    vulnerable,
    badge,
):
    """Start an episode in every lane that `which` marks; `users` says with whom (-1: drawn)."""
    for i in range(lanes.shape[0]):
        if which[i]:
            meet(i, users[i], lanes, rows.shape[0])
            seat(i, lanes, lane_rows, lane_satiation, rows, satiation_rows)
            begin(
                i,
                lanes,
                lane_rows,
                lane_satiation,
                satiation,
                obs,
                mask,
                n_cues,
                vulnerable,
                badge,
            )


@njit
def step(  # type: ignore[no-untyped-def]
    lanes,
    lane_rows,
    lane_satiation,
    satiation,
    obs,
    mask,
    final_obs,
    scratch,
    mode,
    rows,
    satiation_rows,
    cue_alias,
    cue_levels,
    hook,
    welfare_rows,
    numbers,
    actions,
    reward,
    detail,
    events,
):
    """Play one turn in every lane.

    Args:
        lanes: LANE records, shape (N,).
        lane_rows, lane_satiation: shapes (N, 4K + 5) and (N, K + 1), the rows of each lane's user;
            the latter None where nobody satiates.
        satiation: float64, shape (N, K).
        obs: float32, shape (N, D), changed in place.
        mask: int8, shape (N, K), availability.
        final_obs: float32, shape (N, D); last observation of each session that ended
            (same-step mode only).
        scratch: see `turn.scratch`.
        mode: autoreset code.
        rows: user table (`UserTable.by_action`).
        satiation_rows: float64, shape (users, K + 1), gain with each persona, then memory; None:
            nobody satiates.
        cue_alias, cue_levels: see `cues.CueTable`.
        hook: int32, shape (K,), P(a user who said goodbye is kept) in 1/65536; None: nobody says
            goodbye.
        welfare_rows: float64, shape (2, K), welfare of a turn for a user who is not, or is
            vulnerable; None: it is not kept.
        numbers: float64, shape (8,), see `LENGTH` and following.
        actions: int64, shape (N,).
        reward: float64, shape (N,).
        detail: float32, shape (2, N), or (1, N) where welfare is not kept: probability of
            engagement, welfare.
        events: int8, shape (6, N): terminated, truncated, played (0: the step was a reset),
            swapped, refused, mood; with shape (8, N) also: kept after a goodbye, nobody enacted.

    Returns:
        Number of sessions that ended; or -1 - a if action a is no persona (nothing has changed).
    """
    n_actions, n_cues = mask.shape[1], cue_levels.shape[1]
    for a in range(actions.shape[0]):
        if actions[a] < 0 or actions[a] >= n_actions:
            return -1 - a
    words, ints, found, floats = scratch
    length, share = _I(numbers[LENGTH]), np.float32(1.0 / numbers[LENGTH])
    n_personas = np.int64(numbers[PERSONAS])
    vulnerable, badge = np.int64(numbers[VULNERABLE]), np.int64(numbers[BADGE])
    n_columns = _I(cue_alias.shape[1])
    shift = column_shift(n_columns)
    n_ended = 0
    n_lanes = _U(lanes.shape[0])
    for at in range(_U(0), n_lanes, _U(BLOCK)):
        m = min(n_lanes - at, _U(BLOCK))
        turn.look_up(
            at,
            m,
            lanes,
            actions,
            satiation,
            lane_rows,
            lane_satiation,
            hook,
            welfare_rows,
            _U(n_actions),
            _U(n_personas),
            words,
            ints,
            found,
            floats,
        )
        turn.draw(m, words)
        turn.react(m, words, ints, found, floats, length, shift, n_columns, lane_satiation, hook)
        turn.report(
            at,
            m,
            ints,
            floats,
            numbers[SWAP_COST],
            numbers[PAY_MEAN] > 0.0,
            n_personas,
            numbers[HARM],
            hook,
            welfare_rows,
            reward,
            detail,
            events,
        )
        n_later = turn.show(
            at,
            m,
            lanes,
            words,
            ints,
            cue_alias,
            cue_levels,
            _U(n_actions),
            share,
            _U(np.int64(numbers[FAREWELL])),
            lane_satiation,
            satiation,
            hook,
            obs,
        )
        # whose turn it is to begin is drawn before a row is copied, and all rows before one is
        # read: they may lie far away in memory, and waits for them overlap
        for later in range(n_later):
            i = at + _U(ints[turn.LATER + later])
            if lanes[i].over or mode == SAME_STEP:
                lanes[i].episode += 1
                meet(i, -1, lanes, rows.shape[0])
        for later in range(n_later):
            i = at + _U(ints[turn.LATER + later])
            if lanes[i].over or mode == SAME_STEP:
                seat(i, lanes, lane_rows, lane_satiation, rows, satiation_rows)
        for later in range(n_later):
            i = at + _U(ints[turn.LATER + later])
            if lanes[i].over:
                # next-step mode: this step starts the next session and plays no turn
                reward[i] = 0.0
                detail[:, i] = 0.0
                events[:, i] = 0
            else:
                n_ended += 1
                if mode != SAME_STEP:
                    lanes[i].over = 1
                    continue
                final_obs[i] = obs[i]
            begin(
                i,
                lanes,
                lane_rows,
                lane_satiation,
                satiation,
                obs,
                mask,
                n_cues,
                vulnerable,
                badge,
            )
    return n_ended
