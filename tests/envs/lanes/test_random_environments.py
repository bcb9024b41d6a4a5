"""Random valid populations go through the checker without a violation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselEnv, CarouselVectorEnv, RecallEnv, RecallVectorEnv
from carousel_envs.checking import check_vector_env
from support.properties import examples
from support.recall_helpers import questions
from support.strategies import populations

if TYPE_CHECKING:
    from carousel_envs import Population, Questions

MODES = st.sampled_from(("NextStep", "SameStep", "Disabled"))
TURNS = 15


def check(vector: Any, scalar: Any, population: Population | Questions, mode: str) -> None:
    report = check_vector_env(
        lambda: vector(3, population=population, autoreset_mode=mode),
        scalar=lambda: scalar(population=population),
        steps=TURNS,
    )
    report.raise_if_failed()


@given(populations(), MODES)
@examples(12)
def test_any_users_pass_the_checker(population, mode):
    check(CarouselVectorEnv, CarouselEnv, population, mode)


@given(questions(), MODES)
@examples(8)
def test_any_questions_pass_the_checker(population, mode):
    check(RecallVectorEnv, RecallEnv, population, mode)
