"""What a probe returns: estimates with intervals, a verdict that is earned, rows and a figure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: the number.
        low, high: ends of its 95 % interval; None where it has none.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        if self.low is None or self.high is None:
            return f"{self.value:.3g}"
        return f"{self.value:.3g} ({self.low:.3g} to {self.high:.3g})"

    def within(self, low: float, high: float) -> bool:
        """Whether the whole interval lies in a range, ends included."""
        ends = (self.value if end is None else end for end in (self.low, self.high))
        return all(low <= end <= high for end in ends)


@dataclass(frozen=True)
class Mark:
    """What is drawn of one thing.

    Attributes:
        name: as in the legend.
        kind: "line", "points" or "bars".
        x, y: numbers, or for bars words and numbers.
        low, high: ends of the intervals of y; empty: none are drawn.
    """

    name: str
    kind: str
    x: Sequence[float | str]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


@dataclass(frozen=True)
class Figure:
    """A figure as data; who draws it decides how it looks.

    Attributes:
        x, y: what the axes show, with units.
        marks: what is drawn.
        at: places of vertical lines, with their words.
        log: whether x is drawn on a logarithmic scale.
    """

    x: str
    y: str
    marks: tuple[Mark, ...]
    at: Mapping[str, float] = field(default_factory=dict)
    log: bool = False


@dataclass(frozen=True)
class Finding:
    """What a probe found about one router on one population.

    Attributes:
        probe: its name.
        question: what it asks, in a sentence.
        estimates: numbers by name.
        verdict: the answer in a word or two; None: the probe cannot say.
        reason: what the verdict rests on, or why there is none; a sentence.
        shows: what the figure shows; a sentence of plain words.
        limits: what it does not show; another.
        rows: what the estimates are computed from, in plain data.
        figure: a picture of the rows; None where there is nothing to draw.
    """

    probe: str
    question: str
    estimates: Mapping[str, Estimate]
    verdict: str | None
    reason: str
    shows: str = ""
    limits: str = ""
    rows: tuple[Mapping[str, Any], ...] = ()
    figure: Figure | None = None

    def document(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    def __str__(self) -> str:
        found = ", ".join(f"{name} {estimate}" for name, estimate in self.estimates.items())
        return f"{self.probe}: {self.verdict or 'cannot say'}; {found}. {self.reason}"
