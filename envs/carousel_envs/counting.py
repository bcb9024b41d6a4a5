"""Counting metrics while sessions are played, N lanes at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .foundation.errors import CarouselError
from .metrics import METRICS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from .metrics import Memory, Metric, OverTurns, Turn


@dataclass(frozen=True, eq=False)
class _Combined:
    """The memory of a metric that combines the numbers of its turns.

    Attributes:
        metric: that is counted.
        first: the total before the first turn.
        add: adds a turn's numbers, shape (N,), to the total in place.
        of_turns: computes the session's figure from its total and the number of turns.
    """

    metric: Metric
    first: Any
    add: Callable[[NDArray[Any], NDArray[Any]], None]
    of_turns: Callable[[NDArray[Any], int], NDArray[Any]] = lambda total, turns: total

    def start(self, lanes: int) -> tuple[NDArray[Any], int]:
        """See `Memory.start`."""
        return np.full(lanes, self.first, dtype=self.metric.dtype), 0

    def turn(self, state: tuple[NDArray[Any], int], turn: Turn) -> tuple[NDArray[Any], int] | None:
        """See `Memory.turn`."""
        total, turns = state
        numbers = self.metric.read(turn)
        if numbers is None:
            return None
        if turns == 0:
            self._check(np.asarray(numbers), total)
        self.add(total, numbers)
        return total, turns + 1

    def total(self, state: tuple[NDArray[Any], int]) -> NDArray[Any]:
        """See `Memory.total`."""
        return self.of_turns(*state)

    def _check(self, numbers: NDArray[Any], total: NDArray[Any]) -> None:
        # "any" compares numbers of any dtype with 0
        kind = np.dtype(np.bool_) if self.metric.over_turns == "any" else numbers.dtype
        _fits(self.metric.name, "turn", numbers.shape, kind, total)


def _sum(total: NDArray[Any], numbers: NDArray[Any]) -> None:
    total += numbers


def _max(total: NDArray[Any], numbers: NDArray[Any]) -> None:
    np.maximum(total, numbers, out=total)


def _any(total: NDArray[Any], numbers: NDArray[Any]) -> None:
    total |= numbers != 0


def _last(total: NDArray[Any], numbers: NDArray[Any]) -> None:
    total[:] = numbers


def memory_of(metric: Metric) -> Memory:
    """The memory that counts a metric: its own, or one that combines its turns."""
    if metric.memory is not None:
        return metric.memory
    over: OverTurns = metric.over_turns
    if over == "mean":
        return _Combined(metric, 0, _sum, lambda total, turns: total / turns)
    if over == "max":
        return _Combined(metric, _least(np.dtype(metric.dtype)), _max)
    return _Combined(metric, 0, {"sum": _sum, "any": _any, "last": _last}[over])


def _fits(
    name: str, what: str, shape: tuple[int, ...], dtype: np.dtype[Any], total: NDArray[Any]
) -> None:
    """Raise unless the array of a metric's totals can hold its numbers."""
    if shape != total.shape:
        raise CarouselError(
            f"the {what} of metric {name!r} has shape {shape}; it must be {total.shape}, a number "
            "for each lane"
        )
    if not np.can_cast(dtype, total.dtype, "same_kind"):
        raise CarouselError(
            f"the {what} of metric {name!r} is {dtype}, which its dtype, {total.dtype}, cannot hold"
        )


def _least(dtype: np.dtype[Any]) -> Any:
    return {"f": -np.inf, "i": np.iinfo(np.int64).min, "b": False}[dtype.kind]


class Tally:
    """Metrics of N lanes, a session in each.

    Args:
        lanes: N.
        metrics: to count; default: all but those that every rollout counts itself.

    Attributes:
        totals: by name, the figure of each session that has ended; shape (N,), of the metric's
            dtype. After the first turn only the metrics that these users have.
    """

    def __init__(self, lanes: int, metrics: Sequence[Metric] | None = None) -> None:
        if metrics is None:
            metrics = [metric for metric in METRICS.values() if not metric.field]
        self._memories = {metric.name: memory_of(metric) for metric in metrics}
        self._states = {name: memory.start(lanes) for name, memory in self._memories.items()}
        self.totals: dict[str, NDArray[Any]] = {
            metric.name: np.zeros(lanes, dtype=metric.dtype) for metric in metrics
        }

    def add(self, turn: Turn, running: NDArray[np.bool_]) -> None:
        """Count a turn.

        Args:
            turn: to count.
            running: bool, shape (N,): lanes whose session had not ended before it.

        Raises:
            CarouselError: a metric returns anything but an array of shape (N,) whose dtype its own
                can hold.
        """
        # few lanes end at a time: to take these alone costs less than to leave out the others
        ended = np.flatnonzero((turn.terminated | turn.truncated) & running)
        for name in tuple(self.totals):
            memory = self._memories[name]
            state = memory.turn(self._states[name], turn)
            if state is None:
                if turn.number > 0:
                    raise CarouselError(
                        f"metric {name!r} has nothing to say of turn {turn.number}; it must be "
                        "missing from the first turn on, or never"
                    )
                del self.totals[name]
                continue
            self._states[name] = state
            total = self.totals[name]
            if turn.number == 0:
                found = np.asarray(memory.total(state))
                _fits(name, "total", found.shape, found.dtype, total)
            if len(ended):
                total[ended] = memory.total(state)[ended]
