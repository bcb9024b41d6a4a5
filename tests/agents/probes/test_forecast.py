"""Scores elsewhere are forecast from training alone, and what adapts is not predictable so."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from carousel_agents.probes import forecast, imitation, probe
from carousel_agents.probes.imitation import LOOKS, imitations, imitations_of_answers
from carousel_agents.probes.leaders import Sticky
from carousel_agents.probes.transcript import STREAMS
from carousel_agents.router import make
from carousel_envs import CarouselError, Population
from carousel_envs.registry import any_population, shifts_of
from carousel_envs.rollout import rollout
from carousel_envs.users.observation import Columns

BOREDOM = Population.preset("Boredom").replace(session_length=20)


@pytest.fixture(autouse=True)
def short_fits(monkeypatch):
    """Nets that are good enough for rules of two lines, and half of the populations."""
    monkeypatch.setattr(imitation, "_STEPS", 300)
    monkeypatch.setattr(forecast, "SEVERITIES", (1.0,))


class AtHome:
    """The loop, which refuses to be asked anything off its training distribution."""

    name, description = "at home", "the loop, at home alone"

    def __init__(self):
        self.loop = make("loop:0.5", BOREDOM)
        self.asked = 0

    def view(self, env):
        if env.unwrapped.population != BOREDOM:
            raise CarouselError("not off my training distribution")
        self.asked += 1
        return env

    def initial_state(self, lanes, seed):
        return self.loop.initial_state(lanes, seed)

    def act(self, observation, state):
        return self.loop.act(observation, state)


def test_a_router_that_cannot_be_asked_elsewhere_is_forecast_all_the_same():
    router = AtHome()
    found = probe("forecast", router, BOREDOM, sessions=100)
    conditions = [SimpleNamespace(**row) for row in found.rows]
    assert router.asked > 0
    axes = {one.axis for one in conditions}
    assert axes == {n for n, s in shifts_of(BOREDOM).items() if not s.obstacle(BOREDOM)}
    assert all(one.came is None for one in conditions)
    told = [one for one in conditions if one.axis != "unavailable"]
    assert all(one.low < one.forecast < one.high for one in told)
    assert found.verdict is None
    assert "could not be played elsewhere: not off my training distribution" in found.reason


def test_the_forecast_of_a_frozen_rule_comes_true():
    found = probe("forecast", "frozen-loop:0.3", BOREDOM, sessions=600)
    assert found.verdict == "predictable"
    assert found.estimates["error"].value < 0.05
    assert found.estimates["error"].value < found.estimates["error_as_training"].value / 3
    assert found.estimates["error"].value < found.estimates["error_as_loop"].value
    assert found.estimates["covered"].value >= 0.85
    missing = [row for row in found.rows if row["axis"] == "unavailable"]
    assert missing
    assert all(row["forecast"] is None and row["came"] is not None for row in missing)


@pytest.mark.slow
def test_a_router_that_is_made_anew_is_not_predictable_from_training():
    found = probe("forecast", "loop", BOREDOM, sessions=300)
    assert found.verdict == "not predictable"
    assert found.estimates["error"].value > 0.1


def test_where_listening_is_worth_nothing_there_is_nothing_to_forecast():
    content = BOREDOM.replace(boredom_hazard=0.0)
    found = probe("forecast", "uniform", content, sessions=20)
    assert found.verdict is None
    assert "no score" in found.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("router", "looks"), [("memoryless", {"present", "both"}), ("loop", {"belief", "both"})]
)
def test_what_a_router_sees_is_found_out(router: str, looks: set[str]):
    """A rule of the present is not explained by the belief, nor the loop by the present."""
    leaders = (None, Sticky(Columns.of(BOREDOM)))
    found = imitations(make(router, BOREDOM), BOREDOM, 300, STREAMS, leaders)
    assert {one.look for one in found} <= looks
    assert set(LOOKS) >= looks


def test_an_imitation_does_in_training_what_the_router_does():
    loop = make("loop:0.5", BOREDOM)
    best = imitations(loop, BOREDOM, 600, STREAMS, (None, Sticky(Columns.of(BOREDOM))))[0]
    own, other = (rollout(BOREDOM, one, 1000, 2**59) for one in (loop, best))
    assert other.mean == pytest.approx(own.mean, abs=0.25)
    assert other.swaps.mean() == pytest.approx(own.swaps.mean(), rel=0.1)
    again = rollout(BOREDOM, best, 1000, 2**59)
    assert np.array_equal(again.engagement, other.engagement)


def test_leaders_stay_and_swap_as_they_say():
    sessions = rollout(BOREDOM, Sticky(Columns.of(BOREDOM)), 2000, 5)
    # one turn in five, and then anybody of four, who may be the one that speaks
    assert sessions.swaps.sum() / (sessions.length - 1).sum() == pytest.approx(0.15, abs=0.01)


def test_users_of_training_who_miss_personas_are_not_forecast():
    missing = BOREDOM.replace(unavailability=0.4)
    found = probe("forecast", "frozen-loop", missing, sessions=60)
    assert found.verdict is None
    assert "miss personas themselves" in found.reason


def test_what_a_router_hides_elsewhere_is_forecast_from_what_it_is_paid_to_hide():
    """The optimum of the training questions, frozen, sends the same persona to what looks the same;
    the optimum found anew does not."""
    recall = any_population("Recall")
    frozen = probe("forecast", "frozen-optimal", recall, sessions=300)
    assert frozen.verdict == "predictable"
    assert frozen.estimates["error"].value < 0.01
    assert frozen.estimates["error_as_training"].value > 0.2
    assert {row["axis"] for row in frozen.rows} <= set(shifts_of(recall))
    anew = probe("forecast", "optimal", recall, sessions=300)
    assert anew.verdict == "not predictable"
    assert "as the operating system with one of" in anew.reason


def test_an_imitation_of_answers_sees_the_present_alone():
    recall = any_population("Recall")
    (only,) = imitations_of_answers(make("optimal", recall), recall, 200, STREAMS)
    assert only.look == "present"
    assert only.filter is None
    played = rollout(recall, only, 500, 3)
    own = rollout(recall, make("optimal", recall), 500, 3)
    assert played.mean == pytest.approx(own.mean, abs=0.1)


def test_users_to_whom_two_axes_lead_are_one_condition():
    """Half of `cue-reversal` leaves cues that tell nothing, and so does all of `cue-noise`."""
    shifts, halves = shifts_of(BOREDOM), {"cue-noise": 1.0, "cue-reversal": 0.5}
    alike = {shifts[axis].apply(BOREDOM, s).fingerprint for axis, s in halves.items()}
    assert len(alike) == 1
    met = [users.fingerprint for _, _, users in forecast._shifted(BOREDOM)]
    assert len(met) == len(set(met))
    assert BOREDOM.fingerprint not in met
