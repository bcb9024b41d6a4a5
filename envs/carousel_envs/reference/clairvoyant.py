"""The clairvoyant, who is told everything hidden before every pick: exact dynamic programming.

Given the user, the mood, a goodbye and who speaks, the rest of the session is a finite Markov
decision process. No router does better, so its value bounds every router's from above (where users
satiate it is the value of a plan, and no bound); what it does beyond the optimum is what hearing
alone cannot give.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..foundation.errors import CarouselError
from ..questions.table import question_tables
from ..users.table import BORED, FRESH, UNIT, user_table
from .model import Model
from .satiation.policies import moods_are_certain
from .satiation.schedules import SatiationProblem, solve_satiation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..questions.population import Questions
    from ..users.population import Population
    from ..users.table import UserTable

MAX_ROTATIONS = 200
"""Kinds of user who satiate that are solved one by one, at most."""
MAX_PICKS = 2**28
"""Picks that a table may hold."""


@dataclass(frozen=True, eq=False)
class Clairvoyant:
    """What the clairvoyant does with users.

    Attributes:
        value: mean per session; exact, but where users satiate a lower bound (`solve_satiation`).
        kind: row of the tables below for each row of the user table, int64, shape (users,).
        first: persona to begin with, int64, shape (kinds,).
        picks: persona at each turn, given whether the user has just said goodbye, who speaks and
            the mood, int8, shape (kinds, T, 2, K, 2).
    """

    value: float
    kind: NDArray[np.int64] = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)
    picks: NDArray[np.int8] = field(repr=False)


def clairvoyant_value(model: Model) -> float:
    """Optimal value if the router knew the user and saw the mood before every pick (exact DP).

    Satiation is left out, which can only raise the value: an upper bound for every population.
    """
    total = 0.0
    for j, mask in enumerate(model.masks):
        present, met = np.flatnonzero(mask), np.flatnonzero(model.joint[:, j])
        start = _backward(model, present, met)
        total += float(model.joint[met, j] @ start.max(axis=1))
    return total


@lru_cache(maxsize=32)
def solve_clairvoyant(population: Population) -> Clairvoyant:
    """The clairvoyant for the users of a population.

    Raises:
        CarouselError: users satiate and are bored by turns as well, so that what is known has no
            exact optimum here; or there are too many kinds of user for its tables.
    """
    model, table = Model.of(population), user_table(population)
    _, first, kind = np.unique(
        np.column_stack([table.rows, table.gain, table.memory]),
        axis=0,
        return_index=True,
        return_inverse=True,
    )
    kinds = table.take(first)
    shares = np.bincount(kind.ravel()) / len(table)
    n, k, length = len(kinds), model.n_actions, model.length
    certain = moods_are_certain(model) and not model.has_farewells
    if model.has_satiation and not certain:
        raise CarouselError(
            "these users satiate and change their mood; the clairvoyant is solved only where they "
            "do one or the other"
        )
    most = MAX_ROTATIONS if model.has_satiation else MAX_PICKS // (length * k * 4)
    if n > most:
        raise CarouselError(
            f"there are {n} kinds of user; the clairvoyant is solved for at most {most} of these"
        )
    begin = np.zeros(n, dtype=np.int64)
    picks = np.zeros((n, length, 2, k, 2), dtype=np.int8)
    values = np.zeros(n)
    masks, which = np.unique(kinds.available, axis=0, return_inverse=True)
    for j, mask in enumerate(masks):
        present, met = np.flatnonzero(mask), np.flatnonzero(which.ravel() == j)
        if model.has_satiation:
            for i in met:
                values[i], schedule = _rotation(
                    kinds, int(i), present, population.swap_cost, length
                )
                begin[i], picks[i] = schedule[0], schedule[:, None, None, None]
            continue
        some = np.zeros((len(met), length, 2, len(present), 2), dtype=np.int64)
        start = _backward(model, present, met, kinds, some)
        values[met], begin[met] = start.max(axis=1), present[start.argmax(axis=1)]
        for i, own in zip(met, some, strict=True):
            picks[i][:, :, present] = present[own]
    return Clairvoyant(float(shares @ values), kind.ravel(), begin, picks)


@lru_cache(maxsize=32)
def answered_best(population: Questions) -> tuple[float, NDArray[np.int64]]:
    """The clairvoyant of questions: its exact value per session, and the persona it sends to each
    true question, int64, shape (topics, years); of several alike the first in the cast."""
    tables, knows = question_tables(population), population.knowledge()
    paid = np.where(population.forbidden()[:, :, None], ~knows, knows)
    mean = float((tables.asked * paid.any(axis=2)).sum()) / UNIT
    return population.session_length * mean, paid.argmax(axis=2)


def _rotation(
    kinds: UserTable, i: int, present: NDArray[np.int64], swap_cost: float, length: int
) -> tuple[float, NDArray[np.int64]]:
    """Value and schedule of a user whose moods are certain."""
    mood = np.where(kinds.fit[i] == 1.0, FRESH, BORED)
    problem = SatiationProblem(
        kinds.engagement[i, present, mood[present]],
        kinds.gain[i, present],
        float(kinds.memory[i]),
        float(kinds.leave[i, FRESH]),
        length,
        swap_cost,
    )
    solution = solve_satiation(problem)
    return solution.lower, present[solution.schedule]


def _backward(
    model: Model,
    present: NDArray[np.int64],
    met: NDArray[np.int64],
    kinds: UserTable | None = None,
    picks: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Value of beginning with each present action, for each kind of user, shape (kinds, present).

    Args:
        model: for what is the same for all users.
        present: actions that are available.
        met: which kinds of user, of `kinds`, or else of the model.
        picks: filled with the best pick among the present, shape (kinds, T, 2, present, 2); a tie
            goes to whoever speaks.
    """
    users = model if kinds is None else kinds
    here = np.ix_(met, present)
    engagement, leave, farewell = users.engagement[here], users.leave[met], users.farewell[met]
    fit, hazard = users.fit[here], users.hazard[here]
    n, k = fit.shape
    hook = np.stack([np.ones(k), model.hook[present]])
    says = np.stack([1.0 - farewell, farewell])
    # value before a pick: goodbye, kind, current persona, mood
    ahead = np.zeros((2, n, k, 2))
    start = np.zeros((n, k))
    for t in range(model.length - 1, -1, -1):
        fresh = (1.0 - hazard) * ahead[..., FRESH] + hazard * ahead[..., BORED]
        after = np.stack([fresh, ahead[..., BORED]], axis=3)
        after = (says[:, :, None, :] * after).sum(axis=0)
        stay = engagement + (1.0 - leave)[:, None, :] * after
        start = fit * stay[:, :, FRESH] + (1.0 - fit) * stay[:, :, BORED]
        for g in range(2):
            elsewhere = np.full((n, k), -np.inf)
            target = np.zeros((n, k), dtype=np.int64)
            for a in range(k):
                arrival = np.broadcast_to(hook[g, a] * start[:, [a]] - model.swap_cost, (n, k))
                better = (arrival > elsewhere) & (np.arange(k) != a)
                elsewhere, target = (
                    np.where(better, arrival, elsewhere),
                    np.where(better, a, target),
                )
            kept = hook[g][:, None] * stay
            ahead[g] = np.maximum(kept, elsewhere[:, :, None])
            if picks is not None:
                goes = elsewhere[:, :, None] > kept
                picks[:, t, g] = np.where(goes, target[:, :, None], np.arange(k)[:, None])
    return start
