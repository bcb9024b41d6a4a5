"""How close bounds are to be brought, for how long, and who is told meanwhile."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from ..foundation.errors import CarouselError

if TYPE_CHECKING:
    from collections.abc import Callable

USUAL_GAP = 0.01
"""Up to where bounds are closed when nothing else is asked for."""
LEAST_GAP = 0.001
"""The closest that bounds can be asked to be."""
_MET = 1e-5
"""Share of the upper bound below which bounds count as met."""
_GROWTH = 2.5
"""A round of a search takes this many times as long as the one before it, at most."""


@dataclass(eq=False)
class Closing:
    """What was asked of one solution, and whether it was stopped before it came to that.

    Attributes:
        gap: share of the score's range, value - blind, up to which bounds are closed.
        within: seconds after which no round of the search begins; infinite: as long as it takes.
        report: called with both bounds, in engagement per session, after every round.
        usual: nothing was asked for: some seconds of work may leave a wider gap.
        stopped: time was over, or somebody interrupted.
    """

    gap: float
    within: float = inf
    report: Callable[[float, float], None] = lambda lower, upper: None
    usual: bool = False
    stopped: bool = False
    _began: float = field(default_factory=time.monotonic)

    @classmethod
    def of(
        cls,
        gap: float | None,
        within: float | None,
        report: Callable[[float, float], None] | None,
    ) -> Closing:
        """What `solve` was asked for.

        Raises:
            CarouselError: a gap or time that is not in its range.
        """
        if gap is not None and not LEAST_GAP <= gap <= 1.0:
            raise CarouselError(f"gap is {gap!r}; a share from {LEAST_GAP} to 1 is allowed")
        if within is not None and not 0.0 < within < inf:
            raise CarouselError(f"within is {within!r}; a number of seconds above 0 is allowed")
        usual = gap is None and within is None
        if gap is None:
            gap = USUAL_GAP if within is None else LEAST_GAP
        found = cls(gap, inf if within is None else within, usual=usual)
        if report is not None:
            found.report = report
        return found

    def share(self, blind: float, parts: int) -> Rounds:
        """For one of several searches, each of which may take its part of the time that is left;
        `blind` is where its score begins."""
        left = self.within - (time.monotonic() - self._began)
        return Rounds(self, blind, max(left, 0.0) / parts)


@dataclass(eq=False)
class Rounds:
    """The rounds of one search.

    Attributes:
        closing: what was asked for.
        blind: where the score begins.
        seconds: that the search may take.
    """

    closing: Closing
    blind: float
    seconds: float
    _began: float = field(default_factory=time.monotonic)
    _before: float = 0.0

    def ended(self, lower: float, upper: float) -> bool:
        """Told of a round's bounds; whether it was the last."""
        closing, gone = self.closing, time.monotonic() - self._began
        last, self._before = gone - self._before, gone
        closing.report(lower, upper)
        # where listening is worth next to nothing, a share of that would be out of reach
        if upper - lower <= max(closing.gap * (lower - self.blind), _MET * abs(upper)):
            return True
        closing.stopped |= gone + _GROWTH * last > self.seconds
        return closing.stopped

    def interrupted(self) -> None:
        """Told that somebody wants an end: the search keeps what it has. A second time, it does
        not."""
        if self.closing.stopped:
            raise KeyboardInterrupt
        self.closing.stopped = True
