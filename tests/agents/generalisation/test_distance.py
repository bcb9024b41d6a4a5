"""Distances between users: in closed form, on every axis, and where there is none."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_agents.generalisation import Distance, distance
from carousel_envs import CarouselError, Population, Questions, user_table
from carousel_envs.reference.distance import session_terms
from carousel_envs.reference.distance.session_terms import context_nats
from carousel_envs.reference.model import Model
from carousel_envs.registry import any_population, names, shifts_of
from carousel_envs.spec import ENVIRONMENTS
from support.distance_helpers import TINY, bare, bernoulli, terms_of
from support.matrix import most_later
from support.properties import examples

ZERO = Distance(0.0, 0.0, 0.0, 0.0, "")


# -- known answers --------------------------------------------------------------------------------


def test_turns_that_are_alike_add_up():
    found = distance(bare(session_length=7), bare(session_length=7, engagement_fresh=0.8))
    assert found.nats == pytest.approx(7 * bernoulli(0.8, 0.5), rel=1e-12)
    assert found.per_turn == pytest.approx(bernoulli(0.8, 0.5), rel=1e-12)
    assert found.nats_se == pytest.approx(0.0, abs=1e-12)
    assert found.note == ""


def test_leaving_is_shown_and_ends_what_is_compared():
    source, target = (bare(session_length=400, leave_fresh=x, leave_bored=x) for x in (0.1, 0.25))
    found = distance(source, target, sessions=4000)
    # a session of the target lasts 4 turns, and every one is a toss of its coin
    assert abs(found.nats - 4 * bernoulli(0.25, 0.1)) < 4 * found.nats_se
    assert found.per_turn == pytest.approx(bernoulli(0.25, 0.1), rel=1e-9)


def test_who_is_available_counts_where_both_have_seen_it():
    source, target = (bare(unavailability=x, n_users=400) for x in (0.2, 0.5))
    shares = []
    for population in (source, target):
        rows = user_table(population).available @ np.array([1, 2])
        shares.append(np.bincount(rows, minlength=4)[1:] / 400)
    expected = (shares[1] * np.log(shares[1] / shares[0])).sum()
    found = distance(source, target, sessions=20)
    assert expected > 0.05
    assert found.nats == pytest.approx(expected, rel=1e-12)
    assert context_nats(Model.of(source), Model.of(target)) == pytest.approx(expected, rel=1e-12)


# -- against the raw log-ratio --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "axis"),
    [("Taste", "archetype-mix"), ("Welfare", "farewells"), ("Satiation", "cue-reversal")],
)
def test_exact_turns_agree_with_the_raw_log_ratio_and_vary_less(name: str, axis: str):
    source = any_population(name)
    terms = terms_of(source, shifts_of(source)[axis].apply(source, 0.5), 2000)
    apart = terms.nats - terms.log_ratio
    assert abs(apart.mean()) < 4 * apart.std(ddof=1) / math.sqrt(2000)
    assert (terms.nats >= 0.0).all()
    assert terms.nats.std() < 0.8 * terms.log_ratio.std()


# -- every axis -----------------------------------------------------------------------------------

PAID, LONGER, CONTEXT, IMPOSSIBLE = "is paid", "turns: only", "visible contexts", "impossible"
NEVER_SHOWN = "payoff of"
WITHOUT = {
    "swap-cost": PAID,
    "unmask-pays": PAID,
    "session-length": LONGER,
    "unavailable": CONTEXT,
    # in training nobody leaves a persona who has just taken over
    ("Boredom", "fit"): IMPOSSIBLE,
    ("Boredom", "unseen-archetype"): IMPOSSIBLE,
    ("Welfare", "fit"): IMPOSSIBLE,
    ("Welfare", "unseen-archetype"): IMPOSSIBLE,
    # nor is anybody kept by a slot without a hook, nor engaged by one that is worn out
    ("Welfare", "permuted-slots"): IMPOSSIBLE,
    ("Satiation", "permuted-slots"): IMPOSSIBLE,
    ("Satiation", "patience"): IMPOSSIBLE,
    ("Recall", "ignorant-learns"): IMPOSSIBLE,
    ("Recall", "newcomer-knows"): IMPOSSIBLE,
    ("UnmaskShown", "unmask-pays"): NEVER_SHOWN,
    ("UnmaskShown", "unmask-rewarded"): NEVER_SHOWN,
}
"""Axes on which whole sessions cannot be compared, and why."""

EVERY_AXIS = [
    (name, axis)
    for name in names()
    for axis, shift in shifts_of(any_population(name)).items()
    if not shift.obstacle(any_population(name))
]


@pytest.mark.parametrize(
    ("name", "axis"),
    most_later(EVERY_AXIS, lambda *case: case[0] == "Recall" or case == ("Taste", "hazard")),
)
def test_the_distance_is_zero_in_training_and_grows_with_severity(name: str, axis: str):
    source, shift = any_population(name), shifts_of(any_population(name))[axis]
    assert distance(source, shift.apply(source, 0.0)) == ZERO
    targets = [shift.apply(source, severity) for severity in (0.25, 0.5, 0.75, 1.0)]
    alike = ENVIRONMENTS[name].variant_of
    why = WITHOUT.get((name, axis)) or WITHOUT.get((alike, axis)) or WITHOUT.get(axis)
    found = [distance(source, target, sessions=20) for target in targets]
    if why:
        assert all(one.nats is None and why in one.note for one in found)
        assert all(
            (one.per_turn is None) == (why in (PAID, IMPOSSIBLE, NEVER_SHOWN)) for one in found
        )
        return
    assert all(one.note == "" for one in found)
    if isinstance(source, Questions):
        nats = [0.0, *(one.nats for one in found)]
        assert all(less < more for less, more in itertools.pairwise(nats))
        return
    # common random numbers: the same users with the same luck at every severity
    # a step to the next slot may be a small one
    sessions = 3000 if axis in ("unseen-persona", "permuted-slots") else 100
    steps = [np.zeros(sessions)]
    for target in targets:
        first = context_nats(Model.of(source), Model.of(target))
        steps.append(first + terms_of(source, target, sessions).nats)
    for less, more in itertools.pairwise(steps):
        grown = more - less
        assert grown.mean() > 2 * grown.std(ddof=1) / math.sqrt(sessions)


@pytest.mark.parametrize("name", ["Taste", "Welfare", "Satiation"])
def test_equal_populations_are_exactly_alike_when_played_too(name: str):
    population = any_population(name)
    terms = terms_of(population, population, 50)
    assert not terms.nats.any()
    assert not terms.log_ratio.any()
    assert context_nats(Model.of(population), Model.of(population)) == 0.0


def test_the_same_seed_gives_the_same_figures_and_another_does_not():
    source = Population.preset("Taste")
    target = source.replace(boredom_hazard=0.1)
    first, again = (distance(source, target, sessions=50, seed=3) for _ in range(2))
    assert first == again
    assert distance(source, target, sessions=50, seed=4).nats != first.nats


def test_blocks_that_bound_the_memory_change_nothing(monkeypatch):
    source = Population.preset("Taste").replace(engagement_fresh=(0.7, 0.9), n_users=200)
    target = source.replace(boredom_hazard=0.1)
    whole = distance(source, target, sessions=40)
    assert Model.of(source).n_types == 200
    monkeypatch.setattr(session_terms, "_NUMBERS", 7 * 400)
    assert distance(source, target, sessions=40) == whole


@examples(20)
@given(
    numbers=st.lists(st.floats(0.02, 0.98), min_size=14, max_size=14),
    length=st.integers(1, 5),
)
def test_random_populations_are_no_less_than_nothing_apart(numbers: list[float], length: int):
    def users(hazard, fresh, bored, leaves, a, b, share) -> Population:
        return TINY.replace(
            session_length=length,
            boredom_hazard=hazard,
            engagement_fresh=max(fresh, bored),
            engagement_bored=min(fresh, bored),
            leave_bored=max(leaves, TINY.leave_fresh),
            cues=(((a, 1.0 - a), (b, 1.0 - b)),),
            archetype_weights=(share, 1.0 - share),
        )

    source, target = users(*numbers[:7]), users(*numbers[7:])
    found = distance(source, target, sessions=200)
    if found.nats is None:
        # with few users an archetype may have none: then a mood at a turn may be impossible
        assert "impossible" in found.note
        return
    assert found.nats >= 0.0
    assert math.isfinite(found.nats)
    rounding = 1e-12 * found.nats
    assert found.nats / length - rounding <= found.per_turn <= found.nats + rounding
    terms = terms_of(source, target, 200)
    assert terms.log_ratio.mean() > -4 * terms.log_ratio.std(ddof=1) / math.sqrt(200) - 1e-12


# -- where there is no number, or not of everything -----------------------------------------------


def test_a_changed_payoff_with_another_change_is_noted_and_left_out():
    both = distance(bare(), bare(engagement_fresh=0.8, swap_cost=1.0), sessions=10)
    alone = distance(bare(), bare(engagement_fresh=0.8), sessions=10)
    assert both.nats == alone.nats > 0.0
    assert "swap_cost" in both.note
    assert alone.note == ""


def test_welfare_of_users_who_look_alike_is_not_shown():
    source = bare(vulnerable_welfare=-1.0, n_users=100)
    found = distance(source, source.replace(vulnerable_share=0.5))
    assert found.nats is None
    assert "vulnerable_share" in found.note


@pytest.mark.parametrize("turns", [3, 12])
def test_of_sessions_of_two_lengths_the_common_turns_are_compared(turns: int):
    source, target = bare(session_length=6), bare(session_length=turns, engagement_fresh=0.8)
    found = distance(source, target, sessions=10)
    assert found.nats is None
    assert found.per_turn == pytest.approx(bernoulli(0.8, 0.5), rel=1e-12)
    assert "6" in found.note
    assert str(turns) in found.note


@pytest.mark.parametrize(
    ("source", "target", "what"),
    [
        (bare(engagement_fresh=1.0), bare(), "does not engage at turn 1"),
        (bare(engagement_fresh=0.0), bare(), "that a user engages at turn 1"),
        (bare(), bare(leave_fresh=0.1, leave_bored=0.1), "that a user leaves"),
        (bare(leave_fresh=1.0, leave_bored=1.0), bare(), "that a user stays"),
        (
            bare(shows=("farewell",)),
            bare(shows=("farewell",), farewell_fresh=0.1, farewell_bored=0.1),
            "says goodbye",
        ),
        (
            bare(cues=(((1.0, 0.0), (0.5, 0.5)),)),
            bare(cues=(((0.5, 0.5), (0.5, 0.5)),)),
            "levels of the cues",
        ),
    ],
)
def test_what_the_source_holds_impossible_is_named(source, target, what: str):
    found = distance(source, target, sessions=50)
    assert found == Distance(None, None, None, None, found.note)
    assert what in found.note


def test_the_other_way_round_what_never_happens_is_merely_unlikely():
    found = distance(bare(), bare(engagement_fresh=1.0), sessions=10)
    assert found.nats == pytest.approx(math.log(2.0), rel=1e-12)


def test_slots_are_compared_in_order_regardless_of_their_personas():
    source = TINY.replace(n_users=200)
    assert distance(source, source.replace(personas=("coach", "scholar"))) == ZERO
    swapped = source.replace(fit=tuple(row[::-1] for row in source.fit))
    assert distance(source, swapped).nats > 0.0


@pytest.mark.parametrize(
    "target",
    [
        bare(personas=("alice", "bob", "coach")),
        bare(unmask=True),
        bare(shows=("vulnerable",)),
        bare(cues=(((0.5, 0.5), (0.5, 0.5)),)),
    ],
)
def test_other_columns_have_no_distance(target: Population):
    assert "same columns" in distance(bare(), target).note
    assert distance(bare(), target).per_turn is None


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (("Boredom", "Recall"), {}, "two populations of one make"),
        (("Boredom", 3), {}, "population is 3"),
        (("Boredom", "Boredom"), {"sessions": 0}, "sessions is 0"),
        (("Boredom", "Boredom"), {"seed": -1}, "seed is -1"),
    ],
)
def test_bad_requests_are_one_sentence(arguments, options, sentence: str):
    with pytest.raises(CarouselError, match=sentence):
        distance(*arguments, **options)


def test_a_single_session_has_no_standard_error():
    found = distance(bare(), bare(engagement_fresh=0.8), sessions=1)
    assert found.nats_se is None
    assert found.per_turn_se is None
