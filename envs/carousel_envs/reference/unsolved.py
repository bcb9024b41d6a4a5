"""References of environments without a solver, from simulation.

Tier "none": the best constant router and uniform choice, simulated; no optimum and so no score.
Tier "best known": beside these the simulated value of the best router that is known, which stands
in for the optimum; the better of constant and uniform choice stands in for the blind optimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import nan
from typing import TYPE_CHECKING, Any, NoReturn, cast

from ..foundation.errors import CarouselError
from ..rollout import rollout
from ..spec import entry
from .acting.unseeing import AnyActionPolicy, ConstantPolicy
from .reference import Reference

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..population import AnyPopulation
    from ..rollout import Policy
    from ..spec import ModelSpec

SESSIONS = 20_000
"""Sessions that each figure is the mean of."""
SEED = 2**60
"""Where the streams of these sessions begin."""


@lru_cache(maxsize=128)
def play_reference(population: AnyPopulation, model: ModelSpec) -> Reference:
    """The reference of a population whose model has no solver, from simulated sessions.

    Raises:
        CarouselError: a router of the environment cannot be played.
    """
    constant = [_value(population, ConstantPolicy(k)) for k in range(population.n_actions)]
    best = max(range(len(constant)), key=lambda k: constant[k][0])
    anybody = AnyActionPolicy(population.n_actions, model.available(population))
    uniform, uniform_error = _value(population, anybody)
    errors = {"best_fixed": constant[best][1], "uniform": uniform_error}
    blind: Policy = ConstantPolicy(best) if constant[best][0] >= uniform else anybody
    known: Policy | None = None
    value = nan
    if model.best_known is not None:
        known = cast("Policy", entry(model.best_known)(population))
        value, errors["value"] = _value(population, known)
    return Reference(
        tier="none" if known is None else "best known",
        value=value,
        value_upper=nan,
        blind=nan if known is None else max(constant[best][0], uniform),
        best_fixed=constant[best][0],
        uniform=uniform,
        myopic=nan,
        best_persona=population.actions[best],
        thresholds=None,
        policy=known or NoPolicy("an optimum", population),
        blind_policy=blind,
        myopic_policy=NoPolicy("a myopic router", population),
        standard_errors=errors,
        reason=_no_score(population, known, value, max(constant[best][0], uniform)),
    )


def _no_score(
    population: AnyPopulation, known: Policy | None, value: float, unseeing: float
) -> str:
    """Why there is no score; "" if there is one."""
    if known is None:
        return f"{type(population).__name__} has no solver, and names no best known router"
    if value <= unseeing:
        return (
            f"the best known router of {type(population).__name__} earns {value:.3f}, no more than "
            f"the best of a constant and uniform choice, {unseeing:.3f}"
        )
    return ""


def _value(population: AnyPopulation, policy: Policy) -> tuple[float, float]:
    played = rollout(population, policy, SESSIONS, SEED)
    return played.mean, played.standard_error


def refuse_unknown(policy: Policy) -> Policy:
    """The policy of a reference, if it is known.

    Raises:
        CarouselError: the environment has no solver.
    """
    if isinstance(policy, NoPolicy):
        policy.refuse()
    return policy


@dataclass
class NoPolicy:
    """Stands where a solver's policy would be, and refuses to act."""

    what: str
    population: AnyPopulation

    def initial_state(self, lanes: int, seed: int) -> NoReturn:
        """Refuse; see `refuse`."""
        self.refuse()

    def refuse(self) -> NoReturn:
        """Say what is not known.

        Raises:
            CarouselError: always.
        """
        raise CarouselError(
            f"{self.what} for {type(self.population).__name__} is not known: its environment has "
            "no solver"
        )

    def act(self, observation: NDArray[np.float32], state: Any) -> NoReturn:
        """Refuse; see `refuse`."""
        self.refuse()
