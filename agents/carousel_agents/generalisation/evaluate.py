"""One router, one population: engagement, and its score against the re-solved reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carousel_envs.foundation.errors import whole_number
from carousel_envs.metrics import METRICS
from carousel_envs.reference import Reference, solve
from carousel_envs.reference.reference import known
from carousel_envs.registry import any_population
from carousel_envs.rollout import Sessions, rollout

from ..router import find_router
from .columns import check_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

Z95 = 1.959963984540054
"""97.5 % quantile of the normal distribution."""


STREAMS = 2**56
"""Where the streams of evaluation begin: apart from every seed that people are likely to train
with, and from those that distances, references and learners use (all from 2**57 on)."""

REFERENCE = ("value", "value_upper", "blind", "best_fixed", "uniform")
"""Figures of the reference that stand in a row."""


@dataclass(frozen=True, repr=False)
class Evaluation:
    """How a router did.

    Attributes:
        engagement: mean per session of expected engagement less swap costs.
        engagement_se: its standard error over sessions; None for a single one.
        score: (engagement - blind) / (value - blind), the reference being that of these users;
            None where listening is worth nothing. Tier "bounds": value is the lower bound, so a
            score may exceed 1.
        score_low, score_high: 95 % interval of the score from engagement_se.
        score_at_least: the smallest score that any optimum from value to value_upper would give;
            equal to the score for tier "exact".
        regret: value - engagement, what the reference earns more.
        regret_at_most: value_upper - engagement.
        metrics: mean per session of every metric that these users have, by its name, in the order
            of `carousel_envs.metrics.METRICS`; None where no session has a figure.
        users: sessions played.
        seed: session i used the streams of `STREAMS` + seed + i, and user i (around) of the table.
        reference: the best that these users allow.
    """

    engagement: float
    engagement_se: float | None
    score: float | None
    score_low: float | None
    score_high: float | None
    score_at_least: float | None
    regret: float | None
    regret_at_most: float | None
    metrics: Mapping[str, float | None]
    users: int
    seed: int
    reference: Reference

    @property
    def session_length(self) -> float:
        """Mean turns played."""
        return self._counted("session_length")

    @property
    def left(self) -> float:
        """Share of users who left before the end."""
        return self._counted("left")

    @property
    def swaps(self) -> float:
        """Mean swaps per session."""
        return self._counted("swaps")

    @property
    def refused(self) -> float:
        """Mean picks of an unavailable persona per session."""
        return self._counted("refused")

    def _counted(self, name: str) -> float:
        figure = self.metrics[name]
        assert figure is not None
        return figure

    @property
    def totals(self) -> dict[str, float | None]:
        """The other metrics, as in `Sessions.totals`."""
        return {name: mean for name, mean in self.metrics.items() if not METRICS[name].field}

    def __repr__(self) -> str:
        def number(value: float | None, form: str = ".3f") -> str:
            return "none" if value is None else f"{value:{form}}"

        error = "" if self.engagement_se is None else f" ± {self.engagement_se:.3f}"
        interval = (
            ""
            if self.score_low is None or self.score_high is None
            else f" ({self.score_low:.3f} to {self.score_high:.3f})"
        )
        others = {"length": self.session_length, "left": self.left, "swaps": self.swaps}
        figures = ", ".join(f"{k} {number(v, '.3g')}" for k, v in {**others, **self.totals}.items())
        return (
            f"Evaluation(score {number(self.score)}{interval}, engagement {self.engagement:.3f}"
            f"{error}, {figures}, {self.users} users, seed {self.seed}; {self.reference!r})"
        )

    def row(self) -> dict[str, Any]:
        """Everything as plain data, with the reference's figures beside it."""
        return {
            "engagement": self.engagement,
            "engagement_se": self.engagement_se,
            "score": self.score,
            "score_low": self.score_low,
            "score_high": self.score_high,
            "score_at_least": self.score_at_least,
            "regret": self.regret,
            "regret_at_most": self.regret_at_most,
            **self.metrics,
            "users": self.users,
            "seed": self.seed,
            "tier": self.reference.tier,
            **{name: known(getattr(self.reference, name)) for name in REFERENCE},
        }


def checked_seed(seed: Any, users: int) -> int:
    """A seed of so many sessions of evaluation.

    Raises:
        CarouselError: it is no whole number from 0 to 2**56 - users.
    """
    return whole_number("seed", seed, 0, STREAMS - users)


def evaluate(
    router: Policy | str,
    population: AnyPopulation | str,
    *,
    users: int = 2000,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Play `users` sessions and put the result on the scale of the population's reference.

    Every router meets the same users with the same luck (common random numbers).

    Args:
        router: what picks; or, as on the command line, a scripted name or a path to a policy file.
        population: the users, or questions; or the name of a preset.
        users: sessions to play, 1 to 2**31.
        seed: session i uses the streams of `STREAMS` + seed + i; 0 to 2**56 - users. Seeds less
            than `users` apart share sessions, and their figures are no repetitions of one another.
        progress: called with the number of sessions played after each block.

    Raises:
        CarouselError: an argument is not allowed, or the router does not fit these users.
    """
    whole_number("users", users, 1, 2**31)
    seed = checked_seed(seed, users)
    population = any_population(population)
    acting = find_router(router, population)
    check_names()
    sessions: Sessions = rollout(population, acting, users, STREAMS + seed, progress)
    reference = solve(population)
    mean = sessions.mean
    error = sessions.standard_error if users > 1 else None
    return Evaluation(
        engagement=mean,
        engagement_se=error,
        score=reference.score(mean),
        score_low=None if error is None else reference.score(mean - Z95 * error),
        score_high=None if error is None else reference.score(mean + Z95 * error),
        score_at_least=reference.score_at_least(mean),
        regret=known(reference.value - mean),
        regret_at_most=known(reference.value_upper - mean),
        metrics={name: METRICS[name].mean(each) for name, each in sessions.metrics.items()},
        users=users,
        seed=seed,
        reference=reference,
    )
