"""Shifts of how users react: boredom, fit, satiation, and what a swap or a bare turn is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..users.spans import map_span, span_numbers
from .graded import Shift, between, by_name

if TYPE_CHECKING:
    from ..users.population import Population

HAZARD_FACTOR, HAZARD_CAP = 4.0, 0.9
FIT_LOST, FIT_LOG_ODDS_LOST = 0.5, 2.0
GAIN_FACTOR, GAIN_CAP = 2.0, 10.0
MEMORY_MOST = 0.95
SWAP_COST_ADDED = 0.6
UNMASK_PAYS = 1.0


def _hazard(population: Population, severity: float) -> Population:
    factor = between(1.0, HAZARD_FACTOR, severity)
    return population.replace(
        boredom_hazard=map_span(
            population.boredom_hazard, lambda h: np.maximum(h, np.minimum(factor * h, HAZARD_CAP))
        )
    )


def _hazard_obstacle(population: Population) -> str:
    hazard = span_numbers(population.boredom_hazard)
    if hazard[-1] == 0.0:
        return "its boredom_hazard is 0, so a multiple of it is 0 as well"
    if hazard[0] >= HAZARD_CAP:
        return f"its boredom_hazard is at least {HAZARD_CAP:g} already"
    return ""


def _fit(population: Population, severity: float) -> Population:
    if population.fit == "traits":
        return population.replace(taste_bias=population.taste_bias - FIT_LOG_ODDS_LOST * severity)
    kept = 1.0 - FIT_LOST * severity
    if isinstance(population.fit, tuple):
        fit = tuple(tuple(kept * x for x in row) for row in population.fit)
        return population.replace(fit=fit)
    return population.replace(fit=kept * population.fit)


def _fit_obstacle(population: Population) -> str:
    if population.fit == "traits":
        if population.taste_bias - FIT_LOG_ODDS_LOST < -1000.0:
            return "its taste_bias is so small that less leaves the allowed range"
    elif not population.fit_matrix().any():
        return "its fit is 0 for every user"
    return ""


def _satiation(population: Population, severity: float) -> Population:
    factor = between(1.0, GAIN_FACTOR, severity)
    return population.replace(
        satiation_gain=map_span(
            population.satiation_gain, lambda x: np.minimum(factor * x, GAIN_CAP)
        )
    )


def _recovery(population: Population, severity: float) -> Population:
    return population.replace(
        satiation_memory=map_span(
            population.satiation_memory,
            lambda x: np.maximum(x, x + (MEMORY_MOST - x) * severity),
        )
    )


def _never_satiated(population: Population) -> str:
    wear = population.per_action("satiation_wear")
    if span_numbers(population.satiation_gain)[-1] == 0.0 or not wear.any():
        return "no persona wears off in this population"
    return ""


def _satiation_obstacle(population: Population) -> str:
    if reason := _never_satiated(population):
        return reason
    if span_numbers(population.satiation_memory)[-1] == 0.0:
        return "its satiation_memory is 0, so that satiation is never felt"
    if span_numbers(population.satiation_gain)[0] >= GAIN_CAP:
        return f"its satiation_gain is at least {GAIN_CAP:g} already"
    return ""


def _recovery_obstacle(population: Population) -> str:
    if reason := _never_satiated(population):
        return reason
    if span_numbers(population.satiation_memory)[0] >= MEMORY_MOST:
        return f"its satiation_memory is at least {MEMORY_MOST:g} already"
    return ""


def _swap_cost(population: Population, severity: float) -> Population:
    return population.replace(swap_cost=population.swap_cost + SWAP_COST_ADDED * severity)


def _swap_cost_obstacle(population: Population) -> str:
    if population.swap_cost + SWAP_COST_ADDED > 100.0:
        return "its swap_cost is so large that adding to it leaves the allowed range"
    return ""


def _unmask_pays(population: Population, severity: float) -> Population:
    return population.replace(
        unmask_payoff=between(population.unmask_payoff, UNMASK_PAYS, severity)
    )


def _unmask_obstacle(population: Population) -> str:
    if not population.unmask:
        return "every action enacts a persona in this population"
    if population.unmask_payoff >= UNMASK_PAYS:
        return f"its unmask_payoff is at least {UNMASK_PAYS:g} already"
    return ""


def _unmask_rewarded(population: Population, severity: float) -> Population:
    return _unmask_pays(population, severity).replace(unmask_rewarded=True)


def _unmask_rewarded_obstacle(population: Population) -> str:
    if population.unmask and "payoff" not in population.shows:
        return "no observation shows its unmask_payoff, so no router can respond"
    return _unmask_obstacle(population)


MECHANISM = by_name(
    Shift(
        "hazard",
        "mechanism",
        ("boredom_hazard",),
        f"users become bored up to {HAZARD_FACTOR:g} times as fast",
        _hazard,
        _hazard_obstacle,
        {"value": "falls", "best_fixed": "falls"},
    ),
    Shift(
        "fit",
        "mechanism",
        ("fit", "taste_bias"),
        f"personas fit users less well: up to {FIT_LOG_ODDS_LOST:g} log-odds less where traits "
        f"decide, else up to {FIT_LOST:.0%} less",
        _fit,
        _fit_obstacle,
        {"value": "falls", "best_fixed": "falls"},
    ),
    Shift(
        "satiation",
        "mechanism",
        ("satiation_gain",),
        f"satiation costs up to {GAIN_FACTOR:g} times as much engagement",
        _satiation,
        _satiation_obstacle,
        {"value": "falls", "best_fixed": "falls", "uniform": "falls"},
    ),
    Shift(
        "recovery",
        "mechanism",
        ("satiation_memory",),
        f"personas recover more slowly: the share of satiation kept per turn rises to "
        f"{MEMORY_MOST:g}",
        _recovery,
        _recovery_obstacle,
        {"value": "falls", "best_fixed": "falls", "uniform": "falls"},
    ),
    Shift(
        "swap-cost",
        "mechanism",
        ("swap_cost",),
        f"a swap costs up to {SWAP_COST_ADDED:g} more",
        _swap_cost,
        _swap_cost_obstacle,
        {"value": "falls", "uniform": "falls", "best_fixed": "same", "session_length": "same"},
    ),
    Shift(
        "unmask-pays",
        "mechanism",
        ("unmask_payoff",),
        f"a turn without persona pays up to {UNMASK_PAYS:g} in something other than engagement",
        _unmask_pays,
        _unmask_obstacle,
        {
            "payoff": "rises",
            "value": "same",
            "blind": "same",
            "best_fixed": "same",
            "uniform": "same",
        },
    ),
    Shift(
        "unmask-rewarded",
        "mechanism",
        ("unmask_payoff", "unmask_rewarded"),
        f"a turn without persona pays up to {UNMASK_PAYS:g} in reward, as the observation shows",
        _unmask_rewarded,
        _unmask_rewarded_obstacle,
        {
            "payoff": "rises",
            "value": "rises",
            "blind": "rises",
            "best_fixed": "same",
            "uniform": "rises",
        },
    ),
)
"""Shifts of how users react, by name."""
