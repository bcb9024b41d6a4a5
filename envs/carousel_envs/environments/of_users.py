"""The model of users: how populations of users are played, solved and shifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..spec import Hidden, ModelSpec
from ..users.observation import Columns, column_names
from ..users.population import Population

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..shifts import Shift

HUMAN_CUES = (
    # reply latency, reply length, sentiment, asks a question; rows: fresh, bored
    ((0.55, 0.33, 0.12), (0.15, 0.37, 0.48)),
    ((0.12, 0.33, 0.55), (0.45, 0.37, 0.18)),
    ((0.12, 0.33, 0.55), (0.38, 0.40, 0.22)),
    ((0.25, 0.40, 0.35), (0.65, 0.28, 0.07)),
)
"""Cues of most presets, see `Population.cues`."""


def _layout(population: Population) -> tuple[Columns, tuple[int, ...]]:
    # another persona may sit in a slot
    return Columns.of(population), population.cue_levels


def _misses(population: Population) -> bool:
    return population.unavailability > 0.0


def _available(population: Population) -> slice:
    return Columns.of(population).available


def _shifts() -> Mapping[str, Shift]:
    from ..shifts import SHIFTS

    return SHIFTS


def _hidden(population: Population) -> Sequence[Hidden]:
    satiation = [f"hidden_satiation_{action}" for action in population.actions]
    return (
        Hidden("user", ["hidden_user"], population.n_users - 1.0),
        Hidden("mood", ["hidden_mood"], 1.0),
        # a turn adds at most 1
        Hidden("satiation", satiation, float(population.session_length)),
    )


USERS = ModelSpec(
    population_type=Population,
    vector="carousel_envs.users.vector:CarouselVectorEnv",
    scalar="carousel_envs.users.environment:CarouselEnv",
    columns=column_names,
    layout=_layout,
    misses=_misses,
    available=_available,
    shifts=_shifts,
    solve="carousel_envs.reference.solve:solve_users",
    distance="carousel_envs.reference.distance.users:distance_of_users",
    # engagement is drawn, so its mean tells more per session
    play={"reward": "mean"},
    has_users=True,
    kind="users",
    hidden=_hidden,
)
