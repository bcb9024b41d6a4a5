"""The distance between two populations of users, by simulation with exact turns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...users.observation import Columns
from ...users.spans import PER_PERSONA
from ..acting.filtering import Filter
from ..model import Model
from .record import IMPOSSIBLE, Distance, no_distance
from .session_terms import ImpossibleError, SessionTerms, context_nats, session_terms

if TYPE_CHECKING:
    from ...users.population import Population

_SHOWN = ("fit", "hazard", "engagement", "leave", "farewell", "gain", "memory", "joint", "contexts")
_PAID = (
    *("swap_cost", "persona_cost", "welfare", "vulnerable_welfare", "farewell_harm"),
    *("unmask_payoff", "unmask_rewarded"),
)
"""Fields of a population that move the reward or `info` alone (a payoff may be shown, too)."""


def distance_of_users(source: Population, target: Population, sessions: int, seed: int) -> Distance:
    """The distance of users from others.

    Args:
        source: the users of training.
        target: those that are met instead.
        sessions: how many of the target's are drawn.
        seed: session i uses the streams of seed + i.
    """
    columns, levels = Columns.of(target), target.cue_levels
    if (Columns.of(source), source.cue_levels) != (columns, levels):
        return no_distance(
            "the two do not show the same columns: cues, levels, actions or signs differ"
        )
    if columns.payoff is not None and source.unmask_payoff != target.unmask_payoff:
        return no_distance(f"{IMPOSSIBLE}a payoff of {target.unmask_payoff:g}")
    models = Model.of(source), Model.of(target)
    unshown = _unshown(source, target, models)
    if _same_shown(*models):
        if unshown:
            return no_distance(f"moves only what is paid ({unshown}), which no observation shows")
        return Distance(0.0, 0.0, 0.0, 0.0, "")
    notes = []
    turns = min(source.session_length, target.session_length)
    if source.session_length != target.session_length:
        notes.append(
            f"sessions of {source.session_length} and of {target.session_length} turns: only the "
            f"first {turns} are compared, without the share of the session gone"
        )
    first = context_nats(*models)
    if not np.isfinite(first):
        notes.append(
            "the source has no users with some of the visible contexts (who is available, who is "
            "vulnerable): compared given the context, in these with the source's users as a whole"
        )
        first = 0.0
    whole = not notes
    if unshown:
        notes.append(f"what is paid differs too ({unshown}), which no observation shows")
    filters = Filter(source, models[0]), Filter(target, models[1])
    try:
        terms = session_terms(*filters, target, turns=turns, sessions=sessions, seed=seed)
    except ImpossibleError as what:
        return no_distance(IMPOSSIBLE + str(what))
    return _summed(terms, first, whole, "; ".join(notes))


def _same_shown(one: Model, other: Model) -> bool:
    """Whether two models show exactly the same, turn by turn and as long."""
    names = (*_SHOWN, "cues", "length", *(("hook",) if one.has_farewells else ()))
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def _unshown(source: Population, target: Population, models: tuple[Model, Model]) -> str:
    """Names of the fields that differ and are paid, not shown."""
    names = [name for name in _PAID if _differ(source, target, name)]
    one, other = models
    if _same_shown(one, other) and not np.array_equal(one.mean_welfare, other.mean_welfare):
        # users alike in all that they show may still be harmed more
        names = names or ["vulnerable_share"]
    return ", ".join(names)


def _differ(source: Population, target: Population, name: str) -> bool:
    if name in PER_PERSONA:
        return not np.array_equal(source.per_action(name), target.per_action(name))
    if name == "unmask_rewarded":
        return source.unmask_reward != target.unmask_reward
    return bool(getattr(source, name) != getattr(target, name))


def _summed(terms: SessionTerms, first: float, whole: bool, note: str) -> Distance:
    """The mean over sessions, and the ratio of means per turn with the standard error of a ratio
    (Cochran, Sampling Techniques, 3rd ed., section 6.4)."""
    nats, n = first + terms.nats, len(terms.nats)
    mean, length = float(nats.mean()), float(terms.turns.mean())
    rate = mean / length
    error, rate_error = None, None
    if n > 1:
        error = float(nats.std(ddof=1) / np.sqrt(n))
        apart = nats - rate * terms.turns
        rate_error = float(apart.std(ddof=1) / np.sqrt(n) / length)
    if not whole:
        return Distance(None, None, rate, rate_error, note)
    return Distance(mean, error, rate, rate_error, note)
