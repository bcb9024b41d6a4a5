"""`Carousel/Recall-v0`: persona swapping as deception."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..questions.observation import question_column_names
from ..questions.population import Questions
from ..spec import EnvironmentSpec, Hidden, ModelSpec, register

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..shifts.questions import QuestionShift


def _layout(population: Questions) -> tuple[tuple[str, ...], int]:
    return question_column_names(population), population.n_years


def _shifts() -> Mapping[str, QuestionShift]:
    from ..shifts.questions import SHIFTS

    return SHIFTS


def _hidden(population: Questions) -> Sequence[Hidden]:
    return (
        Hidden("topic", ["hidden_topic"], population.n_topics - 1.0),
        Hidden("year", ["hidden_year"], population.n_years - 1.0, population.first_year),
    )


QUESTIONS = ModelSpec(
    population_type=Questions,
    vector="carousel_envs.questions.environment:RecallVectorEnv",
    scalar="carousel_envs.questions.environment:RecallEnv",
    columns=question_column_names,
    layout=_layout,
    shifts=_shifts,
    solve="carousel_envs.reference.questions:solve_recall",
    distance="carousel_envs.reference.distance.questions:distance_of_questions",
    hidden=_hidden,
)

SPEC = register(EnvironmentSpec(name="Recall", model=QUESTIONS))
