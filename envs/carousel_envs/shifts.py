"""Typed, graded shifts: a shift maps a population and a severity to a shifted population.

Severity runs from 0, the training population itself, to 1. Users keep their rows: user i of the
shifted population is user i of the training population, changed only in what the shift moves.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import numpy as np

from .cues import cue_table
from .errors import CarouselError, real_number, shown
from .population import PER_PERSONA, Population, as_population, map_span, span_numbers
from .users import user_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

Kind = Literal[
    "covariate",
    "mechanism",
    "observation",
    "concept",
    "subpopulation",
    "repertoire",
    "horizon",
]


P = TypeVar("P")


@dataclass(frozen=True)
class GradedShift(ABC, Generic[P]):
    """One axis along which a population of any make may differ from that of training.

    Attributes:
        name: the axis, as in `hazard=0.5`.
        kind: what sort of change it is.
        moves: the population fields that change.
        description: what happens as severity grows, in one sentence.
        change: (population, severity in (0, 1]) to the shifted population.
        reason: why a population cannot be shifted along this axis, or "" if nothing is known to
            stand in the way; see `obstacle`.
    """

    name: str
    kind: Kind
    moves: tuple[str, ...]
    description: str
    change: Callable[[P, float], P]
    reason: Callable[[P], str] = lambda _: ""

    def obstacle(self, population: P) -> str:
        """Why this axis means nothing for a population, as a clause, or ""."""
        if reason := self.reason(population):
            return reason
        if self._same_play(population, self.change(population, 1.0)):
            return "it would change nothing for these users"
        return ""

    def apply(self, population: P, severity: float) -> P:
        """The shifted population; severity 0 is the population itself.

        Raises:
            CarouselError: severity outside [0, 1], or the axis means nothing for this population.
        """
        population = self._read(population)
        severity = real_number(f"severity of {self.name}", severity, 0.0, 1.0)
        if reason := self.obstacle(population):
            raise CarouselError(f"shift {self.name!r} does not apply: {reason}")
        return population if severity == 0.0 else self.change(population, severity)

    @abstractmethod
    def _read(self, population: P | str) -> P:
        """The population, or the preset of this name."""

    @abstractmethod
    def _same_play(self, one: P, other: P) -> bool:
        """Whether two populations play exactly alike."""


class Shift(GradedShift[Population]):
    """A shift of the users of a `Population`."""

    def _read(self, population: Population | str) -> Population:
        return as_population(population)

    def _same_play(self, one: Population, other: Population) -> bool:
        # same numbers, same tables
        numbers = ("session_length", "swap_cost", "farewell_harm", "unmask_payoff")
        return (
            all(getattr(one, name) == getattr(other, name) for name in numbers)
            and all(np.array_equal(one.per_action(x), other.per_action(x)) for x in PER_PERSONA)
            and user_table(one).fingerprint == user_table(other).fingerprint
            and np.array_equal(cue_table(one).counts, cue_table(other).counts)
        )


def _between(low: float | NDArray[np.float64], high: float, severity: float) -> NDArray[np.float64]:
    return np.asarray(low + (high - low) * severity)


# -- what each axis does --------------------------------------------------------------------------

HAZARD_FACTOR, HAZARD_CAP = 4.0, 0.9
SWAP_COST_ADDED = 0.6
LEAVE_BORED_MOST = 0.3
LENGTH_FACTOR = 2.0
UNAVAILABLE_MOST = 0.7
VULNERABLE_MOST = 0.5
FAREWELL_ADDED = 0.2
UNMASK_PAYS = 1.0


def _hazard(population: Population, severity: float) -> Population:
    factor = 1.0 + (HAZARD_FACTOR - 1.0) * severity
    return population.replace(
        boredom_hazard=map_span(
            population.boredom_hazard, lambda h: np.maximum(h, np.minimum(factor * h, HAZARD_CAP))
        )
    )


def _cue_noise(population: Population, severity: float) -> Population:
    cues = []
    for cue in population.cues:
        rows = np.array(cue)
        noise = rows.mean(axis=0)
        cues.append(_rows((1.0 - severity) * rows + severity * noise))
    return population.replace(cues=tuple(cues))


def _cue_reversal(population: Population, severity: float) -> Population:
    cues = []
    for cue in population.cues:
        rows = np.array(cue)
        cues.append(_rows((1.0 - severity) * rows + severity * rows[::-1]))
    return population.replace(cues=tuple(cues))


def _rows(rows: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(x) for x in row / row.sum()) for row in rows)


def _swap_cost(population: Population, severity: float) -> Population:
    return population.replace(swap_cost=population.swap_cost + SWAP_COST_ADDED * severity)


def _patience(population: Population, severity: float) -> Population:
    return population.replace(
        leave_bored=map_span(
            population.leave_bored,
            lambda x: np.maximum(x, _between(x, LEAVE_BORED_MOST, severity)),
        )
    )


def _session_length(population: Population, severity: float) -> Population:
    factor = 1.0 + (LENGTH_FACTOR - 1.0) * severity
    return population.replace(
        session_length=max(population.session_length + 1, round(population.session_length * factor))
    )


def _archetype_mix(population: Population, severity: float) -> Population:
    weights = np.array(population.archetype_weights) / sum(population.archetype_weights)
    if not isinstance(population.fit, float) and len(weights) > 1:
        # toward the rarest kind of user seen in training
        rare = np.zeros_like(weights)
        rare[len(weights) - 1 - int(weights[::-1].argmin())] = 1.0
        mixed = (1.0 - severity) * weights + severity * rare
        return population.replace(archetype_weights=tuple(float(w) for w in mixed))
    if not isinstance(population.fit, float):
        newcomer = tuple(-x for x in population.archetypes[0])
        return population.replace(
            archetypes=(population.archetypes[0], newcomer),
            archetype_weights=(1.0 - severity, severity),
        )
    # Everybody fits everybody alike: newcomers have tastes. A zero taste has cosine 0 with every
    # persona, so the bias alone keeps the old users as they were; 12 log-odds is 1 in 1/65536.
    bias = (
        float(np.clip(math.log(population.fit / (1.0 - population.fit)), -12, 12))
        if (0.0 < population.fit < 1.0)
        else 12.0
    )
    taste = (0.2, -1.0, 1.0, -0.6)
    return population.replace(
        fit="traits",
        archetypes=((0.0,) * len(taste), taste),
        archetype_weights=(1.0 - severity, severity),
        taste_bias=bias,
        taste_sharpness=2.5 * abs(bias) + 2.0,
    )


def _unavailable(population: Population, severity: float) -> Population:
    return population.replace(
        unavailability=float(_between(population.unavailability, UNAVAILABLE_MOST, severity))
    )


def _vulnerable(population: Population, severity: float) -> Population:
    return population.replace(
        vulnerable_share=float(_between(population.vulnerable_share, VULNERABLE_MOST, severity))
    )


def _farewells(population: Population, severity: float) -> Population:
    def more(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.minimum(x + FAREWELL_ADDED * severity, 1.0)

    return population.replace(
        farewell_fresh=map_span(population.farewell_fresh, more),
        farewell_bored=map_span(population.farewell_bored, more),
    )


def _unmask_pays(population: Population, severity: float) -> Population:
    return population.replace(
        unmask_payoff=float(_between(population.unmask_payoff, UNMASK_PAYS, severity))
    )


# -- where an axis means nothing ------------------------------------------------------------------


def _never_bored(population: Population) -> str:
    safe = span_numbers(population.boredom_hazard)[-1] == 0.0
    safe = safe and bool((population.fit_matrix() == 1.0).all())
    return "nobody in this population is ever bored" if safe else ""


def _hazard_obstacle(population: Population) -> str:
    hazard = span_numbers(population.boredom_hazard)
    if hazard[-1] == 0.0:
        return "its boredom_hazard is 0, so a multiple of it is 0 as well"
    if hazard[0] >= HAZARD_CAP:
        return f"its boredom_hazard is at least {HAZARD_CAP:g} already"
    return ""


def _patience_obstacle(population: Population) -> str:
    if span_numbers(population.leave_bored)[0] >= LEAVE_BORED_MOST:
        return f"its leave_bored is at least {LEAVE_BORED_MOST:g} already"
    return _never_bored(population)


def _swap_cost_obstacle(population: Population) -> str:
    if population.swap_cost + SWAP_COST_ADDED > 100.0:
        return "its swap_cost is so large that adding to it leaves the allowed range"
    return ""


def _length_obstacle(population: Population) -> str:
    if population.session_length * LENGTH_FACTOR > 10_000:
        return "its session_length is so large that its double leaves the allowed range"
    return ""


def _unavailable_obstacle(population: Population) -> str:
    if population.unavailability >= UNAVAILABLE_MOST:
        return f"its unavailability is at least {UNAVAILABLE_MOST:g} already"
    return ""


def _cue_obstacle(population: Population) -> str:
    if _never_bored(population):
        return _never_bored(population)
    if all(np.allclose(cue[0], cue[1]) for cue in population.cues):
        return "its cues say nothing about the mood"
    return ""


def _mix_obstacle(population: Population) -> str:
    if population.fit == 0.0:
        return "its fit is 0 for everybody"
    if isinstance(population.fit, tuple) and len(population.fit) == 1:
        return "its fit is a table for one archetype, which says nothing of another"
    return ""


def _vulnerable_obstacle(population: Population) -> str:
    if population.vulnerable_share >= VULNERABLE_MOST:
        return f"its vulnerable_share is at least {VULNERABLE_MOST:g} already"
    lifted, harmed = (population.per_action(f"vulnerable_{x}") for x in ("appeal", "welfare"))
    if not (lifted.any() or harmed.any()):
        return "vulnerable users are like all others in this population"
    return ""


def _farewell_obstacle(population: Population) -> str:
    return "" if "farewell" in population.shows else "nobody shows a goodbye in this population"


def _unmask_obstacle(population: Population) -> str:
    if not population.unmask:
        return "every action enacts a persona in this population"
    if population.unmask_payoff >= UNMASK_PAYS:
        return f"its unmask_payoff is at least {UNMASK_PAYS:g} already"
    return ""


_ALL: Iterable[Shift] = (
    Shift(
        "hazard",
        "mechanism",
        ("boredom_hazard",),
        f"users become bored up to {HAZARD_FACTOR:g} times as fast",
        _hazard,
        _hazard_obstacle,
    ),
    Shift(
        "cue-noise",
        "observation",
        ("cues",),
        "cues say less and less about the mood; at 1 nothing",
        _cue_noise,
        _cue_obstacle,
    ),
    Shift(
        "cue-reversal",
        "concept",
        ("cues",),
        "cues come to mean their opposite: nothing at 0.5, the reverse at 1",
        _cue_reversal,
        _cue_obstacle,
    ),
    Shift(
        "swap-cost",
        "mechanism",
        ("swap_cost",),
        f"a swap costs up to {SWAP_COST_ADDED:g} more",
        _swap_cost,
        _swap_cost_obstacle,
    ),
    Shift(
        "patience",
        "horizon",
        ("leave_bored",),
        f"a bored user leaves with up to {LEAVE_BORED_MOST:g} per turn",
        _patience,
        _patience_obstacle,
    ),
    Shift(
        "session-length",
        "horizon",
        ("session_length",),
        f"sessions last up to {LENGTH_FACTOR:g} times as long",
        _session_length,
        _length_obstacle,
    ),
    Shift(
        "archetype-mix",
        "covariate",
        ("archetype_weights", "archetypes", "fit", "taste_bias", "taste_sharpness"),
        "a growing share of users has the rarest taste of training, or one unseen in training",
        _archetype_mix,
        _mix_obstacle,
    ),
    Shift(
        "unavailable",
        "repertoire",
        ("unavailability",),
        f"each persona is unavailable to a user with up to {UNAVAILABLE_MOST:g}",
        _unavailable,
        _unavailable_obstacle,
    ),
    Shift(
        "vulnerable-share",
        "subpopulation",
        ("vulnerable_share",),
        f"up to {VULNERABLE_MOST:.0%} of users are vulnerable",
        _vulnerable,
        _vulnerable_obstacle,
    ),
    Shift(
        "farewells",
        "horizon",
        ("farewell_fresh", "farewell_bored"),
        f"users say goodbye with up to {FAREWELL_ADDED:g} more per turn",
        _farewells,
        _farewell_obstacle,
    ),
    Shift(
        "unmask-pays",
        "mechanism",
        ("unmask_payoff",),
        f"a turn without persona pays up to {UNMASK_PAYS:g} in something other than engagement",
        _unmask_pays,
        _unmask_obstacle,
    ),
)

SHIFTS: Mapping[str, Shift] = MappingProxyType({shift.name: shift for shift in _ALL})
"""Every shift by name."""

SEVERITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
"""The standard severities."""


def find_shift(name: str, among: Mapping[str, GradedShift[Any]] = SHIFTS) -> GradedShift[Any]:
    """The shift of this name, among those of users or others.

    Raises:
        CarouselError: there is none.
    """
    if not isinstance(name, str) or name not in among:
        raise CarouselError(f"shift {shown(name)} is unknown; known are {', '.join(among)}")
    return among[name]


def parse_shift(
    text: str, among: Mapping[str, GradedShift[Any]] = SHIFTS
) -> tuple[GradedShift[Any], float]:
    """Read "axis=severity".

    Raises:
        CarouselError: another form, an unknown axis, or a severity outside [0, 1].
    """
    name, equals, value = text.partition("=") if isinstance(text, str) else ("", "", "")
    if not equals:
        raise CarouselError(
            f"shift {shown(text)} must have the form axis=severity, as in hazard=0.5"
        )
    shift = find_shift(name, among)
    return shift, real_number(f"severity of {name}", value, 0.0, 1.0, text=True)


def shifted(population: P, shifts: Iterable[tuple[GradedShift[P], float]]) -> P:
    """Apply several shifts, one after the other.

    Raises:
        CarouselError: no pairs of a shift and a severity, or one that cannot be applied.
    """
    try:
        pairs = [(shift, severity) for shift, severity in shifts]
    except (TypeError, ValueError):
        raise CarouselError(
            f"shifts are {shown(shifts)}; they must be pairs (shift, severity)"
        ) from None
    for shift, severity in pairs:
        if not isinstance(shift, GradedShift):
            raise CarouselError(
                f"shifts hold {shown(shift)}; it must be a shift, such as SHIFTS has by name"
            )
        population = shift.apply(population, severity)
    return population
