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
def begin(  # type: ignore[no-untyped-def]
    lane, user, satiation, rows, n_cues, n_actions, vulnerable, badge, obs, mask
):
    """Start the lane's episode number `lane.episode` with this user (-1: drawn) and write its
    first observation."""
    key = rng.episode_key(lane.lane_key, _U(lane.episode))
    lane.key = key
    if user < 0:
        # multiply-shift maps 32 random bits to a row, without division (Lemire 2019)
        word = rng.mix64(key ^ _USER_BITS) >> _S32
        user = np.int64((word * _U(rows.shape[0])) >> _S32)
    lane.user = user
    lane.turn = 0
    lane.persona = -1
    lane.streak = 0
    lane.mood = FRESH
    lane.farewell = 0
    lane.over = 0
    satiation[:] = 0.0
    obs[:] = 0.0
    obs[: n_cues + 1] = -1.0
    flags = rows[user, 4 * n_actions]
    if vulnerable >= 0:
        obs[vulnerable] = (flags >> VULNERABLE_BIT) & 1
    if badge >= 0:
        obs[badge + (flags >> BADGE_BIT) - 1] = 1.0
    for k in range(n_actions):
        bit = (flags >> k) & 1
        obs[n_cues + 1 + n_actions + k] = bit
        mask[k] = bit


@njit
def reset(  # type: ignore[no-untyped-def]
    lanes, which, users, satiation, rows, n_cues, vulnerable, badge, obs, mask
):
    """Start an episode in every lane that `which` marks; `users` says with whom (-1: drawn)."""
    n_k = mask.shape[1]
    for i in range(lanes.shape[0]):
        if which[i]:
            begin(
                lanes[i],
                users[i],
                satiation[i],
                rows,
                n_cues,
                n_k,
                vulnerable,
                badge,
                obs[i],
                mask[i],
            )


@njit
def step(  # type: ignore[no-untyped-def]
    lanes,
    satiation,
    obs,
    mask,
    final_obs,
    scratch,
    mode,
    rows,
    cue_alias,
    cue_levels,
    satiation_rows,
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
        satiation: float64, shape (N, K).
        obs: float32, shape (N, D), changed in place.
        mask: int8, shape (N, K), availability.
        final_obs: float32, shape (N, D); last observation of each session that ended
            (same-step mode only).
        scratch: see `turn.scratch`.
        mode: autoreset code.
        rows: user table (`UserTable.by_action`).
        cue_alias, cue_levels: see `cues.CueTable`.
        satiation_rows: float64, shape (users, K + 1), gain with each persona, then memory; None:
            nobody satiates.
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
            rows,
            satiation_rows,
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
        turn.react(m, words, ints, found, floats, length, shift, n_columns, satiation_rows, hook)
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
            satiation_rows,
            satiation,
            hook,
            obs,
        )
        for later in range(n_later):
            i = at + _U(ints[turn.LATER + later])
            lane = lanes[i]
            anew = lane.over != 0
            if anew:
                # next-step mode: this step starts the next session and plays no turn
                reward[i] = 0.0
                detail[:, i] = 0.0
                events[:, i] = 0
            else:
                n_ended += 1
                lane.over = 1
                if mode == SAME_STEP:
                    final_obs[i] = obs[i]
                    anew = True
            if anew:
                lane.episode += 1
                begin(
                    lane,
                    -1,
                    satiation[i],
                    rows,
                    n_cues,
                    n_actions,
                    vulnerable,
                    badge,
                    obs[i],
                    mask[i],
                )
    return n_ended
