"""Upper bounds from revealing the kind of user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..reference import MAX_PLANNING_KINDS
from .certain_moods import certain_engagement, known_kind
from .lagrangian import bound_at, relax
from .moody_relaxation import MoodyProblem, priced_at, relax_moods
from .revealed_kind import revealed_value
from .revealed_moody import revealed_after
from .schedules import solve_satiation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model
    from .lagrangian import Relaxation

# Pairs of kind and context up to which each is searched, rather than bounded by its relaxation.
_MAX_SEARCHES = 16
# Turns before the kind is revealed.
_DEPTH = 3


def relaxed_kind(model: Model, kind: int, mask: NDArray[np.bool_], steps: int = 250) -> Relaxation:
    """Relaxation for one kind of user, with the personas of a mask alone."""
    problem = known_kind(model, kind, np.flatnonzero(mask))
    return relax(problem, problem.value(problem.greedy()), steps)


def revealed_early(model: Model, unmasked: list[Relaxation]) -> float:
    """Upper bound: the optimum of a router to which the kind of user is revealed after a few turns.

    `unmasked` holds each kind's relaxation with all personas.
    """
    many = int(np.count_nonzero(model.joint)) > _MAX_SEARCHES
    total = 0.0
    for j, mask in enumerate(model.masks):
        kinds, present = np.flatnonzero(model.joint[:, j]), np.flatnonzero(mask)
        problems = [known_kind(model, int(a), present) for a in kinds]
        steps = 60 if many else 250
        found = [
            unmasked[a] if mask.all() else relaxed_kind(model, int(a), mask, steps) for a in kinds
        ]
        bounds = [relaxed.bound for relaxed in found]
        if not many:
            bounds = [solve_satiation(problem).upper for problem in problems]
        shares = model.joint[kinds, j]
        likes = model.fit[np.ix_(kinds, present)] == 1.0
        revealed = revealed_value(shares, likes, problems, found, model.cues, _DEPTH)
        total += min(revealed, float(shares @ bounds))
    return total


def revealed_at_once(model: Model) -> float:
    """Upper bound: the optimum of a router that knows the kind of user.

    With very many kinds, each is bounded at the prices of a similar one: any prices give a bound.
    """
    few = model.merged(MAX_PLANNING_KINDS)
    engagement = certain_engagement(few)
    total = 0.0
    for j, mask in enumerate(model.masks):
        present = np.flatnonzero(mask)
        prices: dict[int, NDArray[np.float64]] = {}
        for a in np.flatnonzero(model.joint[:, j]):
            problem = known_kind(model, int(a), present)
            if np.count_nonzero(model.joint) <= _MAX_SEARCHES:
                total += float(model.joint[a, j]) * solve_satiation(problem).upper
                continue
            apart = abs(engagement[:, present] - problem.engagement).sum(axis=1)
            apart += abs(few.gain[:, present] - problem.gain).sum(axis=1)
            near = int((apart + abs(few.memory - problem.memory)).argmin())
            if near not in prices:
                prices[near] = relax(problem, problem.value(problem.greedy()), 60).prices
            total += float(model.joint[a, j]) * bound_at(problem, prices[near])
    return total


def moods_revealed(model: Model) -> float:
    """Upper bound where moods matter too: the relaxation of a router to which kind and mood are
    revealed, after a few turns where kinds are few.

    Where users say goodbye all is revealed at the first turn's end: until then a goodbye would tell
    something, which the tree of turns leaves out; afterwards whoever knows kind and mood can draw
    goodbyes that tell as much.

    With many kinds, each is bounded at the prices of a similar one: any prices give a bound.
    """
    few = model.merged(MAX_PLANNING_KINDS)
    many = np.count_nonzero(model.joint) > _MAX_SEARCHES
    depth = 1 if model.has_farewells else _DEPTH
    total = 0.0
    for j, mask in enumerate(model.masks):
        present, kinds = np.flatnonzero(mask), np.flatnonzero(model.joint[:, j])
        problems = [MoodyProblem.of(model, int(a), present) for a in kinds]
        shares = model.joint[kinds, j]
        if not many:
            found = [relax_moods(problem) for problem in problems]
            total += revealed_after(shares, problems, found, model.cues, depth)
            continue
        prices: dict[int, NDArray[np.float64]] = {}
        for a, problem, share in zip(kinds, problems, shares, strict=True):
            near = _most_like(model, int(a), few)
            if near not in prices:
                prices[near] = relax_moods(MoodyProblem.of(few, near, present), 60).prices
            total += float(share) * priced_at(problem, prices[near]).bound
    return total


def _most_like(model: Model, kind: int, few: Model) -> int:
    """The kind of `few` that is most like a kind of this model."""
    apart = np.abs(few.engagement - model.engagement[kind]).sum(axis=(1, 2))
    for name in ("fit", "hazard", "gain", "leave"):
        apart += np.abs(getattr(few, name) - getattr(model, name)[kind]).sum(axis=1)
    return int((apart + np.abs(few.memory - model.memory[kind])).argmin())
