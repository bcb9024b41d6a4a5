"""Which populations a policy is trained on, and how its lanes are divided among them."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import one_of, shown
from carousel_envs.reference import solve
from carousel_envs.registry import shifts_of
from carousel_envs.shifts import parse_shift, shifted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carousel_envs.registry import AnyPopulation

    from ..view import View

CURRICULA = {"uniform": "randomised", "regret": "regret"}
"""Curricula, and what names of routers call them."""
MOST = 64
"""Levels beside the training users: each is stepped by itself, however few its lanes."""


@dataclass(frozen=True)
class Levels:
    """Shifted populations that a policy is trained on, beside the training users themselves.

    Attributes:
        shifts: 1 to 64 texts, each of the form axis=severity, several of these with commas between
            them being applied one after the other.
        curriculum: "uniform" gives every level as many lanes as any other; "regret" divides most
            lanes in proportion to what the policy earns less than the reference, anew after every
            few sessions.

    Raises:
        CarouselError: no texts, one that is repeated, or an unknown curriculum.
    """

    shifts: tuple[str, ...]
    curriculum: str = "uniform"

    def __post_init__(self) -> None:
        if not isinstance(self.shifts, (tuple, list)) or not all(
            isinstance(text, str) for text in self.shifts
        ):
            raise CarouselError(
                f"levels are {shown(self.shifts)}; they must be texts of the form axis=severity"
            )
        object.__setattr__(self, "shifts", tuple(map(_canonical, self.shifts)))
        one_of("curriculum", self.curriculum, tuple(CURRICULA))
        if not 0 < len(self.shifts) <= MOST:
            raise CarouselError(f"there are {len(self.shifts)} levels; there must be 1 to {MOST}")
        for text in self.shifts:
            if self.shifts.count(text) > 1:
                raise CarouselError(f"levels hold {shown(text)} more than once")

    @property
    def label(self) -> str:
        """What the name of a router says of them, unless it is given another label."""
        return CURRICULA[self.curriculum]

    @property
    def by_regret(self) -> bool:
        """Whether lanes are divided by regret, which needs a reference of every level."""
        return self.curriculum == "regret"

    def populations(self, population: AnyPopulation, view: View) -> tuple[AnyPopulation, ...]:
        """The training users, then the level of each text.

        Args:
            population: the training users, or questions.
            view: what the network is shown of each.

        Raises:
            CarouselError: a text has another form, an axis is unknown or changes nothing here, two
                levels are the same, or one shows other columns or personas than the training users.
        """
        axes = shifts_of(population)
        found = [population]
        for text in self.shifts:
            level = shifted(population, [parse_shift(part, axes) for part in text.split(",")])
            if level in found:
                raise CarouselError(f"level {shown(text)} has the same users as another level")
            if level.actions != population.actions or view.columns(level) != view.columns(
                population
            ):
                raise CarouselError(
                    f"level {shown(text)} shows other columns than the training users, so no one "
                    "network can be trained on both"
                )
            found.append(level)
        return tuple(found)

    def document(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {"shifts": list(self.shifts), "curriculum": self.curriculum}


def _canonical(text: str) -> str:
    """The text that is kept: the same for all ways to write the same shifts."""
    parts = []
    for part in text.split(","):
        axis, equals, severity = (piece.strip() for piece in part.partition("="))
        # what is no number is refused where shifts are read
        with suppress(ValueError):
            severity = repr(float(severity)).removesuffix(".0")
        parts.append(f"{axis}{equals}{severity}")
    return ",".join(parts)


def fingerprints(training: Mapping[str, Any]) -> frozenset[str]:
    """Of the levels that a policy file tells of; none where it was trained on one population.

    Args:
        training: what the file keeps of its training.

    Raises:
        CarouselError: what stands there cannot be read.
    """
    levels = training.get("levels")
    if levels is None:
        return frozenset()
    known = levels.get("populations") if isinstance(levels, dict) else None
    if not isinstance(known, list) or not all(isinstance(one, str) for one in known):
        raise CarouselError(
            f"training.levels of a policy file is {shown(levels)}; its key populations must hold "
            "the fingerprints of the levels"
        )
    return frozenset(known)


def value_of(level: AnyPopulation) -> float:
    """What the best policy that is known earns per session on a level.

    Raises:
        CarouselError: nothing is known to compare with.
    """
    value = solve(level).value
    if math.isnan(value):
        raise CarouselError(
            "curriculum is 'regret', which needs a reference, and this environment has none; "
            "'uniform' does without"
        )
    return value
