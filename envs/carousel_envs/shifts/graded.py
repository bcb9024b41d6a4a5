"""What every shift is: a frozen record that maps a population and a severity to another population.

Severity runs from 0, the training population itself, to 1. Users keep their rows: user i of the
shifted population is user i of the training population, changed only in what the shift moves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast, get_args

import numpy as np

from ..foundation.errors import CarouselError, did_you_mean, one_of, real_number, shown, takes
from ..population import any_population
from ..users.cues import cue_table
from ..users.population import Population, as_population
from ..users.spans import PER_PERSONA
from ..users.table import user_table
from .quantities import Direction, checked

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Kind = Literal[
    "covariate",
    "mechanism",
    "observation",
    "concept",
    "subpopulation",
    "repertoire",
    "horizon",
    "composition",
]

Regime = Literal["interpolation", "combinatorial", "extrapolation"]
"""Where shifted users lie: in a hole of the training range; with each part within it, but in a
combination never seen; or beyond it."""

SEVERITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The standard severities."""

_NAME = re.compile(r"[a-z0-9]+([-_+][a-z0-9]+)*")

P = TypeVar("P")


@dataclass(frozen=True)
class GradedShift(Generic[P]):
    """One axis along which a population of any type may differ from that of training.

    Attributes:
        name: the axis, as in `hazard=0.5`.
        kind: what sort of change it is.
        moves: the population fields that change.
        description: what happens as severity grows, in one sentence.
        change: (population, severity in (0, 1]) to the shifted population.
        reason: why a population cannot be shifted along this axis, or "" if no reason is known;
            see `obstacle`.
        expected: for some of `QUANTITIES`, whether severity 1 raises it, lowers it or leaves it
            alone on every preset to which the axis applies. Quantities not listed depend on the
            population.
        regime: where the users at severity 1 lie relative to those of training.

    Raises:
        CarouselError: a field is not allowed.
    """

    name: str
    kind: Kind
    moves: tuple[str, ...]
    description: str
    change: Callable[[P, float], P]
    reason: Callable[[P], str] = lambda _: ""
    # a mapping has no hash, and two axes do not differ in their expectations alone
    expected: Mapping[str, Direction] = field(default_factory=dict, hash=False)
    regime: Regime = "extrapolation"

    def __post_init__(self) -> None:
        name = self.name
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise CarouselError(
                f"name of a shift is {shown(name)}; it must be lower-case letters and digits, with "
                "hyphens between words, such as 'swap-cost'"
            )
        where = f"shift {name!r}"
        one_of(f"{where}: kind", self.kind, get_args(Kind))
        one_of(f"{where}: regime", self.regime, get_args(Regime))
        moves = self.moves
        if not (moves and isinstance(moves, tuple) and all(isinstance(one, str) for one in moves)):
            raise CarouselError(
                f"{where}: moves is {shown(moves)}; it must be a tuple of the names of the fields "
                "that change"
            )
        takes(f"{where}: change", self.change, "population", "severity")
        takes(f"{where}: reason", self.reason, "population")
        object.__setattr__(self, "expected", checked(name, self.expected))

    def obstacle(self, population: P) -> str:
        """Why this axis does not apply to a population, as a clause, or ""."""
        if reason := self.reason(population):
            return reason
        if self._same_play(population, self._changed(population, 1.0)):
            return "it would change nothing for these users"
        return ""

    def apply(self, population: P, severity: float) -> P:
        """The shifted population; severity 0 is the population itself.

        Raises:
            CarouselError: severity outside [0, 1], or the axis does not apply to this population.
        """
        population = self._read(population)
        severity = real_number(f"severity of {self.name}", severity, 0.0, 1.0)
        if reason := self.obstacle(population):
            raise CarouselError(f"shift {self.name!r} does not apply: {reason}")
        return population if severity == 0.0 else self._changed(population, severity)

    def _changed(self, population: P, severity: float) -> P:
        """What `change` makes of a population.

        Raises:
            CarouselError: it makes no population of this type.
        """
        try:
            found = self.change(population, severity)
        except CarouselError as error:
            raise CarouselError(f"shift {self.name!r} at severity {severity:g}: {error}") from error
        if type(found) is not type(population):
            raise CarouselError(
                f"shift {self.name!r} makes {shown(found)} of a {type(population).__name__}; its "
                "change must return the shifted population"
            )
        self._refuse_other_moves(population, found)
        return found

    def _refuse_other_moves(self, population: Any, found: Any) -> None:
        """Refuse a change of fields that are not among those that the shift says it moves.

        Raises:
            CarouselError: such a field changed, or what it moves is no field.
        """
        fields = type(population).model_fields
        unknown = [name for name in self.moves if name not in fields]
        if unknown:
            raise CarouselError(
                f"shift {self.name!r} moves {unknown[0]!r}, which is no field of "
                f"{type(population).__name__}{did_you_mean(unknown[0], fields)}"
            )
        others = [
            name
            for name in fields
            if name not in self.moves and getattr(population, name) != getattr(found, name)
        ]
        if others:
            raise CarouselError(
                f"shift {self.name!r} changes {others[0]!r}, which is not among what it moves: "
                f"{', '.join(self.moves)}"
            )

    def _read(self, population: P | str) -> P:
        """The population, or the preset of this name."""
        return cast("P", any_population(population))  # type: ignore[arg-type]

    def _same_play(self, one: P, other: P) -> bool:
        """Whether two populations play identically; by default whether they are equal."""
        return bool(one == other)


S = TypeVar("S", bound=GradedShift[Any])


class Shift(GradedShift[Population]):
    """A shift of the users of a `Population`.

    Attributes:
        name, kind, moves, description, change, reason, expected, regime: as in `GradedShift`;
            `change` is called with (population, severity) and returns the shifted population,
            mostly `population.replace(...)`.

    Raises:
        CarouselError: a field is not allowed.
    """

    def _read(self, population: Population | str) -> Population:
        return as_population(population)

    def _same_play(self, one: Population, other: Population) -> bool:
        # same numbers, same tables
        numbers = ("session_length", "swap_cost", "farewell_harm", "unmask_payoff", "unmask_reward")
        return (
            all(getattr(one, name) == getattr(other, name) for name in numbers)
            and all(np.array_equal(one.per_action(x), other.per_action(x)) for x in PER_PERSONA)
            and user_table(one).fingerprint == user_table(other).fingerprint
            and np.array_equal(cue_table(one).counts, cue_table(other).counts)
        )


def between(low: float, high: float, severity: float) -> float:
    """The number that lies `severity` of the way from low to high."""
    return low + (high - low) * severity


def by_name(*shifts: S) -> Mapping[str, S]:
    """Shifts under their names, read-only."""
    return MappingProxyType({shift.name: shift for shift in shifts})
