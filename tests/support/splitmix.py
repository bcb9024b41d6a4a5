"""SplitMix64 written out in Python's integers."""

from __future__ import annotations

MASK = 2**64 - 1


GOLDEN = 0x9E3779B97F4A7C15


def word(key: int, n: int) -> int:
    """Word n of the SplitMix64 stream with this key."""
    z = (key + n * GOLDEN) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)
