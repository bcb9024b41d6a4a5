"""Our statistics compared with those of rliable, whose paper they follow: an optional job.

rliable draws from a generator of its own that cannot be seeded (its `random_state` is passed on to
nobody), so intervals agree to sampling error, and not to the last digit.
"""

import numpy as np
import pytest

from carousel_agents.generalisation.statistics import (
    interval,
    iqm,
    performance_profile,
    probability_of_improvement,
)

pytestmark = [
    pytest.mark.rliable,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
RESAMPLES = 20_000
# the trimming of both is the same where four divides the number of values
SHAPES = [(8, 1), (12, 5), (20, 3)]


@pytest.fixture(params=SHAPES, ids=str)
def scores(request):
    """Scores of two routers, shape (runs, tasks)."""
    rng = np.random.default_rng(request.param[0])
    ours = rng.normal(0.8, 0.1, request.param) + rng.normal(0.0, 0.2, request.param[1])
    return ours, ours.mean() + rng.normal(-0.03, 0.1, request.param)


def test_the_interquartile_mean_is_the_same(scores):
    from rliable import metrics

    for values in scores:
        assert iqm(values.ravel()) == pytest.approx(metrics.aggregate_iqm(values), rel=1e-12)


def test_intervals_agree_to_sampling_error(scores):
    from rliable import library, metrics

    values, _ = scores
    theirs = []
    for _ in range(5):
        _, ends = library.get_interval_estimates(
            {"router": values},
            lambda x: np.array([metrics.aggregate_iqm(x)]),
            method="percentile",
            reps=RESAMPLES,
        )
        theirs.append(ends["router"][:, 0])
    ours = [interval(list(values.T), resamples=RESAMPLES, seed=seed) for seed in range(5)]
    # the spread of an end over repetitions is what sampling leaves open
    error = np.sqrt((np.var(ours, axis=0, ddof=1) + np.var(theirs, axis=0, ddof=1)) / 5)
    width = np.mean(ours, axis=0)[1] - np.mean(ours, axis=0)[0]
    assert np.abs(np.mean(ours, axis=0) - np.mean(theirs, axis=0)) == pytest.approx(
        [0.0, 0.0], abs=float(max(6 * error.max(), 1e-3 * width))
    )
    assert error.max() < 0.02 * width


def test_improvement_and_profile_are_the_same(scores):
    from rliable import library, metrics

    ours, theirs = scores
    assert probability_of_improvement(list(ours.T), list(theirs.T)) == pytest.approx(
        metrics.probability_of_improvement(ours, theirs), rel=1e-12
    )
    thresholds = np.linspace(0.3, 1.3, 41)
    profile, _ = library.create_performance_profile({"router": ours}, thresholds, reps=10)
    assert performance_profile(list(ours.T), thresholds) == pytest.approx(
        np.asarray(profile["router"]), abs=1e-12
    )
