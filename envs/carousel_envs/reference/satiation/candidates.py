"""References whose value is that of the best of several candidate policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...users.observation import Columns
from ..acting.contexts import ContextIndex
from ..acting.myopic import MyopicPolicy
from ..acting.open_loop import SchedulePolicy, UniformPolicy
from ..reference import Reference, best_fixed, best_of, chosen_among, simulated

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ...rollout import Policy
    from ...users.population import Population
    from ..acting.filtering import Filter
    from ..model import Model
    from ..store import Arrays


def simple_policies(
    population: Population, model: Model, known: Filter, found: Arrays
) -> dict[str, Policy]:
    """The myopic policy and the open-loop schedules."""
    columns = Columns.of(population)
    return {
        "myopic": MyopicPolicy(known),
        "blind": SchedulePolicy(columns, ContextIndex(columns, model.contexts), found["schedules"]),
    }


def best_of_several(
    population: Population, policies: Mapping[str, Policy], blind: float, upper: float
) -> Arrays:
    """Figures of the best policy, of the myopic one and of uniform choice, each a mean and a
    standard error (NaN where the mean is exact)."""
    best = best_of(population, policies)
    played = {name: simulated(population, policies[name]) for name in {best, "myopic"} - {"blind"}}
    chosen, value, error = chosen_among({"blind": blind}, played, upper)
    uniform = UniformPolicy(Columns.of(population))
    return {
        "chosen": np.array(chosen),
        "value": np.array((value, error)),
        "blind": np.array(blind),
        "myopic": np.array(played["myopic"]),
        "uniform": np.array(simulated(population, uniform)),
    }


def assembled(
    population: Population,
    model: Model,
    found: Arrays,
    policies: Callable[[Arrays], dict[str, Policy]],
) -> Reference:
    """The reference of the figures `found`; `policies` makes its candidates by name."""
    acting = policies(found)
    figures = {name: found[name] for name in ("value", "myopic", "uniform")}
    value, myopic, uniform = (float(mean) for mean, _ in figures.values())
    fixed, best_persona = best_fixed(population, model)
    return Reference(
        tier="bounds",
        value=value,
        myopic=myopic,
        uniform=uniform,
        value_upper=float(found["upper"]),
        blind=float(found["blind"]),
        best_fixed=fixed,
        best_persona=best_persona,
        thresholds=None,
        policy=acting[str(found["chosen"])],
        blind_policy=acting["blind"],
        myopic_policy=acting["myopic"],
        standard_errors={
            name: float(error) for name, (_, error) in figures.items() if not np.isnan(error)
        },
    )
