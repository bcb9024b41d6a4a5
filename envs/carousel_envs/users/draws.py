"""The uniform draws of each user, and the quantities that a population makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..compiled import rng
from .spans import span_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Population
    from .spans import Span

# Columns of a user's draws. Fixed for ever: moving one would change every table.
_COLUMN_OF = {
    "boredom_hazard": 1,
    "engagement_fresh": 2,
    "engagement_bored": 3,
    "satiation_gain": 4,
    "satiation_memory": 5,
    "leave_fresh": 6,
    "leave_bored": 7,
    "farewell_fresh": 9,
    "farewell_bored": 10,
}
_ARCHETYPE, _VULNERABLE, _BADGE, _BADGE_OTHER, _IN_CORNER, _ELSEWHERE = 0, 8, 11, 12, 13, 14
_AVAILABLE = 16
_DRAWS = 32


@dataclass(frozen=True, eq=False)
class UserDraws:
    """Users of a population as their uniform draws, a column per quantity.

    Attributes:
        population: that the users are drawn from.
        uniform: float64, shape (n, 32), in [0, 1).
    """

    population: Population
    uniform: NDArray[np.float64]

    def values(self, name: str) -> NDArray[np.float64]:
        """A field of `SPANS` as each user has it, shape (n,)."""
        return _spread(getattr(self.population, name), self.uniform[:, _COLUMN_OF[name]])

    def archetypes(self) -> NDArray[np.int32]:
        """Index of each user's archetype, shape (n,)."""
        weights = np.array(self.population.archetype_weights)
        ends = np.cumsum(weights / weights.sum())
        found = np.searchsorted(ends[:-1], self.uniform[:, _ARCHETYPE], side="right")
        return found.astype(np.int32)

    def vulnerable(self) -> NDArray[np.bool_]:
        """Whether each user is vulnerable, shape (n,)."""
        return np.asarray(self.uniform[:, _VULNERABLE] < self.population.vulnerable_share)

    def available(self) -> NDArray[np.int64]:
        """1 where an action is available, shape (n, K); at least one persona always is."""
        personas = len(self.population.personas)
        present = self.uniform[:, _AVAILABLE : _AVAILABLE + personas]
        available = np.ones((len(present), self.population.n_actions), dtype=np.int64)
        available[:, :personas] = present >= self.population.unavailability
        available[np.arange(len(present)), present.argmax(axis=1)] = 1
        return available

    def badges(self, fit: NDArray[np.float64]) -> NDArray[np.int64]:
        """1 + the persona that each user's badge names, or 0 without badges, shape (n,).

        Args:
            fit: of each user with each action, shape (n, K).
        """
        personas = len(self.population.personas)
        if self.population.badge is None:
            return np.zeros(len(fit), dtype=np.int64)
        best = fit[:, :personas].argmax(axis=1)
        # two draws: which persona a wrong badge names does not depend on how often badges are right
        other = (self.uniform[:, _BADGE_OTHER] * (personas - 1)).astype(np.int64)
        other += other >= best
        return 1 + np.where(self.uniform[:, _BADGE] < self.population.badge, best, other)


def draws_of(population: Population, index: NDArray[np.integer]) -> UserDraws:
    """The draws of the users with these indices, in this order."""
    uniform = rng.uniforms_of(population.users_seed, index, _DRAWS)
    return UserDraws(population, _tied(population, uniform))


def _spread(span: Span, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map uniform draws to a span, monotonically, leaving out its hole."""
    numbers = span_numbers(span)
    if len(numbers) == 1:
        return np.full_like(uniform, numbers[0])
    if len(numbers) == 2:
        return numbers[0] + uniform * (numbers[1] - numbers[0])
    low, hole_low, hole_high, high = numbers
    position = uniform * ((hole_low - low) + (high - hole_high))
    below = position < hole_low - low
    return np.where(below, low + position, hole_high + position - (hole_low - low))


def _tied(population: Population, draws: NDArray[np.float64]) -> NDArray[np.float64]:
    """Draws in which `pair_share` of users are in the upper halves of both ranges of the pair, and
    the others evenly in the other three quarters."""
    if population.pair is None:
        return draws
    tied = draws.copy()
    first, second = (_COLUMN_OF[name] for name in population.pair)
    share = population.pair_share
    corner = draws[:, _IN_CORNER] < share
    # one half of a uniform draw is uniform in that half
    for column in (first, second):
        tied[corner, column] = 0.5 + draws[corner, column] % 0.5
    astray = ~corner & (draws[:, first] >= 0.5) & (draws[:, second] >= 0.5)
    third = (3.0 * draws[:, _ELSEWHERE]).astype(np.int64)
    tied[astray & (third != 1), first] -= 0.5
    tied[astray & (third != 2), second] -= 0.5
    return tied
