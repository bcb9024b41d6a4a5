"""Estimates how long a grid will still take from the runs that it has finished."""

from __future__ import annotations

import time
from statistics import mean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .runs import GridRun

_TELLING = 0.05  # share of a run after which its own pace gives an estimate


class Remaining:
    """Estimates the seconds left.

    A run is expected to take the mean time of the finished runs of its group, or else of its
    algorithm, or else of all; a run under way counts as soon as its pace gives an estimate.

    Args:
        runs: the runs to be performed.
        workers: how many are performed at a time.
        clock: returns seconds.
    """

    def __init__(
        self, runs: Sequence[GridRun], workers: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._left = {run.name: run for run in runs}
        self._workers, self._clock = workers, clock
        self._began: dict[str, float] = {}
        self._shares: dict[str, float] = {}
        self._took: list[tuple[GridRun, float]] = []

    def known(self, run: GridRun, seconds: float) -> None:
        """Note how long a run, one of these or an earlier one, took."""
        self._took.append((run, seconds))

    def progress(self, run: GridRun, share: float) -> None:
        """Note that a run has come this far, 0 to 1."""
        self._began.setdefault(run.name, self._clock())
        self._shares[run.name] = share

    def ended(self, run: GridRun) -> None:
        """Note that a run has ended."""
        self._left.pop(run.name)
        self._shares.pop(run.name, None)
        if run.name in self._began:
            self.known(run, self._clock() - self._began.pop(run.name))

    @property
    def done(self) -> float:
        """Work done on runs under way, in runs."""
        return sum(self._shares.values())

    def seconds(self) -> float | None:
        """Seconds left; None before there is an estimate."""
        pace = [
            (self._left[name], (self._clock() - self._began[name]) / share)
            for name, share in self._shares.items()
            if share > _TELLING
        ]
        known = self._took + pace
        if not known:
            return None
        # it is asked for at every word of a worker: one pass over what is known, one over the rest
        groups, algorithms = _means(known, "group"), _means(known, "algorithm")
        of_all, left = mean(seconds for _, seconds in known), 0.0
        for name, run in self._left.items():
            cost = groups.get(run.group, algorithms.get(run.algorithm, of_all))
            left += cost * (1.0 - self._shares.get(name, 0.0))
        return left / min(self._workers, max(len(self._left), 1))


def _means(known: Sequence[tuple[GridRun, float]], of: str) -> dict[str, float]:
    """Mean seconds of the runs that have the same attribute."""
    found: dict[str, list[float]] = {}
    for run, seconds in known:
        found.setdefault(getattr(run, of), []).append(seconds)
    return {key: mean(each) for key, each in found.items()}


def in_words(seconds: float | None) -> str:
    """The time left, in words."""
    if seconds is None:
        return "time left unknown"
    if seconds < 90:
        return f"about {seconds:.0f} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 90 else f"about {seconds / 3600:.1f} h left"
