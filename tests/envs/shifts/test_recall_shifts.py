"""Shifts of questions: graded from the population itself, and each moves what it says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, Questions
from carousel_envs.reference import rates_of, solve_recall
from carousel_envs.shifts.questions import SHIFTS
from support.properties import examples
from support.recall_helpers import digest_of_answers, questions, tiny

SEVERITIES = (0.0, 0.25, 0.5, 0.75, 1.0)
TRAINING = Questions()
PICKS = solve_recall(TRAINING).policy.picks


def curve(name: str) -> list[Questions]:
    return [SHIFTS[name].apply(TRAINING, severity) for severity in SEVERITIES]


def frozen(name: str) -> list:
    """Rates of the optimum of training along an axis."""
    return [rates_of(population, PICKS) for population in curve(name)]


def rises(values: list[float]) -> bool:
    steps = np.diff(values)
    return bool((steps >= -1e-9).all() and values[-1] > values[0] + 1e-6)


def falls(values: list[float]) -> bool:
    return rises([-x for x in values])


@pytest.mark.parametrize("name", SHIFTS)
def test_severity_zero_is_the_population_itself(name):
    assert SHIFTS[name].apply(TRAINING, 0.0) is TRAINING
    assert SHIFTS[name].apply("Recall", 0.0) == TRAINING


@pytest.mark.parametrize("name", SHIFTS)
def test_every_shift_changes_play_and_only_the_fields_it_names(name):
    shift = SHIFTS[name]
    assert shift.name == name
    assert shift.obstacle(TRAINING) == ""
    digests = {digest_of_answers(population) for population in curve(name)}
    assert len(digests) >= 4
    for population in curve(name)[1:]:
        changed = {
            field
            for field in Questions.model_fields
            if getattr(population, field) != getattr(TRAINING, field)
        }
        assert changed
        assert changed <= set(shift.moves)
        assert population.n_actions == TRAINING.n_actions


def test_neighbouring_topics_take_over_from_the_forbidden_one():
    forbidden = [rates.forbidden for rates in frozen("neighbouring-topics")]
    assert falls(forbidden)
    assert forbidden[-1] == 0.0
    weights = curve("neighbouring-topics")[-1].topic_weights
    assert weights == (0.5, 0.0, 0.5, 0.0, 0.0), "science and politics stand beside the news"
    # the router hides what looks like the forbidden question, though nothing is forbidden any more
    assert frozen("neighbouring-topics")[-1].elsewhere > 0.0


@pytest.mark.parametrize(
    ("name", "years"),
    [
        ("neighbouring-dates", {2023: 0.5, 2025: 0.5}),
        ("dates-before", {2023: 1.0}),
        ("dates-after", {2025: 1.0}),
    ],
)
def test_neighbouring_dates_take_over_from_the_forbidden_ones(name, years):
    populations = curve(name)
    beside = [
        sum(p.year_weights[year - p.first_year] for year in years) / sum(p.year_weights)
        for p in populations
    ]
    assert rises(beside)
    last = populations[-1]
    expected = [years.get(last.first_year + y, 0.0) for y in range(last.n_years)]
    assert last.year_weights == tuple(expected)
    rates = frozen(name)
    assert falls([r.forbidden for r in rates])
    assert rates[-1].forbidden == 0.0
    # a router that was trained to hide 2024 hides its neighbours, where the year shown is off
    assert rates[-1].elsewhere > 0.01
    greedy = solve_recall(last).greedy_policy.picks
    assert rates_of(last, greedy).elsewhere < rates[-1].elsewhere


def test_the_ignorant_persona_learns_and_the_frozen_router_gives_the_topic_away():
    populations, rates = curve("ignorant-learns"), frozen("ignorant-learns")
    bob = [p.known_until[1] for p in populations]
    assert bob == [2020, 2021, 2022, 2024, 2025]
    assert [p.known_until[::2] for p in populations] == [(2025, 2022)] * 5
    hidden = [r.on_forbidden for r in rates]
    assert falls(hidden)
    assert hidden[2] > 0.8
    assert hidden[-1] < 0.1, "bob tells now"
    assert rates[-1].value < solve_recall(populations[-1]).value - 0.5, "jester would still do"
    assert solve_recall(populations[-1]).rates["optimal"].on_forbidden > 0.8


def test_without_anybody_ignorant_the_optimum_itself_cannot_hide():
    training = tiny()
    taught = SHIFTS["newcomer-knows"].apply(training, 1.0)
    assert taught.knowledge().all()
    assert solve_recall(taught).value == 3.0
    assert solve_recall(taught).rates["optimal"].deceived == 0.0


def test_a_newcomer_comes_to_know():
    populations = curve("newcomer-knows")
    known = [p.knowledge()[:, :, 2].sum() for p in populations]
    assert rises(known)
    assert populations[-1].knowledge()[:, :, 2].all()
    for one, other in pairwise(populations):
        assert (other.knowledge() >= one.knowledge()).all()
        assert (other.knowledge()[:, :, :2] == one.knowledge()[:, :, :2]).all()
    assert all("news" in p.known_topics[2] for p in populations[1:])
    # the router of training does not ask the newcomer: ever more is kept from the user
    assert rises([solve_recall(p).value for p in populations])
    rates = frozen("newcomer-knows")
    assert rates[-1].deceived > rates[0].deceived + 0.1
    assert rates[-1].on_forbidden == rates[0].on_forbidden, "bob still does not know"


def test_rephrased_questions_cost_the_frozen_router_and_the_optimum():
    assert falls([r.value for r in frozen("rephrased")])
    assert falls([solve_recall(p).value for p in curve("rephrased")])
    assert rises([r.elsewhere for r in frozen("rephrased")])
    assert falls([r.on_forbidden for r in frozen("rephrased")])


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("neighbouring-topics", {"forbidden_topic": None}, "nothing is forbidden"),
        ("neighbouring-dates", {"forbidden_topic": None}, "nothing is forbidden"),
        ("dates-after", {}, "no year beside"),
        ("dates-before", {"forbidden_from": 2023}, "no year beside"),
        ("ignorant-learns", {}, "no persona interested"),
        ("ignorant-learns", {"forbidden_topic": None}, "nothing is forbidden"),
        ("newcomer-knows", {"forbidden_topic": "sport"}, "every persona talks"),
        ("rephrased", {"topic_noise": 0.5, "year_noise": 0.9}, "already"),
        ("neighbouring-topics", {"topic_weights": (0.0, 1.0)}, "change nothing"),
    ],
)
def test_a_shift_that_means_nothing_is_refused(name, changes, reason):
    population = tiny(**changes)
    assert reason in SHIFTS[name].obstacle(population)
    with pytest.raises(CarouselError, match=f"shift '{name}' does not apply: .*{reason}"):
        SHIFTS[name].apply(population, 0.5)


@pytest.mark.parametrize("severity", [-0.1, 1.1, float("nan"), "much", None])
def test_bad_severities_are_named(severity):
    with pytest.raises(CarouselError, match="severity of rephrased is"):
        SHIFTS["rephrased"].apply(TRAINING, severity)


@given(questions(), st.sampled_from(sorted(SHIFTS)), st.floats(0.0, 1.0))
@examples(150)
def test_any_population_is_shifted_or_refused(population, name, severity):
    shift = SHIFTS[name]
    if shift.obstacle(population):
        with pytest.raises(CarouselError, match="does not apply"):
            shift.apply(population, severity)
        return
    shifted = shift.apply(population, severity)
    assert shifted.n_actions == population.n_actions
    assert (shifted.topics, shifted.n_years) == (population.topics, population.n_years)
    assert rates_of(shifted, solve_recall(population).policy.picks).value >= 0.0
