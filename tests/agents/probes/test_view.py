"""Which view: planted routers come back as what they are, and whatever is none of them does not."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes import families, probe, surrogates, view
from carousel_agents.probes.families import (
    ENGAGEMENT,
    FAMILIES,
    OTHER,
    PATTERN,
    SYSTEM,
    THRESHOLD,
    Decisions,
    Rule,
)
from carousel_agents.probes.goals import GoalPlanner, goals_of
from carousel_agents.probes.planted import planted
from carousel_agents.probes.transcript import record
from carousel_agents.router import make
from carousel_envs import Population

BOREDOM = Population.preset("Boredom").replace(session_length=12)
TASTE = Population.preset("Taste").replace(session_length=8)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    monkeypatch.setattr(surrogates, "_STEPS", 200)
    monkeypatch.setattr(families, "FEWER", families.FEWER[:3])


def found_by(router, users=BOREDOM, sessions=200):
    return probe("view", router, users, sessions=sessions)


@pytest.mark.parametrize(
    ("kind", "seed", "truth"),
    [
        ("schedule", 0, SYSTEM),
        ("pattern", 1, PATTERN),
        ("loop", 1, THRESHOLD),
        ("lapsing", 0, THRESHOLD),
        ("optimiser", 2, ENGAGEMENT),
        ("other", 1, OTHER),
    ],
)
def test_a_planted_router_is_of_its_view(kind: str, seed: int, truth: str):
    router = planted(BOREDOM, kind, seed)
    assert router.truth["view"] == truth
    found = found_by(router)
    assert found.verdict == truth, found.reason
    bits = {family: found.estimates[family].value for family in FAMILIES}
    assert max(bits, key=bits.__getitem__) == truth


def test_whoever_suits_the_user_is_the_operating_system():
    found = found_by("frozen-operating-system", TASTE)
    assert found.verdict == SYSTEM
    assert found.reason.startswith("Whoever suits the user: ")


def test_swaps_by_chance_are_those_of_no_listener():
    found = found_by("uniform")
    assert found.verdict == SYSTEM
    assert "depends on nothing that was seen" in found.reason


def test_a_mixture_is_of_no_view():
    found = found_by(planted(BOREDOM, "mixture", 0))
    assert found.verdict is None
    assert found.estimates["differ"].value > view.DIFFER


def test_one_who_never_swaps_may_be_anything():
    goal = next(goal for goal in goals_of(BOREDOM) if goal.name == "few swaps")
    found = found_by(GoalPlanner.of(BOREDOM, goal))
    assert found.verdict is None
    assert found.reason.startswith("It swapped in 0 of ")


def test_users_whose_state_is_more_than_a_mood_are_left_out():
    found = probe("view", "uniform", "Satiation", sessions=60)
    assert found.verdict is None
    assert "satiate or say goodbye" in found.reason


@pytest.fixture(scope="module")
def decisions():
    router = make("frozen-loop:0.5", BOREDOM, BOREDOM)
    return Decisions.of((record(router, BOREDOM, 200, 5), record(router, BOREDOM, 200, 900)))


def test_a_step_on_the_exact_belief_tells_the_loop_whole(decisions):
    """Its threshold is found between the beliefs next to it."""
    rules = {rule.family: rule for rule in families.best_of(decisions, BOREDOM)}
    best = rules[THRESHOLD]
    assert "for 1 times the hazard" in best.name
    assert float(best.name.split()[1].rstrip(",")) == pytest.approx(0.5, abs=0.03)
    assert np.mean(best.wants == decisions.swaps) > 0.999


def test_sessions_are_halved_and_numbered_across_transcripts(decisions):
    assert decisions.sessions == 400
    assert set(decisions.which[decisions.fitted] % 2) == {0}
    assert set(decisions.which[~decisions.fitted] % 2) == {1}
    assert len(decisions.swaps) == len(decisions.observation) == len(decisions.joint)


def test_bits_are_those_of_the_formula(decisions):
    """log2 of a probability over that of the mean of the fitted half."""
    mean = (decisions.swaps[decisions.fitted].sum() + 0.5) / (decisions.fitted.sum() + 1)
    told = families.bits(np.full(len(decisions.swaps), 0.25), decisions)
    expected = np.where(decisions.swaps, np.log2(0.25 / mean), np.log2(0.75 / (1 - mean)))
    assert told == pytest.approx(expected)


def test_lapses_by_chance_vary_as_chance_has_it_and_sessions_of_two_kinds_do_not(decisions):
    rng = np.random.default_rng(0)
    n = len(decisions.swaps)
    wants, p = np.ones(n, dtype=bool), np.full(n, 0.3)
    even = decisions._replace(swaps=rng.random(n) < 0.3)
    kinds = decisions._replace(swaps=rng.random(n) < np.where(decisions.which % 4 == 1, 0.55, 0.05))
    rule = Rule(SYSTEM, "chance", p, wants)
    assert view._dispersion(rule, even) == pytest.approx(1.0, abs=0.25)
    assert view._dispersion(rule, kinds) > view.DIFFER
