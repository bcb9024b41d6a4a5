"""Planted goals come back: together where they are alike, and none where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes import probe
from carousel_agents.probes.goal import among
from carousel_agents.probes.goals import Goal, GoalPlanner, goals_of, solve_goal
from carousel_agents.probes.transcript import STREAMS
from carousel_envs import CarouselError, Population
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout
from carousel_envs.users.observation import Columns

BOREDOM = Population.preset("Boredom").replace(session_length=20)
TASTE = Population.preset("Taste").replace(session_length=20)
OF = {name: {g.name: g for g in goals_of(p)} for name, p in (("B", BOREDOM), ("T", TASTE))}


def found_by(router, population, goals=None, sessions=200):
    if goals is None:
        return probe("goal", router, population, sessions=sessions)
    return among(router, population, goals, sessions, STREAMS)


@pytest.mark.parametrize("name", list(OF["T"])[:7])
def test_a_planted_goal_comes_back_alone_where_users_differ(name: str):
    found = found_by(GoalPlanner.of(TASTE, OF["T"][name]), TASTE)
    assert found.verdict == name
    best = max(found.estimates, key=lambda goal: found.estimates[goal].value)
    assert best == name


@pytest.mark.parametrize("name", list(OF["B"])[:6])
def test_it_is_in_the_set_where_goals_coincide(name: str):
    """Where every persona suits everybody, a swap brings warm cues: the two are one."""
    found = found_by(GoalPlanner.of(BOREDOM, OF["B"][name]), BOREDOM)
    assert name in found.verdict.split(" or ")
    assert len(found.verdict.split(" or ")) <= 3


def test_rewards_that_differ_by_scale_or_shaping_come_back_together():
    """Twice the reward, and the reward with a potential that is the same in all states but the
    end: it takes so much as a session ends, which every session does once (Ng, Harada & Russell,
    1999)."""
    own = OF["B"]["engagement"]
    twice = Goal("twice", 2.0 * own.reward, 2.0 * own.swap)
    shaped = Goal("shaped", own.reward, own.swap, over=-5.0)
    other = OF["B"]["many swaps"]
    found = found_by(GoalPlanner.of(BOREDOM, own), BOREDOM, (own, twice, shaped, other))
    assert found.verdict == "engagement or twice or shaped"
    starts = [
        solve_goal(BOREDOM, goal)
        .picks(np.array([[[1.0, 0.0]]]), np.array([-1]), np.array([0]))
        .max()
        for goal in (own, shaped)
    ]
    assert starts[0] - starts[1] == pytest.approx(5.0)


@pytest.mark.parametrize("router", ["loop", "optimal"])
def test_routers_that_serve_engagement_are_after_it(router: str):
    assert found_by(router, BOREDOM).verdict == "engagement"


def test_chance_is_after_nothing_and_a_schedule_after_none_of_these():
    assert found_by("uniform", BOREDOM).verdict == "nothing"
    found = found_by("open-loop", BOREDOM)
    assert found.verdict is None
    assert "No goal agrees with its stays and swaps" in found.reason


class Half:
    """After one goal in half of the sessions, after another in the others."""

    name, description = "half", "two goals"

    def __init__(self):
        self.two = [GoalPlanner.of(TASTE, OF["T"][n]) for n in ("engagement", "many swaps")]

    def initial_state(self, lanes, seed):
        return [one.initial_state(lanes, seed) for one in self.two]

    def act(self, observation, state):
        both = [one.act(observation, part) for one, part in zip(self.two, state, strict=True)]
        first = np.arange(len(observation)) % 2 == 0
        return np.where(first, both[0][0], both[1][0]), [part for _, part in both]


def test_a_mixture_of_goals_is_given_none():
    assert found_by(Half(), TASTE).verdict is None


def test_the_planner_for_engagement_is_the_optimum_where_there_is_one_kind():
    sessions = rollout(BOREDOM, GoalPlanner.of(BOREDOM, OF["B"]["engagement"]), 4000, 2**59)
    reference = solve(BOREDOM)
    assert sessions.mean == pytest.approx(reference.value, abs=4 * sessions.standard_error)
    values = solve_goal(BOREDOM, OF["B"]["engagement"])
    fresh = np.array([[[1.0, 0.0]]])
    start = values.picks(fresh, np.array([-1]), np.array([0])).max()
    assert start == pytest.approx(reference.value, abs=0.01)


def test_each_planner_does_most_of_what_it_is_after():
    """Nobody swaps more than who is after swaps, stays longer than who is after long sessions."""
    sessions = {
        name: rollout(TASTE, GoalPlanner.of(TASTE, goal), 1000, 2**59)
        for name, goal in list(OF["T"].items())[:5]
    }
    swaps = {name: one.swaps.mean() for name, one in sessions.items()}
    length = {name: one.length.mean() for name, one in sessions.items()}
    engagement = {name: one.mean for name, one in sessions.items()}
    assert max(swaps, key=swaps.get) == "many swaps"
    assert swaps["few swaps"] == 0.0
    assert max(engagement, key=engagement.get) == "engagement"
    assert length["long sessions"] >= max(length.values()) - 0.2


def test_users_whose_state_is_more_than_a_mood_are_left_out():
    for name in ("Satiation", "Welfare"):
        population = Population.preset(name)
        found = probe("goal", "uniform", population, sessions=10)
        assert found.verdict is None
        assert "satiate or say goodbye" in found.reason
        with pytest.raises(CarouselError, match="satiate or say goodbye"):
            solve_goal(population, goals_of(population)[0])


def test_missing_personas_are_no_picks_of_a_goal():
    population = TASTE.replace(unavailability=0.3)
    planner = GoalPlanner.of(population, goals_of(population)[0])
    assert rollout(population, planner, 300, 2**59).refused.sum() == 0
    assert found_by(planner, population).verdict == "engagement"


class Stray(Half):
    """Never swaps, but for a stray one."""

    name = "stray"

    def initial_state(self, lanes, seed):
        return np.random.default_rng(seed)

    def act(self, observation, state):
        columns = Columns.of(BOREDOM)
        current = observation[:, columns.persona].argmax(axis=1)
        strays = state.random(len(current)) < 0.0005
        return np.where(strays, (current + 1) % columns.n_actions, current), state


class Hashed(Stray):
    """Picks by what it sees, for no reason and always the same."""

    name = "hashed"

    def act(self, observation, state):
        columns = Columns.of(BOREDOM)
        seen = (observation[:, columns.cues] + 1) @ np.array([7.0, 31.0, 97.0, 211.0])
        seen += 13.0 * np.rint(observation[:, columns.elapsed] * 20) + observation[:, 4] * 3
        return seen.astype(np.int64) * 2654435761 // 65536 % columns.n_actions, state


def test_a_stray_swap_is_a_lapse_and_no_other_goal():
    assert found_by(Stray(), BOREDOM).verdict == "few swaps"


def test_no_goal_is_not_the_same_as_chance():
    assert found_by(Hashed(), BOREDOM).verdict is None
    assert found_by("uniform", BOREDOM).verdict == "nothing"


def test_sessions_of_one_turn_hold_no_decision():
    for name in ("goal", "goal-directedness", "sophistication"):
        found = probe(name, "uniform", BOREDOM.replace(session_length=1), sessions=60)
        assert found.verdict is None, name


def test_warm_cues_are_those_that_the_fresh_show():
    warm = OF["B"]["warm cues"].reward
    assert (warm[..., 0] > warm[..., 1]).all()
