"""Hidden kinds of user who tire of personas: two-sided bounds, and the preset built on them."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import Population
from carousel_envs.reference import Filter, solve
from carousel_envs.reference.acting.open_loop import UniformPolicy
from carousel_envs.reference.model import Model
from carousel_envs.reference.satiation.certain_moods import certain_engagement, moods_are_certain
from carousel_envs.reference.satiation.problem import SatiationProblem
from carousel_envs.reference.satiation.revealed_kind import revealed_value, sharpened
from carousel_envs.reference.satiation.schedules import solve_satiation
from carousel_envs.reference.satiation.whittle import WhittlePolicy
from carousel_envs.reference.solve import solve_users
from carousel_envs.rollout import rollout
from carousel_envs.users.cues import cue_table
from carousel_envs.users.observation import Columns
from support.env_helpers import CUES, plain
from support.matrix import most_later
from support.presets import presets

TWO_KINDS = {
    "engagement_fresh": 0.9,
    "engagement_bored": 0.2,
    "fit": ((1.0, 0.0, 1.0), (0.0, 1.0, 1.0)),
    "archetypes": ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0)),
    "archetype_weights": (0.6, 0.4),
    "appeal": (0.0, 0.0, -0.2),
    "satiation_gain": 0.3,
    "satiation_wear": (1.0, 1.5, 0.5),
    "satiation_memory": 0.7,
    "swap_cost": 0.15,
    "session_length": 3,
    "n_users": 50,
}


def two_kinds(**changes: object) -> Population:
    """Two kinds of user, who each like two personas of three."""
    return plain(**{**TWO_KINDS, **changes})


def optimum(population: Population) -> float:
    """The best that any router can do, over every possible history (all personas available)."""
    model, cues = Model.of(population), cue_table(population).probability
    engagement, likes = certain_engagement(model), model.fit == 1.0

    def best(mass: np.ndarray, satiation: np.ndarray, turn: int, current: int) -> float:
        if turn == model.length:
            return 0.0
        values = []
        for k in range(model.n_actions):
            chance = np.maximum(engagement[:, k] - model.gain[:, k] * satiation[:, k], 0.0)
            chance = np.rint(chance * 65536) / 65536
            swap = model.swap_cost if turn > 0 and k != current else 0.0
            total = float(mass @ (chance - swap))
            after = satiation.copy()
            after[:, k] += 1.0
            after *= model.memory[:, None]
            stay = 1.0 - np.where(likes[:, k], model.leave[:, 0], model.leave[:, 1])
            for cue in cues.T:
                shown = np.where(likes[:, k], cue[0], cue[1])
                for like in (chance, 1.0 - chance):
                    total += best(mass * stay * like * shown, after, turn + 1, k)
            values.append(total)
        return max(values)

    return best(model.weights, np.zeros(model.fit.shape), 0, -1)


def disclosed(population: Population, depth: int) -> float:
    model = Model.of(population)
    problems = [
        SatiationProblem(
            *(certain_engagement(model)[a], model.gain[a], float(model.memory[a])),
            *(float(model.leave[a, 0]), model.length, model.swap_cost),
        )
        for a in range(model.n_types)
    ]
    relaxations = [solve_satiation(problem).relaxation for problem in problems]
    likes = model.fit == 1.0
    return revealed_value(model.weights, likes, problems, relaxations, model.cues, depth)


# -- bounds ---------------------------------------------------------------------------------------


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "changes",
    [
        {"cues": CUES[1:]},
        {"cues": CUES[1:], "leave_fresh": 0.1, "leave_bored": 0.1},
        {"cues": CUES[1:], "swap_cost": 0.5, "satiation_gain": 0.6},
        {"cues": (), "session_length": 4},
    ],
    ids=["shown", "leaving", "dear", "no cues"],
)
def test_bounds_enclose_the_enumerated_optimum(changes):
    population = two_kinds(**changes)
    best, reference = optimum(population), solve(population)
    assert reference.tier == "bounds"
    assert reference.value - 4 * reference.standard_errors.get("value", 0.0) <= best + 1e-9
    assert reference.value >= 0.95 * best
    assert best - 1e-9 <= reference.value_upper <= 1.1 * best
    bounds = [disclosed(population, depth) for depth in range(population.session_length + 1)]
    assert (np.diff(bounds) <= 1e-3).all(), "told later, worth less"
    assert bounds[-1] >= best - 1e-9
    if not population.cues:
        assert bounds[-1] == pytest.approx(best, abs=1e-9), "never told: the optimum itself"


@pytest.mark.slow
def test_bounds_enclose_the_optimum_where_moods_matter_to_leaving():
    population = two_kinds(cues=CUES[1:], leave_bored=0.3)
    best, reference = optimum(population), solve(population)
    assert reference.value <= best + 4 * reference.standard_errors.get("value", 0.0) + 1e-9
    assert reference.value >= 0.95 * best
    assert best - 1e-9 <= reference.value_upper <= 1.25 * best


def test_sharpened_cues_tell_more_and_stay_distributions():
    cues = cue_table(Population.preset("Satiation")).probability
    few = sharpened(cues)
    assert few.shape[1] <= 13
    np.testing.assert_allclose(few.sum(axis=1), 1.0)
    # every decision between two actions is worth at least as much
    for odds in np.linspace(0.05, 0.95, 19):
        more_worth = np.maximum(odds * few[0], (1 - odds) * few[1]).sum()
        worth = np.maximum(odds * cues[0], (1 - odds) * cues[1]).sum()
        assert worth - 1e-12 <= more_worth <= worth + 0.02
    revealing = sharpened(np.array([[1.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(np.sort(revealing, axis=1), [[0, 1], [0, 1]])


def test_moods_are_certain_only_where_nothing_but_the_kind_is_hidden():
    assert moods_are_certain(Model.of(two_kinds()))
    for changes in (
        {"boredom_hazard": 0.1},
        {"fit": 0.9},
        {"leave_bored": 0.1},
    ):
        assert not moods_are_certain(Model.of(two_kinds(**changes)))


@pytest.mark.parametrize(
    "changes",
    most_later(
        [
            {"unavailability": 0.4},
            {"satiation_gain": (0.2, 0.5), "satiation_memory": (0.5, 0.8)},
            {"unmask": True, "unavailability": 0.4, "satiation_gain": (0.2, 0.4)},
        ],
        lambda changes: "satiation_gain" not in changes,
    ),
    ids=["unavailable", "many kinds", "everything"],
)
def test_figures_keep_their_order_and_play_as_reported(changes):
    population = two_kinds(session_length=12, **changes)
    r = solve(population)
    assert r.best_fixed <= r.blind + 1e-9
    assert r.blind <= r.value + 4 * r.standard_errors.get("value", 0.0)
    assert r.value <= r.value_upper <= 1.15 * r.value
    sessions = rollout(population, r.policy, 20_000, seed=11)
    error = 4 * np.hypot(sessions.standard_error, r.standard_errors.get("value", 0.0))
    assert abs(sessions.mean - r.value) <= error + 1e-9
    assert not sessions.refused.any()


def test_a_reference_is_the_same_every_time():
    population = two_kinds(session_length=10)
    one = solve(population).summary()
    solve_users.cache_clear()
    assert solve(population).summary() == one


# -- the preset -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def preset() -> Population:
    assert "Satiation" in presets()
    return Population.preset("Satiation")


def test_the_preset_is_not_trivial(preset):
    r = solve(preset)
    assert r.tier == "bounds"
    assert r.value_upper - r.value <= 0.03 * r.value_upper
    assert 0.65 * r.value < r.blind < 0.82 * r.value
    assert r.best_fixed < 0.65 * r.value
    assert r.uniform < 0.7 * r.value
    error = np.hypot(r.standard_errors["myopic"], r.standard_errors["value"])
    assert r.myopic < 0.93 * r.value - 5 * error
    assert r.score(r.value) == 1.0


def test_in_the_preset_greed_loses_even_with_a_user_who_is_known(preset):
    # planning matters by itself, not only for finding out who the user is
    model = Model.of(preset)
    optimum = greedy = 0.0
    for a in range(model.n_types):
        problem = SatiationProblem(
            *(certain_engagement(model)[a], model.gain[a], float(model.memory[a])),
            *(0.0, model.length, model.swap_cost),
        )
        solution = solve_satiation(problem)
        assert solution.exact
        optimum += model.weights[a] * solution.lower
        greedy += model.weights[a] * problem.value(problem.greedy())
    assert greedy < 0.98 * optimum


def test_in_the_preset_the_whittle_policy_comes_close(preset):
    r = solve(preset)
    sessions = rollout(preset, WhittlePolicy.of(Filter(preset)), 20_000, seed=3)
    assert 0.98 * r.value < sessions.mean < r.value_upper
    assert sessions.mean > r.myopic + 0.05 * r.value


@pytest.mark.slow
def test_the_preset_plays_as_reported(preset):
    r = solve(preset)
    for name, policy in (
        ("value", r.policy),
        ("blind", r.blind_policy),
        ("myopic", r.myopic_policy),
        ("uniform", UniformPolicy(Columns.of(preset))),
    ):
        sessions = rollout(preset, policy, 200_000, seed=17)
        error = 4 * np.hypot(sessions.standard_error, r.standard_errors.get(name, 0.0))
        assert abs(sessions.mean - getattr(r, name)) <= error + 1e-9, name
