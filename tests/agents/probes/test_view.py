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
from carousel_agents.probes.leaders import Sticky
from carousel_agents.probes.planted import planted
from carousel_agents.probes.planted_policies import Lapsing, next_there
from carousel_agents.probes.transcript import record
from carousel_agents.router import make
from carousel_envs import Population
from carousel_envs.users.observation import Columns

BOREDOM = Population.preset("Boredom").replace(session_length=12)
LONGER = Population.preset("Boredom").replace(session_length=20)
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
    # lapses hide much, so that those who lapse take more sessions
    users = LONGER if kind in ("optimiser", "other") else BOREDOM
    router = planted(users, kind, seed)
    assert router.truth["view"] == truth
    found = found_by(router, users, 200 if users is BOREDOM else 400)
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
    led = record(router, BOREDOM, 200, 5, led_by=Sticky(Columns.of(BOREDOM)))
    return Decisions.of((record(router, BOREDOM, 200, 5), led))


def test_a_step_on_the_exact_belief_tells_the_loop_whole(decisions):
    """Its threshold is found between the beliefs next to it."""
    rules = {rule.family: rule for rule in families.best_of(decisions, BOREDOM)}
    best = rules[THRESHOLD]
    assert "for 1 times the hazard" in best.name
    assert float(best.name.split()[1].rstrip(",")) == pytest.approx(0.5, abs=0.03)
    assert np.mean(best.wants == decisions.swaps) > 0.999


def test_a_session_fits_or_chooses_or_judges_whoever_leads_it(decisions):
    assert decisions.sessions == 200
    parts = [
        set(decisions.which[p]) for p in (decisions.fitted, decisions.chosen, decisions.judged)
    ]
    assert sum(map(len, parts)) == len(set.union(*parts)) == decisions.sessions
    # the half is judged, and of the other half a third chooses
    assert [len(part) for part in parts] == pytest.approx([67, 33, 100], abs=1)
    assert len(decisions.swaps) == len(decisions.observation) == len(decisions.which)


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
    kinds = decisions._replace(swaps=rng.random(n) < np.where(decisions.which % 2 == 1, 0.55, 0.05))
    rule = Rule(SYSTEM, "chance", p, wants)
    assert view._dispersion(rule, even) == pytest.approx(1.0, abs=0.25)
    assert view._dispersion(rule, kinds) > view.DIFFER


class Inverted:
    """Stays where another router swaps, and swaps where it stays."""

    name, description = "inverted", "does the reverse"

    def __init__(self, router, users):
        self.router, self.columns = router, Columns.of(users)

    def initial_state(self, lanes, seed):
        return self.router.initial_state(lanes, seed)

    def act(self, observation, state):
        picks, state = self.router.act(observation, state)
        current = observation[:, self.columns.persona].argmax(axis=1)
        begins = observation[:, self.columns.streak] < 0.5
        other = np.where(picks == current, next_there(observation, self.columns, current), current)
        return np.where(begins, picks, other), state


@pytest.mark.parametrize("kind", ["optimiser", "loop"])
def test_one_who_does_the_reverse_follows_no_such_rule(kind: str):
    found = found_by(Inverted(planted(BOREDOM, kind, 1).policy, BOREDOM))
    assert found.verdict not in (ENGAGEMENT, THRESHOLD, OTHER)


def test_a_pattern_that_lapses_is_a_pattern():
    router = planted(LONGER, "pattern", 0)
    lapsing = Lapsing(Columns.of(LONGER), router.policy, 0.1)
    assert found_by(lapsing).verdict in (PATTERN, None)
    found = found_by(lapsing, LONGER, 400)
    assert found.verdict == PATTERN, found.reason


def test_two_rules_that_swap_in_the_same_places_are_not_told_apart():
    """Where there is one kind of user and a persona for ever, a favourite is "by persona", too."""
    calm = BOREDOM.replace(leave_fresh=0.0, leave_bored=0.0)
    goal = next(goal for goal in goals_of(calm) if goal.name == "favourite alice")
    found = found_by(GoalPlanner.of(calm, goal), calm)
    assert found.verdict is None
    assert "about equally well" in found.reason


def test_what_explains_little_is_not_taken_for_nothing():
    """A router that swaps a little more often when boredom is probable listens."""

    class Weakly(Inverted):
        def act(self, observation, state):
            (inner, turn) = state
            belief_swaps, inner = self.router.act(observation, inner)
            current = observation[:, self.columns.persona].argmax(axis=1)
            begins = observation[:, self.columns.streak] < 0.5
            chance = np.where(belief_swaps != current, 0.35, 0.15)
            swaps = np.random.default_rng([7, turn]).random(len(current)) < chance
            other = next_there(observation, self.columns, current)
            picks = np.where(swaps, other, current)
            return np.where(begins, belief_swaps, picks), (inner, turn + 1)

        def initial_state(self, lanes, seed):
            return self.router.initial_state(lanes, seed), 0

    weak = Weakly(make("frozen-loop:0.3", BOREDOM, BOREDOM), BOREDOM)
    for sessions in (60, 400):
        assert found_by(weak, sessions=sessions).verdict != SYSTEM
