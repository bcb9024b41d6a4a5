"""Small populations whose distances are known, and what distances are summed from."""

from __future__ import annotations

import math

from carousel_envs import Population
from carousel_envs.reference import Filter
from carousel_envs.reference.distance.session_terms import SessionTerms, session_terms
from carousel_envs.users.table import UNIT

TINY = Population(
    personas=("alice", "bob"),
    session_length=3,
    fit=((0.9, 0.3), (0.2, 0.8)),
    archetypes=((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0)),
    archetype_weights=(2.0, 1.0),
    boredom_hazard=(0.1, 0.4),
    engagement_fresh=(0.6, 0.9),
    engagement_bored=0.2,
    leave_fresh=0.05,
    leave_bored=0.2,
    cues=(((0.7, 0.3), (0.2, 0.8)),),
    n_users=6,
)


def bare(**changes: object) -> Population:
    """One kind of user, fresh for ever, who engages half of the time and shows no cues."""
    fields = {
        "personas": ("alice", "bob"),
        "session_length": 1,
        "fit": 1.0,
        "boredom_hazard": 0.0,
        "engagement_fresh": 0.5,
        "engagement_bored": 0.0,
        "cues": (),
        "n_users": 8,
    }
    return Population(**{**fields, **changes})


def bernoulli(p: float, q: float) -> float:
    """Relative entropy of one biased coin from another, with the probabilities of the tables."""
    p, q = round(p * UNIT) / UNIT, round(q * UNIT) / UNIT
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def terms_of(source: Population, target: Population, sessions: int) -> SessionTerms:
    """Sessions of the target, weighed."""
    return session_terms(
        Filter(source),
        Filter(target),
        target,
        turns=target.session_length,
        sessions=sessions,
        seed=77,
    )
