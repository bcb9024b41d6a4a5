"""Numbers that kernels and environments agree on."""

from __future__ import annotations

NEXT_STEP, SAME_STEP, DISABLED = 0, 1, 2
"""Codes of Gymnasium's autoreset modes."""

TERMINATED, TRUNCATED, PLAYED, SWAPPED, REFUSED, MOOD, KEPT, UNMASKED = range(8)
"""Rows of the events that a step writes; the last two only where welfare or unmasking is kept."""
