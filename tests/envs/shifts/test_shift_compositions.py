"""Two shifts at once: both happen, in whichever order they are named."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, Population, Questions
from carousel_envs.shifts import SHIFTS, compose, find_shift, parse_shift
from carousel_envs.shifts import questions as question_shifts
from support.env_helpers import digest_of_play
from support.properties import examples
from support.strategies import populations

PAIRS = list(combinations(SHIFTS, 2))
WELFARE = Population.preset("Welfare")


def test_a_composition_is_a_shift_that_is_found_by_its_name():
    shift = find_shift("hazard+swap-cost")
    assert shift == compose(SHIFTS["hazard"], SHIFTS["swap-cost"])
    assert (shift.name, shift.kind) == ("hazard+swap-cost", "composition")
    assert shift.moves == ("boredom_hazard", "swap_cost")
    assert parse_shift("hazard+swap-cost=0.5") == (shift, 0.5)
    by_questions = find_shift("rephrased+dates-after", question_shifts.SHIFTS)
    assert by_questions.apply(Questions(), 0.0) == Questions()


def test_both_changes_are_those_of_the_population_given():
    both = find_shift("hazard+swap-cost").apply(WELFARE, 0.5)
    one, other = (SHIFTS[name].apply(WELFARE, 0.5) for name in ("hazard", "swap-cost"))
    assert both == one.replace(swap_cost=other.swap_cost)
    questions = find_shift("rephrased+dates-after", question_shifts.SHIFTS).apply("Recall", 1.0)
    assert questions.topic_noise == 0.5
    assert questions.year_weights[-1] == 1.0


@given(populations(), st.sampled_from(PAIRS), st.sampled_from((0.3, 1.0)))
@examples(150)
def test_the_order_of_axes_that_move_different_fields_makes_no_difference(
    population, pair, severity
):
    one, other = (SHIFTS[name] for name in pair)
    there, back = compose(one, other), compose(other, one)
    assert bool(there.obstacle(population)) == bool(back.obstacle(population))
    if there.obstacle(population):
        with pytest.raises(CarouselError, match="does not apply"):
            there.apply(population, severity)
        return
    both = there.apply(population, severity)
    changed = {
        name for name in Population.model_fields if getattr(both, name) != getattr(population, name)
    }
    assert changed <= {*one.moves, *other.moves}
    if not set(one.moves) & set(other.moves):
        assert both == back.apply(population, severity)
        for shift in (one, other):
            alone = shift.apply(population, severity)
            assert all(getattr(both, name) == getattr(alone, name) for name in shift.moves)


def test_a_range_that_is_pressed_into_a_point_stays_tied():
    tied = Population.preset("Boredom").replace(
        boredom_hazard=(0.0, 0.0, 0.5, 0.6),
        engagement_bored=(0.1, 0.2),
        pair=("boredom_hazard", "engagement_bored"),
    )
    assert SHIFTS["hazard"].apply(tied, 1.0).boredom_hazard == (0.9, 0.9)


@pytest.mark.parametrize(
    "pair", [("unseen-persona", "unseen-archetype"), ("unseen-archetype", "fit")]
)
def test_axes_that_look_at_one_another_compose(pair):
    taste = Population.preset("Taste")
    both = compose(*(SHIFTS[name] for name in pair)).apply(taste, 1.0)
    assert len(both.archetypes) == 5
    assert both != SHIFTS["unseen-archetype"].apply(taste, 1.0)


def test_a_composition_plays_differently_from_each_of_its_axes():
    both = find_shift("hazard+swap-cost").apply(WELFARE, 1.0)
    alone = [SHIFTS[name].apply(WELFARE, 1.0) for name in ("hazard", "swap-cost")]
    assert len({digest_of_play(p) for p in (WELFARE, both, *alone)}) == 4


def test_an_axis_that_means_nothing_stands_in_the_way_of_its_compositions():
    population = Population.preset("Boredom")
    for name in ("hazard+farewells", "farewells+hazard"):
        assert find_shift(name).obstacle(population) == SHIFTS["farewells"].obstacle(population)


def test_what_both_expect_is_expected_and_nothing_else():
    assert find_shift("hazard+patience").expected == {"value": "falls", "best_fixed": "falls"}
    assert find_shift("hazard+session-length").expected == {}
    assert find_shift("permuted-slots+swap-cost").expected == {
        "value": "falls",
        "uniform": "falls",
        "best_fixed": "same",
    }


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("hazard+hazard", "'hazard' cannot be composed with itself"),
        ("hazard+fit+patience", "names 3 axes; only two"),
        ("hazard+gravity", "'gravity' is unknown; known are"),
        ("hazard+", "'' is unknown; known are"),
        ("+", "'' is unknown; known are"),
    ],
)
def test_what_cannot_be_composed_is_refused(name, fragment):
    with pytest.raises(CarouselError) as caught:
        parse_shift(f"{name}=0.5")
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_two_axes_of_one_kind_of_population_are_composed():
    hazard, both = SHIFTS["hazard"], find_shift("fit+patience")
    with pytest.raises(CarouselError, match="is a composition already"):
        compose(hazard, both)
    with pytest.raises(CarouselError, match="different kinds of population"):
        compose(hazard, question_shifts.SHIFTS["rephrased"])
    with pytest.raises(CarouselError, match="compose was given 'hazard'; it takes two shifts"):
        compose("hazard", hazard)
