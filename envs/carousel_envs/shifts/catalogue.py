"""Every shift of users, and how shifts are named and applied."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..foundation.errors import CarouselError, UsageError, named, real_number, shown
from ..foundation.plugins import Registry
from .composition import JOIN, compose
from .covariate import COVARIATE
from .graded import GradedShift, Shift
from .horizon import HORIZON
from .mechanism import MECHANISM
from .observation import OBSERVATION
from .ranges import RANGES
from .repertoire import REPERTOIRE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .graded import P

SHIFTS: Registry[Shift] = Registry("shift", "shifts")
"""Every shift of users by name: ours, then those of plugins."""

for _family in (MECHANISM, OBSERVATION, COVARIATE, REPERTOIRE, HORIZON, RANGES):
    for _shift in _family.values():
        SHIFTS.register(_shift)

register = SHIFTS.register


def find_shift(name: str, among: Mapping[str, GradedShift[Any]] = SHIFTS) -> GradedShift[Any]:
    """The shift of this name, or the composition "one+other", among those of users or others.

    Raises:
        CarouselError: there is none (`UsageError`), or two that cannot be composed.
    """
    if isinstance(name, str) and JOIN in name and name not in among:
        names = name.split(JOIN)
        if len(names) > 2:
            raise UsageError(
                f"shift {shown(name)} names {len(names)} axes; only two can be composed"
            )
        return compose(*(find_shift(part, among) for part in names))
    return among[named("shift", name, among, plugins=True)]


def parse_shift(
    text: str, among: Mapping[str, GradedShift[Any]] = SHIFTS
) -> tuple[GradedShift[Any], float]:
    """Read "axis=severity", or "one+other=severity" for a composition.

    Raises:
        CarouselError: another form or an unknown axis (`UsageError`), or a severity outside [0, 1].
    """
    name, equals, value = text.partition("=") if isinstance(text, str) else ("", "", "")
    if not equals:
        raise UsageError(f"shift {shown(text)} must have the form axis=severity, as in hazard=0.5")
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
