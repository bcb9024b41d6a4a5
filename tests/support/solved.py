"""What holds of every reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carousel_envs.rollout import Sessions, rollout

if TYPE_CHECKING:
    from carousel_envs import Population
    from carousel_envs.reference import Reference

TINY = 1e-9


def assert_ordered(reference: Reference) -> None:
    r = reference
    grid = r.value_upper - r.value if r.tier == "exact" else 0.0
    assert grid < 1e-3

    def error(*names: str) -> float:
        return 4 * np.hypot(*[r.standard_errors.get(n, 0.0) for n in names]) + grid + TINY

    assert r.value <= r.value_upper + 4 * r.standard_errors.get("value", 0.0) + TINY
    assert r.value >= r.blind - error("value", "blind")
    assert r.blind >= r.best_fixed - error("blind", "best_fixed") - 1e-6
    assert r.value >= r.uniform - error("value", "uniform")
    assert r.value >= r.myopic - error("value", "myopic")


SESSIONS = 200_000


def played(population: Population, policy: object, sessions: int = SESSIONS) -> Sessions:
    return rollout(population, policy, sessions, seed=17)


def assert_agrees(
    sessions: Sessions, value: float, se: float = 0.0, upper: float | None = None
) -> None:
    """Played mean equals a figure, or lies in an interval, within 4 standard errors."""
    error = 4 * np.hypot(sessions.standard_error, se) + TINY
    assert value - error <= sessions.mean <= (value if upper is None else upper) + error
