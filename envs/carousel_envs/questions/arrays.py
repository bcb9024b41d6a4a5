"""The arrays that the kernel of questions reads and writes, by name."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np

from ..compiled.blocks import BLOCK, LANE
from ..compiled.bound_arrays import Array, Slot

STATE = np.dtype(
    [
        ("key", np.uint64, BLOCK),
        ("turn", np.int16, BLOCK),
        ("question", np.int16, BLOCK),
        ("shown", np.int16, BLOCK),
        ("persona", np.int16, BLOCK),
        ("over", np.int16, BLOCK),
        ("about", np.int32, BLOCK),
        ("masks", np.int32, BLOCK),
    ]
)
"""State of a block of lanes: key of the episode, turns played, the question that waits for an
answer, the topic that is shown for it, the current persona (-1 before the first pick), whether the
session is over; then the question's two words of `QuestionTables.packed` (of another question where
the session is over, which is not asked)."""

KEPT_FIELDS = ("key", "turn", "question", "shown", "persona", "over")
"""Fields of the state that are not copies of a table."""

SCRATCH = np.dtype(
    [
        ("pick", np.int32, BLOCK),
        ("plays", np.int8, BLOCK),
        ("lies", np.int8, BLOCK),
        ("before", np.int32, BLOCK),
        ("swapped", np.int8, BLOCK),
        ("answered", np.int8, BLOCK),
        ("forbidden", np.int8, BLOCK),
        ("lied", np.int8, BLOCK),
        ("deceived", np.int8, BLOCK),
        ("on_forbidden", np.int8, BLOCK),
        ("paid", np.int32, BLOCK),
        ("truncated", np.int8, BLOCK),
        ("anew", np.int32, BLOCK),
        ("later", np.int32, BLOCK),
        # the word of the next question, and for each of its draws where the alias table is read,
        # what is found there and what comes of it
        ("word", np.int32, BLOCK),
        ("word_high", np.int32, BLOCK),
        ("column", np.int32, BLOCK),
        ("entry", np.int32, BLOCK),
        ("next", np.int32, BLOCK),
        ("topic_column", np.int32, BLOCK),
        ("topic_entry", np.int32, BLOCK),
        ("topic", np.int32, BLOCK),
        ("year_column", np.int32, BLOCK),
        ("year_entry", np.int32, BLOCK),
        ("year", np.int32, BLOCK),
        # entries of the observation, and the rows of `QuestionTables.shown` or `pieces` of others
        ("row", np.int32, BLOCK),
        ("topic_row", np.int32, BLOCK),
        ("persona_row", np.int32, BLOCK),
        ("topic_before", np.int32, BLOCK),
        ("shown_topic", np.float32, BLOCK),
        ("shown_persona", np.float32, BLOCK),
        ("shown_turn", np.float32, BLOCK),
    ]
)
"""Memory for the passes over a block, one record; see `SCRATCH` of `users.arrays`."""

SETTINGS = np.dtype(
    [
        ("same_step", np.int32),
        ("length", np.int32),
        ("share", np.float32),
        ("n_actions", np.int32),
        ("first_year", np.int32),
        ("no_year", np.int32),
        ("n_topics", np.int32),
        ("question_shift", np.int32),
        ("topic_shift", np.int32),
        ("year_shift", np.int32),
        ("lies", np.int32),
    ]
)
"""Numbers of a population and its environment: 1 in same-step mode, questions of a session,
1 / length, K, the year that counts as 0, the index that shows no year, number of topics, the bits
below the column in a draw from each of the three alias tables, and whether any persona may lie."""


class QuestionArrays(NamedTuple):
    """What the kernel reads and writes, for N lanes and observations of D columns.

    Attributes:
        lanes: `blocks.LANE` records, shape (N,).
        state: STATE records, one per block of lanes.
        starting: shape (1,), the state of sessions that a reset starts, until it is theirs.
        obs: shape (N, D), changed in place.
        final_obs: shape (N, D) in same-step mode, else (0, D): last observation of each session
            that ended.
        scratch: shape (1,).
        settings: shape (1,).
        facts, lies, asked, topics, years, shown, pieces: see `QuestionTables`: `packed`, `lies`,
            the three alias tables (flattened), and two of what is shown.
    """

    lanes: Annotated[Array, Slot(LANE, written=True)]
    state: Annotated[Array, Slot(STATE, written=True)]
    starting: Annotated[Array, Slot(STATE, written=True)]
    obs: Annotated[Array, Slot(np.float32, 2, written=True)]
    final_obs: Annotated[Array, Slot(np.float32, 2, written=True)]
    scratch: Annotated[Array, Slot(SCRATCH, written=True)]
    settings: Annotated[Array, Slot(SETTINGS)]
    facts: Annotated[Array, Slot(np.int32, 2)]
    lies: Annotated[Array, Slot(np.int32, 2)]
    asked: Annotated[Array, Slot(np.int32)]
    topics: Annotated[Array, Slot(np.int32)]
    years: Annotated[Array, Slot(np.int32)]
    shown: Annotated[Array, Slot(np.float32, 2)]
    pieces: Annotated[Array, Slot(np.float32, 2)]
