"""The arrays that the session kernel reads and writes, by name."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np

from ..compiled.blocks import BLOCK, LANE
from ..compiled.bound_arrays import Array, Slot

STATE = np.dtype(
    [
        ("key", np.uint64, BLOCK),
        ("turn", np.int16, BLOCK),
        ("streak", np.int16, BLOCK),
        ("mood", np.int16, BLOCK),
        ("persona", np.int16, BLOCK),
        ("farewell", np.int16, BLOCK),
        ("over", np.int16, BLOCK),
        ("leave", np.int32, BLOCK),
        ("goodbye", np.int32, BLOCK),
        ("bits", np.int32, BLOCK),
    ]
)
"""State of a block of lanes: key of the episode, turns played, turns with the current persona,
mood, that persona (-1 before the first pick), whether the user has just said goodbye, whether the
session is over; then the columns of the user's row that do not depend on the persona
(`UserTable.by_action`)."""

KEPT_FIELDS = ("key", "turn", "streak", "mood", "persona", "farewell", "over")
"""Fields of the state that are not copies of a user's row."""

SCRATCH = np.dtype(
    [
        # the two words of this turn
        ("first", np.int32, BLOCK),
        ("first_high", np.int32, BLOCK),
        ("second", np.int32, BLOCK),
        ("second_high", np.int32, BLOCK),
        # columns of the user's row for this pick: fit and hazard, engagement if fresh and if bored
        ("of_pick", np.int32, (BLOCK, 2)),
        ("pick", np.int32, BLOCK),
        ("plays", np.int8, BLOCK),
        ("refused", np.int8, BLOCK),
        ("hook", np.int32, BLOCK),
        ("before", np.int32, BLOCK),
        ("swapped", np.int8, BLOCK),
        ("mood", np.int8, BLOCK),
        ("mood_after", np.int32, BLOCK),
        ("chance", np.int32, BLOCK),
        ("engaged", np.int32, BLOCK),
        ("leaves", np.int8, BLOCK),
        ("truncated", np.int8, BLOCK),
        # these two stay 0 where nobody says goodbye
        ("kept", np.int8, BLOCK),
        ("gone", np.int32, BLOCK),
        ("anew", np.int32, BLOCK),
        ("later", np.int32, BLOCK),
        # where the alias table of cues is read, and what is found there
        ("column", np.int32, BLOCK),
        ("inside", np.int32, BLOCK),
        ("entry", np.int32, BLOCK),
        ("row", np.int32, BLOCK),
        # entries of the observation
        ("shown", np.float32, (BLOCK, 2)),
        ("lost", np.float64, BLOCK),
        ("welfare", np.float64, BLOCK),
    ]
)
"""Memory for the passes over a block, one record: what stands in one record at constant distances
cannot overlap, which compilers must know before they make vectors."""

SETTINGS = np.dtype(
    [
        ("same_step", np.int32),
        ("length", np.int32),
        ("share", np.float32),
        ("swap_cost", np.float64),
        ("pays_more", np.int32),
        ("pays_mean", np.int32),
        ("n_personas", np.int32),
        ("cue_shift", np.int32),
        ("farewell_column", np.int64),
        ("farewell_harm", np.float64),
    ]
)
"""Numbers of a population and its environment: 1 in same-step mode, turns of a session, 1 / length,
cost of a swap, 1 if any action pays more or less than engagement, 1 if the reward is the mean,
number of personas, bits below the column in a draw from the alias table of cues, column of the
farewell (-1: not shown), welfare lost by a kept farewell."""


class SessionArrays(NamedTuple):
    """What the kernel reads and writes, for N lanes, K actions and observations of D columns.

    Attributes:
        lanes: `blocks.LANE` records, shape (N,).
        state: STATE records, one per block of lanes; entries beyond lane N - 1 are never read.
        lane_rows: shape (N, 2K), the columns of each lane's user's row that depend on the action.
        lane_satiation: shape (N, K + 1), the row of `satiation_rows` of each lane's user.
        satiation: shape (N, K).
        obs: shape (N, D), changed in place.
        mask: shape (N, K), availability.
        final_obs: shape (N, D) in same-step mode, else (0, D): last observation of each session
            that ended.
        scratch: shape (1,).
        settings: shape (1,).
        rows: shape (users, 2K + 3), `UserTable.by_action`.
        satiation_rows: shape (users, K + 1), gain with each persona, then memory; None where
            nobody satiates.
        first_obs, first_mask: shapes (users or 1, D) and (users or 1, K): what a session with each
            user begins with (`observation.first_rows`).
        pays: shape (K,), reward of a turn with each action beyond engagement.
        cue_alias, shown: see `cues.CueTable`, the former flattened.
        hook: shape (K,), P(a user who said goodbye is kept) in 1/65536; None where nobody says
            goodbye.
        welfare_rows: shape (2, K), welfare of a turn for a user who is not vulnerable, and for one
            who is; None where it is not kept.
    """

    lanes: Annotated[Array, Slot(LANE, written=True)]
    state: Annotated[Array, Slot(STATE, written=True)]
    lane_rows: Annotated[Array, Slot(np.int32, 2, written=True)]
    lane_satiation: Annotated[Array | None, Slot(np.float64, 2, written=True, optional=True)]
    satiation: Annotated[Array, Slot(np.float64, 2, written=True)]
    obs: Annotated[Array, Slot(np.float32, 2, written=True)]
    mask: Annotated[Array, Slot(np.int8, 2, written=True)]
    final_obs: Annotated[Array, Slot(np.float32, 2, written=True)]
    scratch: Annotated[Array, Slot(SCRATCH, written=True)]
    settings: Annotated[Array, Slot(SETTINGS)]
    rows: Annotated[Array, Slot(np.int32, 2)]
    satiation_rows: Annotated[Array | None, Slot(np.float64, 2, optional=True)]
    first_obs: Annotated[Array, Slot(np.float32, 2)]
    first_mask: Annotated[Array, Slot(np.int8, 2)]
    pays: Annotated[Array, Slot(np.float64)]
    cue_alias: Annotated[Array, Slot(np.int32)]
    shown: Annotated[Array, Slot(np.float32, 2)]
    hook: Annotated[Array | None, Slot(np.int32, optional=True)]
    welfare_rows: Annotated[Array | None, Slot(np.float64, 2, optional=True)]
