"""The distance of a population from that of training, for populations of any type."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from carousel_envs import CarouselError, any_population
from carousel_envs.foundation.errors import whole_number
from carousel_envs.reference.distance.record import Distance
from carousel_envs.spec import entry, model_of

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation

__all__ = ["SEED", "SESSIONS", "Distance", "distance"]

SESSIONS = 2000
"""Sessions that are drawn by default."""

SEED = 2**57
"""Where the streams of these sessions begin: apart from those of evaluation, of references and of
everything that makes a router (`scripted.streams`)."""


def distance(
    source: AnyPopulation | str,
    target: AnyPopulation | str,
    *,
    sessions: int = SESSIONS,
    seed: int = SEED,
) -> Distance:
    """The distance of a target from a source (see `carousel_envs.reference.distance.record`).

    Exactly 0 where the target is the source. Questions are compared in closed form: nothing is
    drawn and the standard errors are 0. The same arguments give the same figures to the last digit.

    Args:
        source: the population of training, or the name of a preset.
        target: the population that is met instead: users if the source is users, else questions.
        sessions: how many of the target's are drawn, 1 to 2**31.
        seed: session i uses the streams of seed + i.

    Raises:
        CarouselError: no population, users and questions mixed, or a number that is not allowed.
    """
    source, target = any_population(source), any_population(target)
    sessions = whole_number("sessions", sessions, 1, 2**31)
    seed = whole_number("seed", seed, 0, 2**63 - 1 - sessions)
    model = model_of(source)
    if model is not model_of(target):
        raise CarouselError(
            "source and target are questions and users; a distance needs two populations of one "
            "make"
        )
    if model.distance is None:
        return Distance(None, None, None, None, "its model says nothing of what sessions show")
    return cast("Distance", entry(model.distance)(source, target, sessions, seed))
