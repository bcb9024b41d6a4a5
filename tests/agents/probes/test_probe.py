"""Probes are records: found by name, added from outside, checked as they are made."""

from __future__ import annotations

import json
import sys

import pytest

from carousel_agents.probes import (
    PROBES,
    Estimate,
    Finding,
    Probe,
    adaptivity,
    forecast,
    imitation,
    probe,
    surrogates,
)
from carousel_agents.router import make
from carousel_agents.system.extras import MissingExtraError
from carousel_envs import CarouselError, Population
from support.policy_files import make_file


def test_every_probe_asks_a_question_and_tells_its_limits():
    assert list(PROBES)[:2] == ["drive", "psychometric"]
    for known in PROBES.values():
        assert known.question.endswith("?")
        assert known.shows.endswith(".")
        assert known.limits.endswith(".")


@pytest.fixture
def quickly(monkeypatch):
    monkeypatch.setattr(adaptivity, "SEVERITIES", (1.0,))
    monkeypatch.setattr(forecast, "SEVERITIES", (1.0,))
    monkeypatch.setattr(imitation, "_STEPS", 100)
    monkeypatch.setattr(surrogates, "_STEPS", 100)


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("name", list(PROBES))
def test_every_probe_returns_a_whole_finding(name: str):
    found = probe(name, "frozen-loop", "Boredom", sessions=80)
    assert (found.probe, found.question) == (name, PROBES[name].question)
    assert found.reason.endswith(".")
    assert str(found).startswith(f"{name}: {found.verdict or 'cannot say'}")
    for estimate in found.estimates.values():
        if estimate.low is not None:
            assert estimate.low <= estimate.high
    # whatever it returns can be written down
    assert json.loads(json.dumps(found.document()))["probe"] == name


def test_what_cannot_be_asked_is_refused():
    with pytest.raises(CarouselError, match=r"probe 'drives' is unknown \(did you mean drive"):
        probe("drives", "loop", "Boredom")
    with pytest.raises(CarouselError, match="sessions is 1"):
        probe("drive", "loop", "Boredom", sessions=1)
    with pytest.raises(CarouselError, match="seed is -1"):
        probe("drive", "loop", "Boredom", seed=-1)


def test_a_probe_that_could_not_be_run_is_refused():
    def takes_too_little(router, population):
        return None

    with pytest.raises(CarouselError, match="probe 'mine': run takes"):
        Probe("mine", "What?", takes_too_little)
    with pytest.raises(CarouselError, match="name of a probe is 'My Probe'"):
        Probe("My Probe", "What?", lambda router, population, training, sessions, seed: None)


def test_an_estimate_says_its_interval():
    assert str(Estimate(0.5, 0.25, 0.75)) == "0.5 (0.25 to 0.75)"
    assert str(Estimate(0.5)) == "0.5"
    assert Estimate(0.5, 0.25, 0.75).within(0.25, 0.75)
    assert not Estimate(0.5, 0.25, 0.75).within(0.3, 0.75)
    assert "cannot say" in str(Finding("mine", "What?", {}, None, "Too few."))


def test_too_few_sessions_give_estimates_and_no_verdict():
    found = probe("drive", "loop:0.5", "Boredom", sessions=20)
    assert found.verdict is None
    assert found.reason.startswith("20 sessions are too few for a verdict.")
    assert "drive" in found.estimates


def test_a_router_that_cannot_be_played_elsewhere_gets_no_answer_and_stops_nothing():
    boredom = Population.preset("Boredom")

    class AtHome:
        name, description = "at home", "refuses others"

        def __init__(self):
            self.loop = make("loop", boredom)
            self.initial_state, self.act = self.loop.initial_state, self.loop.act

        def view(self, env):
            if env.unwrapped.population != boredom:
                raise CarouselError("not with these users")
            return env

    found = probe("adaptivity", AtHome(), boredom, sessions=60)
    assert found.verdict is None
    assert found.reason == "It could not be asked: not with these users."


def test_a_policy_of_other_users_is_refused(tmp_path):
    path = tmp_path / "policy.safetensors"
    make_file(Population.preset("Boredom").replace(boredom_hazard=0.4)).save(path)
    with pytest.raises(CarouselError, match="was trained on other users"):
        probe("drive", str(path), "Boredom", sessions=60)


@pytest.mark.parametrize("name", ["sophistication", "forecast"])
def test_a_missing_package_is_no_answer(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="needs torch, which is not installed"):
        probe(name, "frozen-loop", "Boredom", sessions=60)
