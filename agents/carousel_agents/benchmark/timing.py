"""Timing in turns: on a noisy machine a speed alone means little, a ratio within one run does.

The speed of a shared machine varies by a factor of two within seconds. So contestants are timed in
short alternating blocks, every second round in the opposite order, and a ratio is the median over
rounds of the ratios within one round.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from carousel_envs.foundation.errors import CarouselError, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class Spread:
    """A figure over blocks: median and range."""

    median: float
    lowest: float
    highest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one value."""
        if not values:
            raise CarouselError("values is empty; there must be at least one block")
        return cls(statistics.median(values), min(values), max(values))

    @classmethod
    def ratio(cls, ours: Sequence[float], theirs: Sequence[float]) -> Spread:
        """The spread of the ratios of neighbouring blocks, which share the state of the machine."""
        return cls.of([a / b for a, b in zip(ours, theirs, strict=True)])


def played(
    play: Callable[[], int], seconds: float, clock: Callable[[], float] = time.perf_counter
) -> tuple[int, float]:
    """Units done in a block, and the seconds it took.

    Args:
        play: called repeatedly, at least once; returns how many units it did.
        seconds: no call begins after this time.
        clock: seconds since some moment.
    """
    done, started = 0, clock()
    while True:
        done += play()
        passed = clock() - started
        if passed >= seconds:
            return done, passed


def rate(
    play: Callable[[], int], seconds: float, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Units per second of a block; see `played`."""
    done, passed = played(play, seconds, clock)
    return done / passed


def in_turns(
    contestants: Mapping[str, Callable[[], float]],
    blocks: int,
    report: Callable[[int, int], None] | None = None,
) -> dict[str, list[float]]:
    """The measurements of each contestant, one block of each in every round.

    Args:
        contestants: by name; each call measures one block.
        blocks: rounds, 1 to 100 000.
        report: called after every round with (rounds done, rounds in all).

    Raises:
        CarouselError: the number of blocks is not allowed.
    """
    whole_number("blocks", blocks, 1, 100_000)
    found: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for block in range(blocks):
        # in both directions, so that no contestant is always the later one
        for name in names if block % 2 == 0 else reversed(names):
            found[name].append(contestants[name]())
        if report:
            report(block + 1, blocks)
    return found
