"""`fixed`: one persona, always."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import Columns, Population
from carousel_envs.foundation.errors import named
from carousel_envs.questions.observation import QuestionColumns
from carousel_envs.reference import solve
from carousel_envs.reference.acting.contexts import ContextIndex
from carousel_envs.reference.acting.open_loop import SchedulePolicy
from carousel_envs.reference.questions import TablePolicy

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

DESCRIPTION = "one persona for the whole session, by default the best one"
TAKES = "the name of a persona"


def build(population: AnyPopulation, persona: str | None = None) -> Policy:
    """The constant router; `persona` defaults to the best constant of the population.

    Raises:
        UsageError: the population has no persona of this name.
    """
    name = solve(population).best_persona if persona is None else persona
    index = population.personas.index(named("persona", name, population.personas))
    if not isinstance(population, Population):
        questions = np.full((population.n_topics, population.n_years), index)
        return TablePolicy(QuestionColumns.of(population), questions)
    columns = Columns.of(population)
    everybody = ContextIndex(columns, np.zeros(1, dtype=np.int64))
    schedule = np.full((1, population.session_length), index)
    return SchedulePolicy(columns, everybody, schedule)
