"""The clairvoyant: a router that observes all hidden state before every pick.

No router does better, so its value is an upper bound for all of them (except where users satiate:
there it is the value of a plan, and no bound). By how much it exceeds the optimum is the price of
partial observation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..foundation.errors import CarouselError
from ..questions.table import question_tables
from ..users.table import BORED, FRESH, UNIT, user_table
from .known_user.observed_mood import backward
from .model import Model
from .satiation.certain_moods import moods_are_certain
from .satiation.problem import SatiationProblem
from .satiation.schedules import solve_satiation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..questions.population import Questions
    from ..users.population import Population
    from ..users.table import UserTable

MAX_ROTATIONS = 200
"""Largest number of kinds of user that are solved one by one, where users satiate."""
MAX_PICKS = 2**28
"""Largest number of picks in a table."""


@dataclass(frozen=True, eq=False)
class Clairvoyant:
    """The clairvoyant's value and decisions.

    Attributes:
        value: mean per session; exact, but where users satiate a lower bound (`solve_satiation`).
        kind: row of the tables below for each row of the user table, int64, shape (users,).
        first: persona to begin with, int64, shape (kinds,).
        picks: persona at each turn, given whether the user has just said goodbye, the current
            persona and the mood, int8, shape (kinds, T, 2, K, 2).
    """

    value: float
    kind: NDArray[np.int64] = field(repr=False)
    first: NDArray[np.int64] = field(repr=False)
    picks: NDArray[np.int8] = field(repr=False)


@lru_cache(maxsize=32)
def solve_clairvoyant(population: Population) -> Clairvoyant:
    """The clairvoyant for the users of a population.

    Raises:
        CarouselError: users both satiate and change their mood, which is not solved exactly, or
            satiate where actions pay more or less than engagement; or there are too many kinds of
            user.
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
    if model.has_satiation and model.pays.any():
        raise CarouselError(
            "these users satiate and personas cost something; the clairvoyant is solved only where "
            "they do one or the other"
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
        start = backward(model, present, met, kinds, some)
        values[met], begin[met] = start.max(axis=1), present[start.argmax(axis=1)]
        for i, own in zip(met, some, strict=True):
            picks[i][:, :, present] = present[own]
    return Clairvoyant(float(shares @ values), kind.ravel(), begin, picks)


@lru_cache(maxsize=32)
def answered_best(population: Questions) -> tuple[float, NDArray[np.int64]]:
    """The clairvoyant of questions: its exact value per session, and the persona it picks for each
    true question, int64, shape (topics, years); ties go to the first persona."""
    tables, knows = question_tables(population), population.knowledge()
    # it knows the question, not whether whom it sends will lie
    says = tables.says(population.n_actions)
    paid = np.where(population.forbidden()[:, :, None], 1.0 - says, says * knows)
    mean = float((tables.asked * paid.max(axis=2)).sum()) / UNIT
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
