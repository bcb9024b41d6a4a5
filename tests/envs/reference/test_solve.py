"""The references of the presets: order, non-triviality, and agreement with play."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, CarouselVectorEnv, Population
from carousel_envs.reference import Filter, solve
from carousel_envs.reference.acting.contexts import ContextIndex
from carousel_envs.reference.acting.open_loop import UniformPolicy
from carousel_envs.reference.clairvoyant import solve_clairvoyant
from carousel_envs.registry import names
from carousel_envs.rollout import rollout
from carousel_envs.users.observation import Columns
from support.env_helpers import busy
from support.matrix import most_later
from support.presets import presets, solved_soon
from support.solved import TINY, assert_agrees, assert_ordered, played


@pytest.mark.parametrize("name", most_later(names(), solved_soon))
def test_figures_of_a_preset_keep_their_order(name):
    assert_ordered(solve(name))


@pytest.mark.parametrize("name", most_later(names(), solved_soon))
def test_the_tiers_are_what_they_are_said_to_be(name):
    exact = name.startswith("Boredom") or name in ("Welfare", "Recall")
    assert solve(name).tier == ("exact" if exact else "bounds")


def test_the_reference_of_boredom_is_exact_to_three_digits():
    boredom = solve("Boredom")
    assert boredom.value_upper - boredom.value < 1e-3
    assert boredom.standard_errors == {}


@pytest.mark.parametrize("name", most_later(names(), solved_soon))
def test_bounds_are_close(name):
    reference = solve(name)
    assert reference.value_upper - reference.value <= 0.03 * reference.value


@pytest.mark.parametrize("name", most_later(names(), solved_soon))
def test_nothing_trivial_comes_near_the_reference(name):
    reference = solve(name)
    assert reference.value > 0
    for figure in ("best_fixed", "uniform", "blind"):
        assert getattr(reference, figure) <= 0.9 * reference.value
    if name == "Recall":
        # questions are independent of one another: nothing is claimed for planning
        assert reference.myopic == reference.value
        return
    error = np.hypot(*[reference.standard_errors.get(n, 0.0) for n in ("value", "myopic")])
    assert reference.myopic + 5 * error < 0.9 * reference.value


@pytest.mark.parametrize("name", most_later(presets(), lambda name: name == "Boredom"))
def test_policies_of_a_preset_earn_in_play_what_solve_says(name):
    population = Population.preset(name)
    r = solve(population)
    errors = r.standard_errors
    uniform = UniformPolicy(Columns.of(population))
    if r.tier == "exact" or "value" in errors:
        assert_agrees(played(population, r.policy), r.value, errors.get("value", 0.0))
    else:
        assert_agrees(played(population, r.policy), r.value, upper=r.value_upper)
    assert_agrees(played(population, r.blind_policy), r.blind)
    assert_agrees(played(population, r.myopic_policy), r.myopic, errors.get("myopic", 0.0))
    assert_agrees(played(population, uniform), r.uniform, errors.get("uniform", 0.0))


class Constant:
    def __init__(self, persona: int) -> None:
        self.persona = persona

    def initial_state(self, lanes: int, seed: int) -> None:
        return None

    def act(self, observation: np.ndarray, state: None) -> tuple[np.ndarray, None]:
        return np.full(len(observation), self.persona), None


@pytest.mark.parametrize(
    "population",
    [
        pytest.param(Population.preset("Taste"), id="Taste"),
        pytest.param(busy(), id="busy", marks=pytest.mark.slow),
    ],
)
def test_the_best_constant_is_the_best_of_all_constants(population):
    reference = solve(population)
    sessions = [played(population, Constant(k), 100_000) for k in range(population.n_actions)]
    best = population.personas.index(reference.best_persona)
    assert_agrees(sessions[best], reference.best_fixed)
    for other in sessions:
        assert other.mean <= reference.best_fixed + 4 * other.standard_error + TINY


def test_a_score_is_the_share_of_the_value_of_listening():
    reference = solve(Population.preset("Boredom"))
    assert reference.score(reference.blind) == 0.0
    assert reference.score(reference.value) == 1.0
    assert reference.score((reference.value + reference.blind) / 2) == pytest.approx(0.5)
    known = Population.preset("Boredom").replace(boredom_hazard=0.0)
    assert solve(known).score(20.0) is None, "nothing to listen to"


@given(engagement=st.floats(-50.0, 50.0), share=st.floats(0.0, 1.0))
def test_no_optimum_within_the_bounds_gives_a_smaller_score(engagement, share):
    known = solve(Population.preset("Boredom"))
    between = dataclasses.replace(known, tier="bounds", value_upper=known.value + 3.0)
    optimum = between.value + share * (between.value_upper - between.value)
    score = (engagement - between.blind) / (optimum - between.blind)
    assert between.score_at_least(engagement) <= score + 1e-9
    assert known.score_at_least(engagement) == pytest.approx(known.score(engagement), rel=1e-4)


@pytest.mark.parametrize("name", most_later(presets(), solved_soon))
def test_a_summary_is_ready_for_json(name):
    reference = solve(Population.preset(name))
    summary = json.loads(json.dumps(reference.summary()))
    for figure in ("value", "value_upper", "blind", "best_fixed", "uniform", "myopic", "tier"):
        assert summary[figure] == getattr(reference, figure)
    if reference.thresholds is None:
        assert summary["thresholds"] is None
    else:
        length = Population.preset(name).session_length
        assert all(len(row) == length for row in summary["thresholds"].values())


@pytest.mark.parametrize(
    "idle",
    [
        {"satiation_gain": 0.0, "satiation_memory": (0.2, 0.8)},
        {"satiation_gain": (0.1, 0.5), "satiation_memory": 0.0},
    ],
    ids=str,
)
def test_satiation_without_effect_leaves_the_reference_exact(idle):
    population = Population.preset("Boredom").replace(n_users=50, session_length=10)
    one, other = solve(population), solve(population.replace(**idle))
    assert other.tier == "exact"
    assert other.value == pytest.approx(one.value, abs=1e-9)
    assert other.value_upper == pytest.approx(one.value_upper, abs=1e-9)


def test_an_equal_population_gets_the_same_reference():
    assert solve(Population.preset("Boredom")) is solve(Population.preset("Boredom"))


def test_policies_keep_no_memory_of_their_own():
    population = Population.preset("Taste")
    policy = solve(population).policy
    one, other = (played(population, policy, 5000) for _ in range(2))
    np.testing.assert_array_equal(one.engagement, other.engagement)


def test_the_optimal_router_swaps_exactly_where_the_published_thresholds_say():
    population = Population.preset("Boredom")
    reference, known = solve(population), Filter(population)
    env = CarouselVectorEnv(2000, population=population)
    obs, _ = env.reset(seed=0)
    state, belief = reference.policy.initial_state(2000, 0), known.start(2000)
    table = np.array(
        [
            [2.0 if x is None else x for x in reference.thresholds[name]]
            for name in population.personas
        ]
    )
    there, near = np.ones(2000, dtype=bool), 0
    for turn in range(population.session_length):
        picks, state = reference.policy.act(obs, state)
        belief = known.update(belief, obs)
        current = obs[:, env.columns.persona].argmax(axis=1)
        if turn:
            wants = belief.bored >= table[current, turn]
            np.testing.assert_array_equal((picks != current)[there], wants[there])
            near += (abs(belief.bored - table[current, turn])[there] < 0.05).sum()
        obs, _, terminated, truncated, _ = env.step(picks)
        there &= ~(terminated | truncated)
    assert near > 300, "the threshold must be put to the test"
    assert not there.any()


def test_the_uniform_policy_is_uniform_over_who_is_available():
    population = busy(unavailability=0.5, n_users=200)
    columns = Columns.of(population)
    policy = UniformPolicy(columns)
    available = np.array([[1, 0, 1, 1]] * 60_000, dtype=np.float32)
    obs = np.zeros((60_000, columns.width), dtype=np.float32)
    obs[:, columns.available] = available
    state = policy.initial_state(60_000, 0)
    previous = None
    for _ in range(3):
        picks, state = policy.act(obs, state)
        counts = np.bincount(picks, minlength=4)
        assert counts[1] == 0
        assert (abs(counts[[0, 2, 3]] - 20_000) < 5 * np.sqrt(60_000 * 2 / 9)).all()
        if previous is not None:
            assert abs((picks == previous).mean() - 1 / 3) < 0.02
        previous = picks


def test_an_unknown_set_of_personas_is_treated_as_the_nearest_known_one():
    columns = Columns(2, 4)
    known = ContextIndex(columns, np.array([0b0011, 0b1100]))
    rows = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 0], [0, 1, 1, 1], [1, 0, 0, 0]])
    obs = np.zeros((len(rows), columns.width), dtype=np.float32)
    obs[:, columns.available] = rows
    assert known.find(obs).tolist() == [0, 1, 0, 1, 0]
    assert known.find(obs[::-1]).tolist() == [0, 1, 0, 1, 0][::-1]


def test_a_visible_sign_of_the_user_is_part_of_the_context():
    population = busy(vulnerable_share=0.5, shows=("vulnerable", "farewell"))
    columns = Columns.of(population)
    obs = np.zeros((4, columns.width), dtype=np.float32)
    obs[:, columns.available] = [[1, 1, 1, 1], [1, 1, 1, 1], [1, 0, 1, 1], [1, 0, 1, 1]]
    obs[[1, 3], columns.vulnerable] = 1
    obs[:, columns.farewell] = 1
    assert columns.context(obs).tolist() == [0b1111, 0b11111, 0b1101, 0b11101]
    known = ContextIndex(columns, np.array([0b01111, 0b11111]))
    assert known.find(obs).tolist() == [0, 1, 0, 1]


def test_a_persona_that_costs_more_than_it_brings_is_left_out():
    """Where every persona suits everybody, two that cost nothing are enough: the optimum earns what
    it earns with these two alone, and with one price for all it earns so much less per turn."""
    two = Population.preset("Boredom").replace(personas=("alice", "bob"))
    four = two.replace(personas=("alice", "bob", "coach", "scholar"))
    dear = four.replace(persona_cost=(0.0, 0.0, 0.9, 0.9))
    assert solve(dear).value == pytest.approx(solve(two).value, abs=1e-9)
    assert solve(dear).blind == pytest.approx(solve(two).blind, abs=1e-9)
    stays = four.replace(leave_fresh=0.0, leave_bored=0.0)
    alike = stays.replace(persona_cost=0.15)
    for name in ("value", "blind", "best_fixed"):
        free, priced = getattr(solve(stays), name), getattr(solve(alike), name)
        assert priced == pytest.approx(free - 0.15 * stays.session_length, abs=1e-9)


def test_play_with_costs_earns_what_the_solver_says():
    users = Population.preset("Boredom").replace(
        session_length=10, fit=0.7, persona_cost=(0.3, 0.0, 0.1, 0.2)
    )
    reference = solve(users)
    earned = rollout(users, reference.policy, 20_000, 3)
    assert_agrees(earned, reference.value, upper=reference.value_upper)
    assert solve(users.replace(persona_cost=0.0)).value > reference.value + 0.2


def test_users_who_cost_more_than_they_bring_are_solved_all_the_same():
    """A bored user leaves sooner and is worth more: no threshold on P(bored) is optimal."""
    users = Population.preset("Boredom").replace(
        session_length=12, fit=0.5, leave_bored=0.4, swap_cost=0.1, persona_cost=1.0
    )
    reference = solve(users)
    assert reference.value < 0.0
    assert_agrees(
        rollout(users, reference.policy, 20_000, 3), reference.value, upper=reference.value_upper
    )


def test_a_clairvoyant_of_satiating_users_whom_personas_cost_is_refused():
    users = Population.preset("Satiation").replace(session_length=8, persona_cost=0.5)
    with pytest.raises(CarouselError, match="satiate and personas cost something"):
        solve_clairvoyant(users)
