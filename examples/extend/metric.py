"""A metric of one's own: the longest run of turns with one persona.

    carousel --plugin examples/extend/metric.py evaluate loop Boredom

It is in what `evaluate` returns, in the rows of studies (a column with this meaning), in summaries
and on the report page. A metric that only adds up a number of `info` is one line:

    register(Metric("bored", "mean turns per session with a bored user", "mood", dtype=np.int64))
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs.metrics import Metric, register

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.metrics import Turn


class LongestRun:
    """Counts turns since the last swap, and keeps the largest count of each session."""

    def start(self, lanes: int) -> Any:
        """The run so far and the longest one, of N lanes; int64, shape (N,) each."""
        return np.zeros(lanes, dtype=np.int64), np.zeros(lanes, dtype=np.int64)

    def turn(self, state: Any, turn: Turn) -> Any:
        """The state after a turn: a swap begins a new run."""
        run, longest = state
        run = np.where(turn.info["swapped"], 0, run) + 1
        return run, np.maximum(longest, run)

    def total(self, state: Any) -> NDArray[np.int64]:
        """The longest run of each session, shape (N,)."""
        longest: NDArray[np.int64] = state[1]
        return longest


LONGEST_RUN = register(
    Metric(
        "longest_run",
        "mean over sessions of the longest run of turns with one persona",
        memory=LongestRun(),
        dtype=np.int64,
        digits=1,
    )
)
