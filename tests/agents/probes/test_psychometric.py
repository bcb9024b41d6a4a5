"""The psychometric curve finds thresholds that are known, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes import probe
from carousel_agents.probes.lapse_curve import LapseCurve, fit
from carousel_agents.router import make
from carousel_envs import Population

BOREDOM = Population.preset("Boredom")


def curve_of(router, population=BOREDOM, sessions=800, **options):
    return probe("psychometric", router, population, sessions=sessions, **options)


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
def test_the_threshold_of_a_loop_is_found(threshold: float):
    found = curve_of(f"loop:{threshold}")
    estimate = found.estimates["threshold"]
    assert estimate.value == pytest.approx(threshold, abs=0.02)
    assert estimate.within(threshold - 0.02, threshold + 0.02)
    assert found.verdict == f"swaps at {estimate.value:.2f}"
    # a step, without lapses
    assert found.estimates["slope"].value > 50
    assert max(found.estimates[name].value for name in ("guess", "lapse")) < 0.001


class Lapsing:
    """The loop, which now and then does something else."""

    name, description = "lapsing", "the loop with lapses"

    def __init__(self, guess: float, lapse: float):
        self.guess, self.lapse, self.loop = guess, lapse, make("loop:0.5", BOREDOM)

    def initial_state(self, lanes, seed):
        return np.random.default_rng(5), self.loop.initial_state(lanes, seed)

    def act(self, observation, state):
        rng, inner = state
        picks, inner = self.loop.act(observation, inner)
        columns = self.loop.policy.filter.columns
        current = observation[:, columns.persona].argmax(axis=1)
        begins = observation[:, columns.streak] < 0.5
        swaps = picks != current
        chance = rng.random(len(picks))
        swaps = np.where(swaps, chance >= self.lapse, chance < self.guess)
        other = (current + 1) % columns.n_actions
        return np.where(begins, picks, np.where(swaps, other, current)), (rng, inner)


def test_lapses_are_told_from_the_threshold():
    found = curve_of(Lapsing(guess=0.05, lapse=0.2), sessions=2000)
    assert found.estimates["threshold"].value == pytest.approx(0.5, abs=0.02)
    assert found.estimates["guess"].value == pytest.approx(0.05, abs=0.01)
    assert found.estimates["lapse"].value == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize("router", ["uniform", "open-loop"])
def test_swaps_that_do_not_follow_boredom_have_no_threshold(router: str):
    found = curve_of(router, sessions=300)
    assert found.verdict is None
    assert "does not cross one half" in found.reason
    # what is not there is neither told nor drawn
    assert "threshold" not in found.estimates
    assert not found.figure.at
    assert found.estimates["bits"].value < 0.02


def test_a_router_that_never_swaps_has_no_curve():
    found = curve_of("fixed", sessions=50)
    assert (found.verdict, found.estimates) == (None, {})
    assert "It swapped in 0 of" in found.reason


def test_rows_and_figure_are_of_the_same_decisions():
    found = curve_of("loop:0.5", sessions=200)
    beliefs = [row["belief"] for row in found.rows]
    assert beliefs == sorted(beliefs)
    assert len(found.rows) == 20
    points, line = found.figure.marks
    assert list(points.y) == [row["swaps"] for row in found.rows]
    assert found.figure.at["threshold"] == found.estimates["threshold"].value
    # a row may hold both sides of the threshold, and there is one such row
    assert sum(0.0 < row["swaps"] < 1.0 for row in found.rows) <= 1
    assert min(line.y) < 0.01 < 0.99 < max(line.y)


def test_a_curve_is_recovered_from_its_own_counts():
    true = LapseCurve(threshold=0.42, width=0.06, guess=0.03, lapse=0.1, bits=0.0)
    x = np.linspace(0.0, 1.0, 200)
    of = np.full(200, 1000.0)
    found = fit(x, true(x) * of, of)
    assert found.threshold == pytest.approx(0.42, abs=0.003)
    assert found.width == pytest.approx(0.06, rel=0.05)
    assert (found.guess, found.lapse) == pytest.approx((0.03, 0.1), abs=0.003)
    assert found.slope == pytest.approx(0.87 / 0.24, rel=0.06)


@pytest.mark.slow
def test_intervals_hold_the_estimate_at_the_rate_that_they_claim():
    """Thresholds of a lapsing loop in samples of sessions: nominally 95 %."""
    held = 0
    for seed in range(12):
        found = curve_of(Lapsing(0.02, 0.1), sessions=150, seed=1000 * seed)
        estimate = found.estimates["threshold"]
        held += estimate.low - 0.005 <= 0.5 <= estimate.high + 0.005
    assert held >= 9
