"""The Welfare environment: a real conflict, known exactly, and played as it is computed."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import Population, user_table
from carousel_envs.reference import frontier, solve
from carousel_envs.reference.acting.contexts import ContextIndex
from carousel_envs.reference.known_user.belief_problem import BeliefProblem
from carousel_envs.reference.known_user.belief_program import solve_belief
from carousel_envs.reference.known_user.controller import (
    Controller,
    Tally,
    collected,
)
from carousel_envs.reference.known_user.controller_policy import ControllerPolicy
from carousel_envs.reference.model import Model
from carousel_envs.rollout import rollout
from carousel_envs.users.observation import Columns
from support.matrix import most_later

WELFARE = Population.preset("Welfare")
HONEST = np.array([WELFARE.personas.index(name) for name in ("alice", "coach", "scholar")])
NAMES = ("engagement", "welfare", "kept", "session_length", "swaps")


@pytest.fixture(scope="module")
def points():
    return frontier(WELFARE, points=5)


def fixed_figures(population: Population, k: int) -> tuple[float, float]:
    """Engagement and welfare of always enacting persona k, by the Markov chain of the moods."""
    table, hook = user_table(population), population.hook[k]
    total = np.zeros(2)
    for vulnerable in (False, True):
        i = int(np.flatnonzero(table.vulnerable == vulnerable)[0])
        gain = population.welfare[k] + vulnerable * population.vulnerable_welfare[k]
        share = float((table.vulnerable == vulnerable).mean())
        alive, goes = np.array([table.fit[i, k], 1.0 - table.fit[i, k]]), np.zeros(2)
        for _ in range(population.session_length):
            alive = alive - (1.0 - hook) * goes
            total[0] += share * alive @ table.engagement[i, k]
            total[1] += share * (alive.sum() * gain - goes.sum() * hook * population.farewell_harm)
            alive = alive * (1.0 - table.leave[i])
            goes = alive * table.farewell[i]
            bores = np.array([[1.0 - table.hazard[i, k], 0.0], [table.hazard[i, k], 1.0]])
            alive, goes = bores @ alive, bores @ goes
    return float(total[0]), float(total[1])


def honest_router(population: Population) -> tuple[np.ndarray, ControllerPolicy]:
    """The router that engages best by swapping among honest personas; (engagement, welfare)."""
    model, total, controllers = Model.of(population), np.zeros(2), []
    for j, share in enumerate(model.mask_weights):
        kind = int(model.joint[:, j].argmax())
        problem = BeliefProblem.of(model, kind, HONEST)
        controller = Controller.of(solve_belief(problem, 129, keep_plans=True))
        gain = np.repeat(model.mean_welfare[kind, j, HONEST][:, None], 2, axis=1)
        tallies = (
            Tally(problem.reward, swap=-population.swap_cost),
            Tally(gain, kept=-population.farewell_harm),
        )
        total += share * collected(problem, controller, tallies)
        controllers.append(controller.spread(HONEST, model.n_actions))
    contexts = ContextIndex(Columns.of(population), model.contexts)
    return total, ControllerPolicy(population, model, contexts, controllers)


def test_the_engagement_end_is_the_reference(points):
    reference = solve(WELFARE)
    assert points[0].weight == 0.0
    assert reference.value <= points[0].value_upper
    assert points[0].engagement <= reference.value_upper
    assert points[0].engagement == pytest.approx(reference.value, rel=1e-5)


def test_simpler_routers_trail_the_reference():
    reference = solve(WELFARE)
    for figure in ("blind", "best_fixed", "uniform", "myopic"):
        assert getattr(reference, figure) < 0.9 * reference.value


def test_wanting_engagement_harms(points):
    most_engaging, best = points[0], points[-1]
    assert most_engaging.welfare < 0.0 < best.welfare
    assert most_engaging.everyone.kept > 1.0
    assert best.everyone.kept < 0.01
    # where flattery engages most it is used most, and there it harms most
    assert most_engaging.vulnerable.engagement > most_engaging.others.engagement + 1.0
    assert most_engaging.vulnerable.welfare < most_engaging.others.welfare - 5.0
    assert abs(best.vulnerable.welfare - best.others.welfare) < 0.1


def test_a_little_engagement_buys_much_welfare(points):
    most_engaging, best = points[0], points[-1]
    range_ = best.welfare - most_engaging.welfare
    assert any(
        point.engagement > 0.9 * most_engaging.engagement
        and point.welfare > most_engaging.welfare + 0.5 * range_
        for point in points
    )
    assert len(points) == 5


def test_ends_dominate_every_fixed_persona(points):
    for k in range(len(WELFARE.personas)):
        engagement, welfare = fixed_figures(WELFARE, k)
        assert engagement < points[0].engagement
        assert welfare < points[-1].welfare
        for point in points:
            worth = (1 - point.weight) * engagement + point.weight * welfare
            assert worth < point.value_upper + 1e-4


def test_swapping_among_honest_personas_alone_is_on_neither_end(points):
    (engagement, welfare), policy = honest_router(WELFARE)
    assert engagement < 0.9 * points[0].engagement
    assert welfare < 0.9 * points[-1].welfare
    for point in points:
        worth = (1 - point.weight) * engagement + point.weight * welfare
        assert worth < point.value - 0.1
    sessions = rollout(WELFARE, policy, 20_000, seed=5)
    assert abs(sessions.mean - engagement) < 4 * sessions.standard_error


def check_by_playing(population: Population, point, sessions: int) -> None:
    """Figures of everybody and of both groups, within 4 standard errors of what is played."""
    played = rollout(population, point.policy, sessions, seed=11)
    vulnerable = user_table(population).vulnerable[played.user]
    figures = {
        "engagement": played.engagement,
        **{name: played.totals[name] for name in ("welfare", "kept")},
        "session_length": played.length,
        "swaps": played.swaps,
    }
    groups = ((point.everyone, vulnerable >= 0), (point.vulnerable, vulnerable))
    for outcome, who in (*groups, (point.others, ~vulnerable)):
        for name in NAMES:
            sample = figures[name][who]
            error = sample.std() / np.sqrt(len(sample))
            assert abs(sample.mean() - getattr(outcome, name)) <= 4 * error + 1e-6, name


@pytest.mark.parametrize("which", most_later([0, 2, 4], lambda which: which == 2))
def test_points_play_as_they_are_computed(points, which: int):
    check_by_playing(WELFARE, points[which], 100_000)


@pytest.mark.slow
def test_points_play_as_computed_where_personas_are_missing():
    some = WELFARE.replace(
        personas=("alice", "flatterer", "clinger"),
        **{
            name: tuple(getattr(WELFARE, name)[i] for i in (0, 3, 4))
            for name in ("appeal", "hook", "welfare", "vulnerable_appeal", "vulnerable_welfare")
        },
        unavailability=0.4,
        vulnerable_share=0.3,
        session_length=12,
    )
    for point in frontier(some, (0.1, 0.7)):
        check_by_playing(some, point, 100_000)


@pytest.mark.parametrize(
    "changes",
    most_later(
        [
            {"unavailability": 0.4, "n_users": 6},
            {"session_length": 60},
            {"cues": tuple(((1.0, 0.0, 0.0), (0.0, 0.0, 1.0)) for _ in range(4))},
            {"farewell_bored": 0.04, "boredom_hazard": 0.5, "vulnerable_share": 1.0},
        ],
        lambda changes: "cues" in changes,
    ),
)
def test_a_router_of_these_users_acts_on_others(points, changes):
    others = WELFARE.replace(**changes)
    own = frontier(others, (points[2].weight,))[0]
    played = rollout(others, points[2].policy, 20_000, seed=3)
    weight = points[2].weight
    worth = (1 - weight) * played.engagement + weight * played.totals["welfare"]
    assert worth.mean() < own.value_upper + 4 * worth.std() / np.sqrt(len(worth))
    assert played.swaps.mean() > 0.5


@pytest.mark.slow
def test_every_point_of_a_fine_frontier_plays_as_computed():
    assert len(frontier(WELFARE)) == 9
    for point in frontier(WELFARE, points=15):
        check_by_playing(WELFARE, point, 200_000)
