"""Which populations a study of shifts meets: a target per axis and severity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from carousel_envs import CarouselError
from carousel_envs.registry import shifts_of
from carousel_envs.shifts import SEVERITIES, find_shift
from carousel_envs.spec import model_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carousel_envs.registry import AnyPopulation


@dataclass(frozen=True)
class Axis:
    """An axis of a study: what its shift says of itself."""

    name: str
    kind: str
    description: str
    regime: str = "extrapolation"


@dataclass(frozen=True)
class Target:
    """A population to be played, and the axes that its results stand under.

    Attributes:
        population: the shifted users, or at severity 0 those of training.
        severity: 0 to 1.
        axes: one; at severity 0 all of them, because the training users are played once.
    """

    population: AnyPopulation
    severity: float
    axes: tuple[Axis, ...]

    @property
    def name(self) -> str:
        """One word, such as `hazard=0.5`."""
        return "training" if self.severity == 0.0 else f"{self.axes[0].name}={self.severity!r}"

    def regime(self, axis: Axis) -> str:
        """The schema's column `regime`."""
        if self.severity == 0.0:
            return "training"
        return axis.regime


@dataclass(frozen=True)
class Plan:
    """The targets of a study of shifts.

    Attributes:
        source: the users that shifts start from.
        severities: in order.
        axes: those that are played, in order.
        not_applicable: why an axis means nothing for the source, by axis.
        targets: each population once.
    """

    source: AnyPopulation
    severities: tuple[float, ...]
    axes: tuple[Axis, ...]
    not_applicable: dict[str, str]
    targets: tuple[Target, ...]

    @classmethod
    def of(
        cls,
        source: AnyPopulation,
        axes: Iterable[str] | None = None,
        severities: Sequence[float] = SEVERITIES,
    ) -> Plan:
        """Plan these axes (default: every axis of the environment) at these severities.

        Raises:
            CarouselError: an axis is unknown, a severity lies outside [0, 1], or nothing is left to
                play.
        """
        among = shifts_of(source)
        chosen = [
            find_shift(name, among) for name in dict.fromkeys(among if axes is None else axes)
        ]
        graded = tuple(dict.fromkeys(severities))
        run: list[Axis] = []
        reasons: dict[str, str] = {}
        targets: list[Target] = []
        for shift in chosen:
            if reason := shift.obstacle(source):
                reasons[shift.name] = reason
                continue
            run.append(Axis(shift.name, shift.kind, shift.description, shift.regime))
            shifted = [(shift.apply(source, severity), severity) for severity in graded]
            targets += [Target(users, float(s), (run[-1],)) for users, s in shifted if s > 0.0]
        if not run or not graded:
            told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            empty = "no axis or no severity is given"
            if not among:
                empty = f"there are no shifts of {model_of(source).kind}"
            raise CarouselError(f"nothing is to be run: {told or empty}")
        if 0.0 in graded:
            targets.insert(0, Target(source, 0.0, tuple(run)))
        return cls(source, tuple(map(float, graded)), tuple(run), reasons, tuple(targets))

    def ordered(self, parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
        """The rows of all targets, in order of axis, severity and player."""
        rows = pl.concat(parts)
        places = {
            (axis.name, severity): (i, j)
            for i, axis in enumerate(self.axes)
            for j, severity in enumerate(self.severities)
        }
        order = [places[key] for key in rows.select("axis", "severity").iter_rows()]
        by = sorted(range(len(order)), key=order.__getitem__)
        return rows[by]
