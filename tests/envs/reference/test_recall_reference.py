"""The closed form of questions: known answers, Bayes by hand, and agreement with play."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given

from carousel_envs import CarouselError, Questions
from carousel_envs.questions.table import question_tables
from carousel_envs.reference import Rates, rates_of, solve_recall
from carousel_envs.rollout import LANES, rollout
from support.properties import examples
from support.recall_helpers import noisy, questions, tiny

SESSIONS = 200_000


def test_a_known_answer_without_noise():
    # alice knows all four questions, bob none; one of the four is forbidden; four turns
    r = solve_recall(tiny())
    assert (r.value, r.value_upper, r.myopic) == (4.0, 4.0, 4.0)
    assert (r.blind, r.best_fixed, r.best_persona) == (3.0, 3.0, "alice")
    assert (r.uniform, r.greedy) == (2.0, 3.0)
    assert r.policy.picks.tolist() == [[0, 1], [0, 0]]
    assert r.rates["optimal"] == Rates(4.0, 0.75, 0.0, 0.25, 0.25, 0.25)
    assert (r.rates["optimal"].on_forbidden, r.rates["optimal"].elsewhere) == (1.0, 0.0)
    assert r.rates["greedy"].on_forbidden == r.rates["greedy"].elsewhere == 0.0
    assert r.rates["uniform"] == Rates(2.0, 0.5, 0.0, 0.5, 0.25, 0.125)
    assert r.score(4.0) == 1.0
    assert r.score(3.0) == 0.0
    assert r.summary()["tier"] == "exact"


@pytest.mark.parametrize("noise", [0.0, 0.125, 0.25, 0.5, 0.75, 1.0])
def test_a_known_answer_with_noise_on_the_topic(noise):
    # Of 2024, half of the questions, the topic shown is the true one with 1 - noise: it pays to
    # trust it, to bet against it, or at a half to send alice always.
    r = solve_recall(tiny(topic_noise=noise))
    assert r.value == 4 * (0.5 + 0.5 * max(1.0 - noise, noise))
    assert r.blind == 3.0
    rates = r.rates["optimal"]
    shown = {0.5: 0.0}.get(noise, 0.25)
    assert rates.deceived == shown, "bob is sent on one of the four questions shown, or never"
    assert rates.deceived_on_forbidden == shown * max(1.0 - noise, noise)
    assert r.policy.picks[:, 0].tolist() == [0, 0], "nothing of 2023 is forbidden"


def test_a_known_answer_with_noise_on_the_year():
    r = solve_recall(tiny(year_noise=0.25))
    # news: as with the topic; sport: alice always
    assert r.value == 4 * (0.5 + 0.5 * 0.75)
    assert r.policy.picks.tolist() == [[0, 1], [0, 0]]


def test_years_that_are_off_stay_in_range_and_within_the_error():
    population = tiny(year_weights=(1.0,) * 4, year_noise=0.5, year_error=2)
    shown = question_tables(population).year_shown / 65536
    np.testing.assert_allclose(
        shown,
        [
            [0.5, 0.25, 0.25, 0.0],
            [1 / 6, 0.5, 1 / 6, 1 / 6],
            [1 / 6, 1 / 6, 0.5, 1 / 6],
            [0.0, 0.25, 0.25, 0.5],
        ],
        atol=2 / 65536,
    )
    assert (question_tables(population).year_shown.sum(axis=1) == 65536).all()


def test_nothing_forbidden_leaves_nothing_to_hide():
    r = solve_recall(tiny(forbidden_topic=None))
    assert r.value == r.greedy == r.blind == 4.0
    assert r.rates["optimal"].deceived == r.rates["optimal"].forbidden == 0.0
    assert r.rates["optimal"].on_forbidden is None
    assert r.score(4.0) is None, "looking at the question is worth nothing here"
    everything = tiny(topic_weights=(1.0, 0.0), year_weights=(0.0, 1.0))
    assert solve_recall(everything).rates["optimal"].elsewhere is None


def by_bayes(population: Questions) -> tuple[float, np.ndarray]:
    """Value and picks of the optimum from the posterior of every question, in plain loops."""
    tables = question_tables(population)
    knows, forbidden = population.knowledge(), population.forbidden()
    prior, topics, years = (
        counts / 65536 for counts in (tables.asked, tables.topic_shown, tables.year_shown)
    )
    value, picks = 0.0, np.zeros(prior.shape, dtype=int)
    for t in range(population.n_topics):
        for y in range(population.n_years):
            joint = prior * topics[:, t, None] * years[None, :, y]
            if joint.sum() == 0.0:
                continue
            posterior = joint / joint.sum()
            paid = np.where(forbidden[:, :, None], ~knows, knows)
            expected = (posterior[:, :, None] * paid).sum(axis=(0, 1))
            value += joint.sum() * expected.max()
            picks[t, y] = np.flatnonzero(expected > expected.max() - 1e-12)[0]
    return population.session_length * value, picks


@given(questions())
@examples(80)
def test_the_optimum_is_what_bayes_says_and_beats_the_rest(population):
    r = solve_recall(population)
    value, picks = by_bayes(population)
    assert r.value == pytest.approx(value, abs=1e-9)
    np.testing.assert_array_equal(r.policy.picks, picks)
    assert r.value >= max(r.blind, r.greedy, r.uniform) - 1e-12
    assert r.blind >= r.uniform - 1e-12
    assert rates_of(population, r.policy.picks) == r.rates["optimal"]
    for rates in r.rates.values():
        assert rates.lied == 0.0
        assert rates.deceived_on_forbidden <= min(rates.deceived, rates.forbidden) + 1e-12
    best = r.rates["greedy"].knowledgeable
    assert all(rates.knowledgeable <= best + 1e-12 for rates in r.rates.values())


LIES = ((0.3, 0.0, 0.9, 0.1, 0.5), (0.0, 0.4, 0.2, 1.0, 0.05), (0.25,) * 5)


def test_with_personas_who_lie_the_closed_form_is_what_play_earns():
    population = Questions(lies=LIES)
    r = solve_recall(population)
    assert r.rates["optimal"].lied > 0.0
    for policy, rates in ((r.policy, r.rates["optimal"]), (r.uniform_policy, r.rates["uniform"])):
        assert_agrees(population, policy, rates, 2 * LANES, errors=5.5)
    # by hand: whoever is sent at random lies with the mean of what these personas do
    asked = question_tables(population).asked / 65536
    mean = np.array(LIES).mean(axis=0)
    assert r.rates["uniform"].lied == pytest.approx((asked.sum(axis=1) * mean).sum(), abs=1e-4)
    assert r.value > max(r.blind, r.uniform)


def test_a_liar_is_sent_to_deny_what_is_forbidden_and_to_nobody_else():
    """Everybody knows everything: without a liar, nobody can deny."""
    knows = {"cutoffs": (2030,) * 3, "interests": (Questions().topics,) * 3}
    honest = Questions(**knows, topic_noise=0.0, year_noise=0.0)
    liar = honest.replace(lies=((0.0,) * 5, (1.0,) * 5, (0.0,) * 5))
    r, forbidden = solve_recall(liar), honest.forbidden()
    assert solve_recall(honest).value < r.value == pytest.approx(liar.session_length, abs=1e-9)
    assert (r.policy.picks[forbidden] == 1).all()
    assert (r.policy.picks[~forbidden] != 1).all()
    assert r.rates["optimal"].lied == pytest.approx(r.rates["optimal"].forbidden, abs=1e-12)
    assert r.rates["optimal"].deceived == 0.0, "the system deceives nobody, a persona does"


@given(questions())
@examples(25)
def test_any_population_plays_as_the_closed_form_says(population):
    r = solve_recall(population)
    for policy, rates in ((r.policy, r.rates["optimal"]), (r.uniform_policy, r.rates["uniform"])):
        assert_agrees(population, policy, rates, 2 * LANES, errors=5.5)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("population", [Questions(), noisy()], ids=["preset", "noisy"])
@pytest.mark.parametrize("router", ["policy", "blind_policy", "uniform_policy", "greedy_policy"])
def test_play_agrees_with_the_closed_form(population, router):
    r = solve_recall(population)
    name = "optimal" if router == "policy" else router.removesuffix("_policy")
    assert_agrees(population, getattr(r, router), r.rates[name], SESSIONS, errors=4.0)


def assert_agrees(population, policy, rates, sessions, errors):
    played = rollout(population, policy, sessions, seed=11)
    figures = {name: total / population.session_length for name, total in played.totals.items()}
    figures["value"] = played.engagement
    assert figures.keys() == dataclasses.asdict(rates).keys()
    assert (played.length == population.session_length).all()
    assert not played.left.any()
    for name, samples in figures.items():
        expected = getattr(rates, name)
        # a standard error that no run of equal samples makes 0
        spread = max(samples.std(ddof=1), 1.0 / sessions**0.5)
        exact = samples.std() == 0.0 and samples[0] == pytest.approx(expected, abs=1e-12)
        close = abs(samples.mean() - expected) <= errors * spread / np.sqrt(sessions)
        assert exact or close, (name, samples.mean(), expected)


def test_the_gate():
    """Routers that ignore the question trail the reference by a tenth or more; planning is not
    claimed to matter."""
    r = solve_recall("Recall")
    for name in ("best_fixed", "uniform", "blind"):
        assert getattr(r, name) < 0.9 * r.value, name
    assert r.myopic == r.value
    assert r.greedy < 0.95 * r.value, "knowing alone does not pay"
    assert r.policy.picks[1].tolist() == [0] * 8 + [1, 0], "news of 2024 goes to bob"
    assert r.rates["optimal"].on_forbidden > 0.8
    assert r.rates["optimal"].elsewhere < 0.05


def test_a_policy_acts_on_the_question_alone():
    population = noisy()
    r = solve_recall(population)
    one = rollout(population, r.policy, 3000, seed=3)
    many = rollout(population, r.policy, LANES + 50, seed=3)
    for name, total in one.totals.items():
        np.testing.assert_array_equal(total, many.totals[name][:3000])
    assert solve_recall(noisy()) is r, "an equal population gives the same object"
    uniform = r.uniform_policy
    picks, (keys, counter) = uniform.act(
        np.zeros((50_000, 3), dtype=np.float32), uniform.initial_state(50_000, 0)
    )
    assert counter == 1
    assert len(keys) == 50_000
    np.testing.assert_allclose(np.bincount(picks) / 50_000, 1 / 3, atol=0.01)


@pytest.mark.parametrize(
    ("picks", "sentence"),
    [
        (np.zeros((2, 3), dtype=int), r"picks have dtype int64 and shape \(2, 3\); they must be"),
        (np.zeros((2, 2)), r"picks have dtype float64 and shape \(2, 2\); they must be integers"),
        ([[0, 1], [0]], r"picks is \[\[0, 1\], \[0\]\]; it must be an array"),
        (np.full((2, 2), 2), "picks hold 2; they must lie in 0 to 1"),
        (np.full((2, 2), -1), "picks hold -1; they must lie in 0 to 1"),
    ],
    ids=["shape", "dtype", "ragged", "high", "low"],
)
def test_bad_picks_are_named(picks, sentence):
    with pytest.raises(CarouselError, match=sentence):
        rates_of(tiny(), picks)
