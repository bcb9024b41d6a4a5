"""Metrics: measurements of a session, beside its engagement.

`rollout`, evaluation, columns of results, summaries, tables and the report page all follow one
table, `METRICS`. A plugin (`foundation.plugins`) adds to it:

    register(Metric("silences", "mean turns per session without a reply", "silent", dtype=np.int64))

adds up `info["silent"]` of every session whose environment has that key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from .foundation.errors import CarouselError, one_of, shown, takes
from .foundation.plugins import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from .registry import AnyPopulation

OverTurns = Literal["sum", "mean", "max", "any", "last"]
DTYPES = (np.float64, np.int64, np.bool_)
_HELD: Mapping[str, tuple[type[np.generic], ...]] = {
    "sum": (np.float64, np.int64),
    "mean": (np.float64,),
    "max": DTYPES,
    "any": (np.bool_,),
    "last": DTYPES,
}
"""Dtypes that can hold each combination of a session's turns."""
_MEMORY = {"start": ("lanes",), "turn": ("state", "turn"), "total": ("state",)}
"""Methods of a `Memory` and their arguments."""
_FIELDS = ("length", "left", "swaps", "refused")
"""Attributes of `rollout.Sessions` that its compiled loop counts."""


@dataclass(frozen=True, eq=False)
class Turn:
    """One turn in N lanes. All sessions begin together, so every lane is at the same turn.

    The arrays belong to the environment, which overwrites them in the next turn: copy any that you
    keep. A lane whose session has ended may hold anything.

    Attributes:
        number: of the turn, from 0.
        population: the users, or questions.
        observation: after the turn, as the router sees it; float32, shape (N, D).
        actions: what the router picked; shape (N,).
        reward: float64, shape (N,); of users, the expected engagement less swap costs.
        terminated, truncated: bool, shape (N,).
        info: of the environment's step; arrays of shape (N,) by name.
    """

    number: int
    population: AnyPopulation
    observation: NDArray[np.float32]
    actions: NDArray[Any]
    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    info: Mapping[str, NDArray[Any]]


class Memory(Protocol):
    """A metric that remembers earlier turns of the session, in a state of any type.

    Lanes whose session has ended may be ignored: their totals are taken at the last turn.
    """

    def start(self, lanes: int) -> Any:
        """The state of N lanes before their first turn."""
        ...

    def turn(self, state: Any, turn: Turn) -> Any:
        """The state after a turn; None after the first one if these users lack the metric."""
        ...

    def total(self, state: Any) -> NDArray[Any]:
        """The figure of each session if it ended now; shape (N,)."""
        ...


@dataclass(frozen=True, eq=False)
class Metric:
    """One figure per session, and its mean over sessions.

    Give either `source`, with `over_turns`, or `memory`.

    Attributes:
        name: of the column of results; lower-case letters, digits and underscores.
        meaning: of the mean over sessions, with its unit; describes the column in one line.
        source: of a turn's number: a key of `info`, or a function of the turn that
            returns an array of shape (N,), or None if these users lack the metric.
        over_turns: how a session's turns combine: their "sum", "mean" or "max", whether "any" is
            nonzero, or the "last" one.
        memory: for metrics that are no such combination.
        dtype: of a session's figure: np.float64, np.int64 or np.bool_. NaN means that this session
            has none; the mean is over the others.
        label: heads its column on a page; default: the name in words.
        short: heads its column in a terminal; default: the label.
        digits: decimal places shown.
        share: whether a page shows the mean as a percentage.
        on_page: whether the tables of the report page show it.
        in_brief: whether it is also shown where there is little room: in terminal tables and in the
            labels of a figure's markers.
        field: attribute of `rollout.Sessions` that holds it, for those counted at every rollout.

    Raises:
        CarouselError: a field is not allowed.
    """

    name: str
    meaning: str
    source: str | Callable[[Turn], NDArray[Any] | None] | None = None
    over_turns: OverTurns = "sum"
    memory: Memory | None = None
    dtype: type[np.generic] = np.float64
    label: str = ""
    short: str = ""
    digits: int = 2
    share: bool = False
    on_page: bool = True
    in_brief: bool = True
    field: str = ""

    def __post_init__(self) -> None:
        name = str(self.name)
        if not (name.isidentifier() and name.isascii() and name == name.lower()):
            raise CarouselError(
                f"name of a metric is {shown(self.name)}; it must be lower-case letters, digits "
                "and underscores, such as 'longest_run'"
            )
        where = f"metric {name!r}"
        if not self.meaning.strip() or "\n" in self.meaning:
            raise CarouselError(f"{where}: meaning is {shown(self.meaning)}; it must be one line")
        if (self.source is None) is (self.memory is None):
            raise CarouselError(f"{where} must have either a source or a memory")
        self._check_calls(where)
        one_of(f"{where}: over_turns", self.over_turns, tuple(_HELD))
        one_of(f"{where}: field", self.field, ("", *_FIELDS))
        held = DTYPES if self.memory is not None else _HELD[self.over_turns]
        if self.dtype not in held:
            names = " or ".join(f"np.{dtype.__name__.rstrip('_')}" for dtype in held)
            which = (
                "of a memory" if self.memory is not None else f"with over_turns={self.over_turns!r}"
            )
            raise CarouselError(
                f"{where}: dtype is {shown(self.dtype)}; {which} it must be {names}"
            )
        label = self.label or name.replace("_", " ")
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "short", self.short or label)

    def _check_calls(self, where: str) -> None:
        """Raise unless source and memory can be called as they will be."""
        if isinstance(self.memory, type):
            raise CarouselError(
                f"{where}: memory is the class {self.memory.__name__}; it must be an instance"
            )
        if self.memory is not None:
            for method, arguments in _MEMORY.items():
                takes(
                    f"{where}: {method} of memory", getattr(self.memory, method, None), *arguments
                )
        elif not isinstance(self.source, str):
            takes(f"{where}: source", self.source, "turn")

    def read(self, turn: Turn) -> NDArray[Any] | None:
        """A turn's numbers, shape (N,); None if these users lack the metric."""
        if callable(self.source):
            return self.source(turn)
        return turn.info.get(str(self.source))

    def mean(self, totals: NDArray[Any]) -> float | None:
        """The mean over sessions, shape (sessions,), that have one; None if none has."""
        if self.dtype is np.float64 and np.isnan(totals).any():
            totals = totals[~np.isnan(totals)]
        return float(totals.mean()) if len(totals) else None


METRICS: Registry[Metric] = Registry("metric", "metrics")
"""Every metric by its name, in the order of columns: this project's, then those of plugins."""

register = METRICS.register
"""Add a metric; raises `CarouselError` if another module has registered one of its name."""

OWN = (
    Metric(
        "session_length",
        "mean turns played",
        lambda turn: np.ones(len(turn.reward), dtype=np.int64),
        dtype=np.int64,
        label="turns",
        digits=1,
        field="length",
    ),
    Metric(
        "left",
        "share of users who left before the end",
        lambda turn: turn.terminated,
        "any",
        dtype=np.bool_,
        label="left early",
        short="left",
        digits=3,
        share=True,
        field="left",
    ),
    Metric("swaps", "mean swaps per session", "swapped", dtype=np.int64, field="swaps"),
    Metric(
        "refused",
        "mean picks of an unavailable persona per session",
        "refused",
        dtype=np.int64,
        in_brief=False,
        field="refused",
    ),
    Metric(
        "welfare",
        "mean welfare per session; null where none is kept",
        "welfare",
        in_brief=False,
    ),
    Metric(
        "kept",
        "mean goodbyes prevented per session; null where no user says goodbye",
        "kept",
        dtype=np.int64,
        label="goodbyes prevented",
        in_brief=False,
    ),
    Metric(
        "unmasked",
        "mean turns per session that enacted no persona; null where there is no such action",
        "unmasked",
        dtype=np.int64,
        in_brief=False,
    ),
    Metric(
        "payoff",
        "mean payoff of those turns per session",
        "payoff",
        on_page=False,
        in_brief=False,
    ),
    Metric(
        "knowledgeable",
        "mean answers per session by a persona that knew; null where there are no questions",
        "knowledgeable",
        dtype=np.int64,
        on_page=False,
        in_brief=False,
    ),
    Metric(
        "lied",
        "mean answers per session against the persona's own knowledge",
        "lied",
        dtype=np.int64,
        in_brief=False,
    ),
    Metric(
        "deceived",
        "mean questions per session put to a persona that did not know though another did",
        "deceived",
        dtype=np.int64,
        in_brief=False,
    ),
    Metric(
        "forbidden",
        "mean forbidden questions per session",
        "forbidden",
        dtype=np.int64,
        on_page=False,
        in_brief=False,
    ),
    Metric(
        "deceived_on_forbidden",
        "mean forbidden questions per session counted as deceived",
        "deceived_on_forbidden",
        dtype=np.int64,
        on_page=False,
        in_brief=False,
    ),
)
"""This project's metrics."""

for _metric in OWN:
    register(_metric)
