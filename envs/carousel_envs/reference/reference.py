"""The record that `solve` returns, and what all solvers share to fill it in."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isnan
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..rollout import Policy, rollout
from .unheard.schedule_ascent import best_schedule
from .unheard.schedule_values import fixed_values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from ..users.population import Population
    from .model import Model

SESSIONS = 100_000
"""Sessions simulated for a figure that has no closed form."""

# Far from the seeds that callers pass, so that no figure is compared with its own noise.
SEED, SELECTION_SEED = 2**60, 2**61
MAX_PLANNING_KINDS = 12
# Largest number of turns simulated, and standard errors beyond which a difference is clear.
_TURNS, _SURE = 10_000_000, 4.0
_SCHEDULE_WORK = 2e10
"""Turns that may be simulated, over all contexts, to find schedules."""


@dataclass(frozen=True, eq=False, repr=False)
class Reference:
    """Reference values of a population, in expected engagement per session less swap costs.

    Attributes:
        tier: "exact" (value and value_upper differ by the error of the grid alone) or "bounds";
            without a solver "best known" (value is that of the best router known) or "none" (there
            is no value, and no score). A figure that is not known is NaN, and None as plain data.
        value: attained by `policy`: the optimum, or a lower bound on it.
        value_upper: no router does better.
        blind: value of `blind_policy`, the best schedule that ignores what the user does: the
            optimum for one kind of user without satiation, and wherever schedules are few; else the
            best one that a local search finds.
            It may depend on what is visible from the start: availability, vulnerability, a badge.
        best_fixed: value of always enacting the best single persona, `best_persona`.
        uniform: value of picking an available persona uniformly at random every turn.
        myopic: value of maximising the coming turn's expected reward at the exact belief.
        best_persona: see best_fixed.
        thresholds: per persona, P(bored) from which the optimum swaps before turn t, length T; None
            where it never does. None as a whole where more than boredom is hidden.
        standard_errors: of the figures that were simulated, by name.
        reason: why there is no value; empty where there is one.
        policy, blind_policy, myopic_policy: routers (`carousel_envs.rollout.Policy`).
    """

    tier: Literal["exact", "bounds", "best known", "none"]
    value: float
    value_upper: float
    blind: float
    best_fixed: float
    uniform: float
    myopic: float
    best_persona: str
    thresholds: Mapping[str, tuple[float | None, ...]] | None
    policy: Policy = field(repr=False)
    blind_policy: Policy = field(repr=False)
    myopic_policy: Policy = field(repr=False)
    standard_errors: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""

    def __repr__(self) -> str:
        value = f"{self.value:.3f}"
        if self.tier == "bounds":
            value += f" to {self.value_upper:.3f}"
        return (
            f"{type(self).__name__}({self.tier}, value {value}, blind {self.blind:.3f}, best_fixed "
            f"{self.best_fixed:.3f} ({self.best_persona}), uniform {self.uniform:.3f}, myopic "
            f"{self.myopic:.3f})"
        )

    def score(self, engagement: float) -> float | None:
        """(J - blind) / (value - blind): the share of the value of feedback that is captured.

        None where feedback is worth less than 0.1 % of the value, which leaves no scale, and where
        the value is not known.
        """
        return self._share(engagement, self.value)

    def score_at_least(self, engagement: float) -> float | None:
        """The smallest score under any optimum between value and value_upper: that under
        value_upper or, for engagement below blind, where a higher optimum raises the score, that
        under value."""
        known = self.value if isnan(self.value_upper) else self.value_upper
        best = known if engagement > self.blind else self.value
        return self._share(engagement, best)

    def _share(self, engagement: float, best: float) -> float | None:
        if not self.value - self.blind >= 1e-3 * max(abs(self.value), 1.0):
            return None
        return (engagement - self.blind) / (best - self.blind)

    def summary(self) -> dict[str, Any]:
        """The figures, without the policies, ready for JSON."""
        return {
            "tier": self.tier,
            "value": known(self.value),
            "value_upper": known(self.value_upper),
            "blind": known(self.blind),
            "best_fixed": self.best_fixed,
            "best_persona": self.best_persona,
            "uniform": self.uniform,
            "myopic": known(self.myopic),
            "standard_errors": dict(self.standard_errors),
            "thresholds": None
            if self.thresholds is None
            else {name: list(row) for name, row in self.thresholds.items()},
        }


def known(figure: float) -> float | None:
    """A figure of a reference as plain data: None where it is not known."""
    return None if isnan(figure) else figure


def best_fixed(population: Population, model: Model) -> tuple[float, str]:
    """Value and name of the best single persona."""
    fixed = fixed_values(model)[: model.personas]
    best = int(fixed.argmax())
    return float(fixed[best]), population.personas[best]


def open_loop(
    model: Model, starts: Mapping[int, Sequence[NDArray[np.int64]]]
) -> tuple[float, NDArray[np.int64]]:
    """Value of the best open-loop schedules found, one for each visible context, and the schedules,
    shape (contexts, T); `starts` are schedules to improve in each context."""
    total, schedules = 0.0, []
    for j, mask in enumerate(model.masks):
        value, schedule = best_schedule(
            model, mask, model.joint[:, j], tuple(starts[j]), _SCHEDULE_WORK / len(model.masks)
        )
        total += value
        schedules.append(schedule)
    return total, np.stack(schedules)


def best_of(population: Population, policies: Mapping[str, Policy]) -> str:
    """Name of the policy with the largest mean, on other sessions than those of `simulated`."""
    sessions = max(_sessions(population) // 4, 1)

    def mean(name: str) -> float:
        return rollout(population, policies[name], sessions, SELECTION_SEED).mean

    return max(policies, key=mean)


def simulated(population: Population, policy: Policy) -> tuple[float, float]:
    """Mean engagement per session of a policy, and its standard error, on sessions of its own."""
    sessions = rollout(population, policy, _sessions(population), SEED)
    return sessions.mean, sessions.standard_error


def _sessions(population: Population) -> int:
    """Sessions to simulate: fewer where they are long."""
    return int(np.clip(_TURNS // population.session_length, 1000, SESSIONS))


def chosen_among(
    certain: Mapping[str, float], played: Mapping[str, tuple[float, float]], upper: float
) -> tuple[str, float, float]:
    """Name, value and standard error (NaN: none) of the best policy.

    A simulated value replaces a certain one only where it is clearly larger, and it is clipped at
    the upper bound.

    Args:
        certain: values that are known exactly to be attained.
        played: means and standard errors of policies that were simulated.
        upper: no policy is worth more.
    """
    name = max(certain, key=lambda known: certain[known])
    value, error = certain[name], float("nan")
    for other, (mean, noise) in played.items():
        if min(mean, upper) - _SURE * noise > value:
            name, value, error = other, min(mean, upper), noise
    return name, value, error


def spread(values: NDArray[Any], present: NDArray[np.int64], k: int, axis: int) -> NDArray[Any]:
    """Scatter values to the indices `present` along an axis of length k; the rest is 0."""
    shape = list(values.shape)
    shape[axis] = k
    whole = np.zeros(shape, dtype=values.dtype)
    whole[(slice(None),) * axis + (present,)] = values
    return whole
