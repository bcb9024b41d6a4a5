"""Shifts of who the users are: the mix of archetypes, kinds unseen in training, a subpopulation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from .graded import Shift, between, by_name

if TYPE_CHECKING:
    from ..users.population import Population

VULNERABLE_MOST = 0.5


def shares(population: Population) -> tuple[float, ...]:
    """Share of each archetype."""
    total = sum(population.archetype_weights)
    return tuple(w / total for w in population.archetype_weights)


def rarest(population: Population) -> int:
    """The archetype with the least share; of several, the last."""
    weights = population.archetype_weights
    return len(weights) - 1 - int(np.argmin(weights[::-1]))


def _archetype_mix(population: Population, severity: float) -> Population:
    rare = rarest(population)
    return population.replace(
        archetype_weights=tuple(
            between(share, float(i == rare), severity) for i, share in enumerate(shares(population))
        )
    )


def _mix_obstacle(population: Population) -> str:
    if len(population.archetypes) == 1:
        return "its users are all of one archetype"
    if isinstance(population.fit, float):
        return "every persona fits every user equally well, whatever the archetype"
    return ""


def _unseen_archetype(population: Population, severity: float) -> Population:
    if isinstance(population.fit, float):
        return _tastes_appear(population, population.fit, severity)
    seen = tuple((1.0 - severity) * share for share in shares(population))
    fields: dict[str, object] = {"archetype_weights": (*seen, severity)}
    if isinstance(population.fit, tuple):
        fields |= {
            "fit": (*population.fit, _opposite(population, population.fit, 1.0)),
            # with a table of fits tastes are names alone
            "archetypes": (*population.archetypes, population.archetypes[0]),
        }
    else:
        fields["archetypes"] = (*population.archetypes, _unseen_taste(population))
    return population.replace(**fields)


def _unseen_taste(population: Population) -> tuple[float, ...] | None:
    """A taste for the least liked of the personas that no training user likes best.

    A router that has learned which personas suit training users then never tries the right one
    early; a taste whose best persona is another archetype's would be served by chance. Where every
    persona is some archetype's favourite: the opposite of the commonest taste, or None if it exists
    already.
    """
    fit = population.fit_matrix()[:, : len(population.personas)]
    met = np.array(population.archetype_weights) > 0
    liked = fit[met].max(axis=0)
    favourites = set(fit[met].argmax(axis=1).tolist())
    others = [k for k in range(fit.shape[1]) if k not in favourites]
    if others and len(np.unique(fit, axis=1).T) > 1:
        return population.cast[min(others, key=lambda k: liked[k])].traits
    return _opposite(population, population.archetypes, 0.0)


def _opposite(
    population: Population, rows: tuple[tuple[float, ...], ...], whole: float
) -> tuple[float, ...] | None:
    """`whole` less the row of an archetype, the commonest first, that is no row already; None where
    all are."""
    for i in np.argsort(-np.array(population.archetype_weights), kind="stable"):
        opposite = tuple(whole - x for x in rows[i])
        if opposite not in rows:
            return opposite
    return None


def _tastes_appear(population: Population, fit: float, severity: float) -> Population:
    # A zero taste has cosine 0 with every persona, so the bias alone keeps the old users as they
    # were; 12 log-odds is 1 in 1/65536.
    bias = 12.0
    if 0.0 < fit < 1.0:
        bias = float(np.clip(math.log(fit / (1.0 - fit)), -12, 12))
    taste = (0.2, -1.0, 1.0, -0.6)
    return population.replace(
        fit="traits",
        archetypes=((0.0,) * len(taste), taste),
        archetype_weights=(1.0 - severity, severity),
        taste_bias=bias,
        taste_sharpness=2.5 * abs(bias) + 2.0,
    )


def _unseen_obstacle(population: Population) -> str:
    if population.fit == 0.0:
        return "its fit is 0 for every user"
    if len(population.archetypes) >= 256:
        return "it has as many archetypes as there may be"
    if isinstance(population.fit, float):
        return ""
    new = (
        _unseen_taste(population)
        if population.fit == "traits"
        else _opposite(population, population.fit, 1.0)
    )
    return "its users have every opposite taste already" if new is None else ""


def _vulnerable(population: Population, severity: float) -> Population:
    return population.replace(
        vulnerable_share=between(population.vulnerable_share, VULNERABLE_MOST, severity)
    )


def _vulnerable_obstacle(population: Population) -> str:
    if population.vulnerable_share >= VULNERABLE_MOST:
        return f"its vulnerable_share is at least {VULNERABLE_MOST:g} already"
    lifted, harmed = (population.per_action(f"vulnerable_{x}") for x in ("appeal", "welfare"))
    if not (lifted.any() or harmed.any()):
        return "vulnerable users are like all others in this population"
    return ""


COVARIATE = by_name(
    Shift(
        "archetype-mix",
        "covariate",
        ("archetype_weights",),
        "a growing share of users has the archetype that is rarest in training; at 1 all",
        _archetype_mix,
        _mix_obstacle,
        {"rarest_archetype": "rises"},
    ),
    Shift(
        "unseen-archetype",
        "covariate",
        ("archetype_weights", "archetypes", "fit", "taste_bias", "taste_sharpness"),
        "a growing share of users is of a kind that training does not have; at 1 all",
        _unseen_archetype,
        _unseen_obstacle,
        {"new_archetypes": "rises"},
    ),
    Shift(
        "vulnerable-share",
        "subpopulation",
        ("vulnerable_share",),
        f"up to {VULNERABLE_MOST:.0%} of users are vulnerable",
        _vulnerable,
        _vulnerable_obstacle,
        {"vulnerable": "rises"},
    ),
)
"""Shifts of who the users are, by name."""
