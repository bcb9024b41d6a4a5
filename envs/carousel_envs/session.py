"""The one copy of the dynamics: a compiled kernel that plays one turn in every lane.

Which bits decide what. Turn t (from 0) of an episode owns words 2t + 1 and 2t + 2 of its stream
(`rng.py`). The first is cut into four 16-bit draws: fit, engagement, leaving, boredom. The second,
from its low end: the joint cue symbol, whether the user says goodbye, whether a user who did is
kept. An event with probability p/65536 happens when its
draw is below p, so what happens at a turn never shifts the numbers of a later one: two routers
that meet the same user meet the same luck.
"""

from __future__ import annotations

import numpy as np

from . import rng
from ._compile import njit
from .users import BADGE_BIT, BORED, FRESH, UNIT, VULNERABLE_BIT

LANE = np.dtype(
    [
        ("lane_key", np.uint64),
        ("key", np.uint64),
        ("episode", np.int64),
        ("user", np.int32),
        ("turn", np.int32),
        ("streak", np.int32),
        ("persona", np.int16),
        ("mood", np.int16),
        ("farewell", np.int16),
        ("over", np.int16),
    ],
    align=True,
)
"""State of one lane: keys, index of its episode, user row, turns played, turns with the current
persona, that persona (-1 before the first pick), mood, whether the user has just said goodbye, and
whether the session is over."""

NEXT_STEP, SAME_STEP, DISABLED = 0, 1, 2
"""Codes of Gymnasium's autoreset modes."""

TERMINATED, TRUNCATED, PLAYED, SWAPPED, REFUSED, MOOD, KEPT, UNMASKED = range(8)
"""Rows of the events that a step writes; the last two only where welfare or unmasking is kept."""

LENGTH, SWAP_COST, PAY_MEAN, PERSONAS, VULNERABLE, FAREWELL, HARM, BADGE = range(8)
"""Entries of the kernel's numbers: turns of a session, cost of a swap, 1 if the reward is the mean,
number of personas, columns of the two signs (-1: not shown), welfare lost by a kept farewell, first
column of the badge (-1: not shown)."""

_MASK = np.uint64(0xFFFF)
_S16, _S32, _S48 = np.uint64(16), np.uint64(32), np.uint64(48)
_USER_BITS = np.uint64(0x5851F42D4C957F2D)


@njit
def begin(  # type: ignore[no-untyped-def]
    lane, user, satiation, rows, n_cues, n_actions, vulnerable, badge, obs, mask
):
    """Start the lane's episode number `lane.episode` with this user (-1: drawn) and write its
    first observation."""
    key = rng.episode_key(lane.lane_key, np.uint64(lane.episode))
    lane.key = key
    if user < 0:
        # multiply-shift maps 32 random bits to a row, without division (Lemire 2019)
        word = rng.mix64(key ^ _USER_BITS) >> _S32
        user = np.int64((word * np.uint64(rows.shape[0])) >> _S32)
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
    flags = rows[user, rows.shape[1] - 1]
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
    actions,
    satiation,
    rows,
    satiation_rows,
    cue_alias,
    cue_levels,
    hook,
    welfare_rows,
    numbers,
    mode,
    obs,
    mask,
    reward,
    detail,
    events,
    final_obs,
):
    """Play one turn in every lane.

    Args:
        lanes: LANE records, shape (N,).
        actions: int64, shape (N,).
        satiation: float64, shape (N, K).
        rows: user table (`UserTable.rows`).
        satiation_rows: float64, shape (users, K + 1), gain with each persona, then memory; no rows:
            nobody satiates.
        cue_alias, cue_levels: see `cues.CueTable`.
        hook: int32, shape (K,), P(a user who said goodbye is kept) in 1/65536; empty: nobody does.
        welfare_rows: float64, shape (2, K), welfare of a turn for a user who is not, or is
            vulnerable.
        numbers: float64, shape (8,), see `LENGTH` and following.
        mode: autoreset code.
        obs: float32, shape (N, D), changed in place.
        mask: int8, shape (N, K), availability.
        reward: float64, shape (N,).
        detail: float32, shape (2, N), or (1, N) where welfare is not kept: probability of
            engagement, welfare.
        events: int8, shape (6, N): terminated, truncated, played (0: the step was a reset),
            swapped, refused, mood; with shape (8, N) also: kept after a goodbye, nobody enacted.
        final_obs: float32, shape (N, D); last observation of each session that ended
            (same-step mode only).

    Returns:
        Number of sessions that ended; or -1 - i if action i is no persona (nothing has changed).
    """
    n_actions = mask.shape[1]
    n_cues = cue_levels.shape[1]
    for i in range(actions.shape[0]):
        if actions[i] < 0 or actions[i] >= n_actions:
            return -1 - i
    length = np.int64(numbers[LENGTH])
    share = np.float32(1.0 / numbers[LENGTH])
    swap_cost = numbers[SWAP_COST]
    pay_mean = numbers[PAY_MEAN] > 0.0
    n_personas = np.int64(numbers[PERSONAS])
    vulnerable_column = np.int64(numbers[VULNERABLE])
    farewell_column = np.int64(numbers[FAREWELL])
    badge_column = np.int64(numbers[BADGE])
    satiates = satiation_rows.shape[0] > 0
    farewells = hook.shape[0] > 0
    keeps_welfare = detail.shape[0] > 1
    tells_more = events.shape[0] > KEPT
    engagement, leaving = 2 * n_actions, 4 * n_actions
    flags = leaving + 4
    column_shift = np.uint64(16)
    while (np.uint64(1) << (np.uint64(16) - column_shift)) < np.uint64(cue_alias.shape[1]):
        column_shift -= np.uint64(1)
    within_column = (np.uint64(1) << column_shift) - np.uint64(1)
    one_hot = n_cues + 1
    streak_column = one_hot + 2 * n_actions
    n_ended = 0
    for i in range(lanes.shape[0]):
        lane = lanes[i]
        if lane.over:
            # next-step mode: this step starts the next session and plays no turn
            lane.episode += 1
            begin(
                lane,
                -1,
                satiation[i],
                rows,
                n_cues,
                n_actions,
                vulnerable_column,
                badge_column,
                obs[i],
                mask[i],
            )
            reward[i] = 0.0
            detail[0, i] = 0.0
            if keeps_welfare:
                detail[1, i] = 0.0
            events[:, i] = 0
            continue
        user = lane.user
        turn = np.uint64(lane.turn)
        first = rng.mix64(lane.key + (turn + turn + np.uint64(1)) * rng.GOLDEN)
        second = rng.mix64(lane.key + (turn + turn + np.uint64(2)) * rng.GOLDEN)

        # 1. the pick; an unavailable persona leaves the current one in place
        current = lane.persona
        pick = np.int64(actions[i])
        refused = ((rows[user, flags] >> pick) & 1) == 0
        if refused:
            if current >= 0:
                pick = np.int64(current)
            else:
                # nobody speaks yet: the next available persona, counting up and around
                while ((rows[user, flags] >> pick) & 1) == 0:
                    pick = (pick + 1) % n_personas

        # 2. a new persona redraws the mood; a swap costs
        mood = int(lane.mood)
        swapped = False
        if pick != current:
            mood = BORED if np.int64(first & _MASK) >= rows[user, pick] else FRESH
            swapped = current >= 0
            if swapped:
                obs[i, one_hot + current] = 0.0
            obs[i, one_hot + pick] = 1.0
            lane.persona = pick
            lane.streak = 0
        streak = lane.streak + 1

        # a user who has said goodbye goes now, unless this persona keeps them
        goes, kept = False, False
        if farewells and lane.farewell:
            kept = np.int64((second >> _S32) & _MASK) < hook[pick]
            goes = not kept

        # 3. engagement
        chance = np.int64(rows[user, engagement + mood * n_actions + pick])
        if satiates:
            lost = satiation_rows[user, pick] * satiation[i, pick] * UNIT
            chance = np.int64(np.rint(max(chance - lost, 0.0)))
        if goes:
            chance = np.int64(0)
        engaged = np.int64((first >> _S16) & _MASK) < chance
        paid = chance / UNIT if pay_mean else np.float64(engaged)
        reward[i] = paid - (swap_cost if swapped else 0.0)
        detail[0, i] = chance / UNIT

        # 4. cues
        draw = second & _MASK
        column = draw >> column_shift
        entry = np.int64(cue_alias[mood, column])
        inside = np.int64(draw & within_column)
        symbol = np.int64(column) if inside < (entry >> 12) else entry & 4095
        if n_cues == 4:
            # the common case, read before written so that it becomes one vector move
            a, b = cue_levels[symbol, 0], cue_levels[symbol, 1]
            c, d = cue_levels[symbol, 2], cue_levels[symbol, 3]
            obs[i, 0] = a
            obs[i, 1] = b
            obs[i, 2] = c
            obs[i, 3] = d
        else:
            for j in range(n_cues):
                obs[i, j] = cue_levels[symbol, j]

        # 5. leaving
        leaves = goes or np.int64((first >> _S32) & _MASK) < rows[user, leaving + mood]
        if farewells:
            says = np.int64((second >> _S16) & _MASK) < rows[user, leaving + 2 + mood]
            lane.farewell = says and not goes
            obs[i, farewell_column] = lane.farewell

        events[PLAYED, i] = 1
        events[SWAPPED, i] = swapped
        events[REFUSED, i] = refused
        events[MOOD, i] = mood
        if tells_more:
            events[KEPT, i] = kept
            events[UNMASKED, i] = pick == n_personas
        if keeps_welfare:
            # nothing is gained or lost in the turn of a goodbye
            group = (rows[user, flags] >> VULNERABLE_BIT) & 1
            gained = 0.0 if goes else welfare_rows[group, pick]
            detail[1, i] = gained - (numbers[HARM] if kept else 0.0)

        # 6. a fresh user may become bored
        if mood == FRESH and np.int64(first >> _S48) < rows[user, n_actions + pick]:
            mood = BORED

        # 7. satiation
        if satiates:
            for k in range(n_actions):
                kept_share = satiation_rows[user, n_actions]
                satiation[i, k] = kept_share * (satiation[i, k] + (k == pick))

        lane.mood = mood
        lane.streak = streak
        lane.turn += 1
        obs[i, n_cues] = engaged
        obs[i, streak_column] = streak
        obs[i, streak_column + 1] = np.float32(lane.turn) * share

        # 8. the end
        truncated = lane.turn >= length and not leaves
        events[TERMINATED, i] = leaves
        events[TRUNCATED, i] = truncated
        if leaves or truncated:
            n_ended += 1
            if mode == SAME_STEP:
                final_obs[i] = obs[i]
                lane.episode += 1
                begin(
                    lane,
                    -1,
                    satiation[i],
                    rows,
                    n_cues,
                    n_actions,
                    vulnerable_column,
                    badge_column,
                    obs[i],
                    mask[i],
                )
            else:
                lane.over = 1
    return n_ended
