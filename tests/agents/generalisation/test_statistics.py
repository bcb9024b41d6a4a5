"""Statistics of few runs: known answers, properties, and what an interval really covers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_agents.generalisation import statistics
from carousel_agents.generalisation.statistics import (
    interval,
    iqm,
    performance_profile,
    probability_of_improvement,
    trimmed_mean,
    worst_decile_mean,
)
from carousel_envs import CarouselError

numbers = st.integers(-1000, 1000).map(float)
samples = st.lists(numbers, min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("values", "mean"),
    [
        ([3.0], 3.0),
        ([1.0, 3.0], 2.0),
        # a quarter of 3 is 3/4: the ends keep a quarter each, the middle counts whole
        ([0.0, 6.0, 30.0], (0.25 * 0 + 6 + 0.25 * 30) / 1.5),
        ([100.0, 1.0, 2.0, -50.0], 1.5),
        ([0.0, 10.0, 20.0, 30.0, 1000.0], (0.75 * 10 + 20 + 0.75 * 30) / 2.5),
        (range(8), 3.5),
        ([0, 0, 1, 2, 3, 4, 5, 6, 9, 9], (0.5 * 1 + 2 + 3 + 4 + 5 + 0.5 * 6) / 5),
    ],
)
def test_the_interquartile_mean_cuts_exactly_a_quarter_at_each_end(values, mean):
    assert iqm(list(values)) == pytest.approx(mean, rel=1e-12)


@given(st.lists(numbers, min_size=4, max_size=40))
def test_where_four_divides_the_number_it_is_the_mean_of_the_middle_half(values):
    values = sorted(values[: len(values) // 4 * 4])
    cut = len(values) // 4
    assert iqm(values) == pytest.approx(np.mean(values[cut:-cut]), abs=1e-9)


@given(samples, st.randoms(), st.integers(1, 4))
def test_order_and_repetition_do_not_matter(values, random, times):
    shuffled = values * times
    random.shuffle(shuffled)
    for statistic in (iqm, worst_decile_mean):
        assert statistic(shuffled) == pytest.approx(statistic(values), abs=1e-8)


@given(samples, numbers, st.integers(0, 9))
def test_a_change_of_scale_is_carried_over(values, shift, factor):
    moved = [factor * x + shift for x in values]
    for statistic in (iqm, worst_decile_mean):
        assert statistic(moved) == pytest.approx(factor * statistic(values) + shift, abs=1e-7)


@given(samples)
def test_the_worst_decile_is_no_better_than_the_mean_and_no_worse_than_the_worst(values):
    assert min(values) <= worst_decile_mean(values) <= np.mean(values) + 1e-9
    assert worst_decile_mean(values, 1.0) == pytest.approx(np.mean(values), abs=1e-9)
    assert min(values) <= iqm(values) <= max(values)


def test_the_worst_decile_of_known_values():
    assert worst_decile_mean(range(10)) == 0.0
    assert worst_decile_mean(range(20)) == 0.5
    # 1.5 of 15 values: the smallest, and half of the next
    assert worst_decile_mean(range(15)) == pytest.approx(0.5 * 1 / 1.5)
    assert worst_decile_mean([7.0, 5.0]) == 5.0


def test_many_samples_are_done_at_once():
    rows = np.random.default_rng(0).normal(size=(3, 5, 7))
    for statistic in (iqm, worst_decile_mean):
        together = statistic(rows)
        assert together.shape == (3, 5)
        assert together[1, 2] == pytest.approx(statistic(rows[1, 2]))


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    values = [np.random.default_rng(0).normal(size=7)]
    first, again, other = (interval(values, seed=s, resamples=500) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_interval_is_the_one_that_this_seed_has_always_given():
    """To the last digit: what a page says can be said again."""
    found = interval([[0.1, 0.4, 0.2], [0.9, 0.7]], seed=5, resamples=1000)
    assert found == (0.28, 0.55)


def test_of_three_runs_the_interval_reaches_from_end_to_end():
    """All three draws are the smallest in 1 case of 27, more often than 2.5 %."""
    assert interval([[1.0, 2.0, 4.0]], seed=0) == (1.0, 4.0)


def test_equal_runs_have_an_interval_without_width_and_a_single_one_has_none():
    assert interval([[0.3, 0.3, 0.3]]) == (0.3, 0.3)
    assert interval([[0.3]]) is None
    assert interval([[0.3], [0.5]]) is None
    assert interval([[0.3], [0.5, 0.6]]) is not None


def test_strata_are_drawn_apart():
    """Tasks of different difficulty do not widen the interval; runs of one heap would."""
    easy, hard = np.full(5, 10.0), np.zeros(5)
    mean = lambda x: x.mean(axis=-1)  # noqa: E731
    assert interval([easy, hard], mean) == (5.0, 5.0)
    low, high = interval([np.concatenate([easy, hard])], mean)
    assert high - low > 4


@given(samples, samples)
def test_improvement_and_its_opposite_add_up(ours, theirs):
    there, back = (
        probability_of_improvement([ours], [theirs]),
        probability_of_improvement([theirs], [ours]),
    )
    assert there + back == pytest.approx(1.0)
    assert 0.0 <= there <= 1.0
    assert probability_of_improvement([ours], [ours]) == pytest.approx(0.5)


def test_improvement_counts_pairs_and_averages_tasks():
    assert probability_of_improvement([[1.0, 3.0]], [[0.0, 2.0]]) == 0.75
    assert probability_of_improvement([[1.0, 1.0]], [[1.0, 0.0]]) == 0.75
    assert probability_of_improvement([[2.0], [0.0]], [[1.0], [1.0, 0.0]]) == 0.625


def test_a_profile_falls_from_one_to_zero_and_weighs_strata_alike():
    found = performance_profile([[0.0, 1.0], [2.0] * 6], [-1.0, 0.0, 0.5, 1.5, 2.0])
    np.testing.assert_allclose(found, [1.0, 0.75, 0.75, 0.5, 0.0])


@given(st.lists(samples, min_size=1, max_size=4), st.lists(numbers, min_size=1, max_size=9))
def test_a_profile_never_rises(strata, thresholds):
    found = performance_profile(strata, sorted(thresholds))
    assert (np.diff(found) <= 1e-12).all()
    assert ((found >= 0) & (found <= 1)).all()


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: iqm([]), "must hold one number at least"),
        (lambda: iqm(["a"]), "must hold one number at least"),
        (lambda: iqm([1.0, float("nan")]), "not finite"),
        (lambda: iqm([[1.0], [1.0, 2.0]]), "rows differ in length"),
        (lambda: trimmed_mean([1.0], 0.5, 0.5), "low must be below high"),
        (lambda: trimmed_mean([1.0], -0.5, 0.5), "low is -0.5"),
        (lambda: worst_decile_mean([1.0], 0.0), "share is 0.0"),
        (lambda: interval([]), "strata is empty"),
        (lambda: interval([[1.0, 2.0]], resamples=3), "resamples is 3"),
        (lambda: interval([[1.0, 2.0]], seed=-1), "seed is -1"),
        (lambda: interval([[1.0, 2.0]], level=1.0), "level is 1.0"),
        (lambda: probability_of_improvement([[1.0]], [[1.0], [2.0]]), "ours has 1 tasks"),
        (lambda: performance_profile([[1.0]], []), "thresholds is"),
    ],
)
def test_what_is_no_sample_is_one_sentence(call, sentence):
    with pytest.raises(CarouselError, match=sentence) as told:
        call()
    assert "\n" not in str(told.value)


@pytest.mark.slow
@pytest.mark.parametrize("runs", statistics.COVERAGE)
@pytest.mark.parametrize("kind", ["normal", "exponential"])
def test_the_interval_covers_as_often_as_is_said(runs, kind):
    """4 000 experiments; the standard error of a share is below 0.007."""
    rng = np.random.default_rng(runs)
    # of the exponential law, 2 * integral of -log(1 - u) over the middle half
    quantiles = -np.log1p(-(np.arange(2_000_000) + 0.5) / 2_000_000)
    truth = {"normal": 0.0, "exponential": trimmed_mean(quantiles, 0.25, 0.75)}[kind]
    draw = {"normal": rng.standard_normal, "exponential": rng.standard_exponential}[kind]
    hits, experiments = 0, 4000
    for i in range(experiments):
        low, high = interval([draw(runs)], resamples=1000, seed=i)
        hits += low <= truth <= high
    assert hits / experiments == pytest.approx(statistics.COVERAGE[runs], abs=0.025)


def test_the_interval_of_a_mean_of_ten_covers_as_often_as_is_said():
    rng, hits, experiments = np.random.default_rng(0), 0, 4000
    for i in range(experiments):
        drawn = [rng.standard_normal(10)]
        low, high = interval(drawn, lambda x: x.mean(axis=-1), resamples=1000, seed=i)
        hits += low <= 0.0 <= high
    assert hits / experiments == pytest.approx(0.89, abs=0.015)
