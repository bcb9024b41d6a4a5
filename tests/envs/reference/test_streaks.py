"""Streaks, and the ascent of schedules: identities that hold whatever the problem is."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs.reference.hidden_kinds.kind_bounds import close_kinds
from carousel_envs.reference.hidden_kinds.streak_bound import StreakBound, apart_from
from carousel_envs.reference.hidden_kinds.streaks import Grid, Steps, Streaks, both_sides
from carousel_envs.reference.hidden_kinds.turns import Turns
from carousel_envs.reference.model import Model
from carousel_envs.reference.unheard.mood_ascent import ascend_moods
from carousel_envs.reference.unheard.schedule_values import schedule_value
from support.enumeration import draws, tiny
from support.kinds import alike, brute_force, random_problem
from support.properties import examples

SEEDS = st.integers(0, 10_000)


def made(seed: int, kinds: int = 3, personas: int = 2, length: int = 4):
    """A problem whose kinds differ in whom they like alone, with its turns and streaks."""
    problem = alike(random_problem(seed, kinds, personas, length, symbols=4))
    turns = Turns.of(problem)
    streaks = Streaks.of(turns)
    assert streaks is not None
    return problem, turns, streaks


@given(SEEDS)
def test_three_numbers_tell_the_whole_belief_of_a_streak(seed):
    problem, turns, streaks = made(seed)
    rng = np.random.default_rng(seed)
    kinds, k = rng.dirichlet(np.ones(3)), int(rng.integers(2))
    suits, suited, never = both_sides(problem.fit[:, k], kinds[None])
    numbers = np.array([suits[0], 0.0, 1.0 - suits[0]])
    joint = np.stack([kinds * problem.fit[:, k], kinds * (1.0 - problem.fit[:, k])], axis=1)
    for _ in range(3):
        whole = np.stack(
            [suited[0] * numbers[0], suited[0] * numbers[1] + never[0] * numbers[2]], axis=1
        )
        np.testing.assert_allclose(whole, joint, atol=1e-12)
        heard, z = int(rng.integers(2)), int(rng.integers(len(turns.odds)))
        like = streaks.heard[k, heard] * np.array([1.0 - turns.odds[z], turns.odds[z]])
        stays, tires, leaves = streaks.ahead[k]
        fresh, tired, wrong = numbers * np.array([like[0], like[1], like[1]])
        numbers = np.array([fresh * stays, fresh * tires + tired * leaves, wrong * leaves])
        moves = turns.moves[k].reshape(3, 2, 2)
        joint = np.einsum("am,amn->an", joint * like, moves)


@given(SEEDS, st.integers(1, 6), st.integers(1, 6))
def test_where_observations_lead_is_a_mixture_of_four_nodes(seed, never, tired):
    problem, turns, streaks = made(seed)
    grid = Grid.of(turns, never, tired, 9)
    nodes, beliefs = grid.nodes(), np.random.default_rng(seed).dirichlet(np.ones(3), 5)
    steps, across = Steps.of(streaks, 0, grid, beliefs), len(grid.tired)
    up, right = steps.never[..., None], steps.tired[..., None]
    mixed = (1.0 - up) * ((1.0 - right) * nodes[steps.node] + right * nodes[steps.node + 1])
    mixed += up * (1.0 - right) * nodes[steps.node + across]
    mixed += up * right * nodes[steps.node + across + 1]
    like = (streaks.heard[0][:, :, None] * grid.cues).transpose(1, 0, 2).reshape(2, -1)
    stays, tires, leaves = streaks.ahead[0]
    fresh, bored, wrong = (beliefs[:, i, None] for i in range(3))
    led = [
        stays * fresh * like[0],
        tires * fresh * like[0] + leaves * bored * like[1],
        leaves * wrong * like[1],
    ]
    np.testing.assert_allclose(mixed * steps.mass[..., None], np.stack(led, axis=2), atol=1e-12)
    assert problem.length == turns.length


@given(SEEDS)
@examples(12)
def test_coarse_grids_and_few_points_never_break_the_upper_bound(seed):
    problem, turns, streaks = made(seed, length=3)
    best, bound = brute_force(problem), StreakBound(turns, streaks, problem.weights)
    uppers = []
    for steps in ((1, 1, 2), (4, 4, 3), (16, 16, 9)):
        bound.sweep(Grid.of(turns, *steps))
        uppers.append(bound.upper)
        walks, personas, begins = bound.walk(np.random.default_rng(0).random((20, 3, 3)))
        np.testing.assert_allclose(walks.sum(axis=2), 1.0, atol=1e-9)
        assert begins[:, 0].all()
        shares = walks[..., ::2] + walks[..., 1::2]
        bound.add(shares[begins], personas[begins], 0.0)
    assert min(uppers) >= best - 1e-9
    assert uppers == sorted(uppers, reverse=True)


def test_points_lie_apart():
    points, new = np.eye(2), np.array([[0.5, 0.5], [0.45, 0.55], [0.9, 0.1], [0.2, 0.8]])
    np.testing.assert_array_equal(apart_from(points, new, 0.25), [True, False, False, True])
    np.testing.assert_array_equal(apart_from(points, new, 0.0), [True] * 4)


def neighbours(schedule, present):
    """Another persona for a turn or for a run, or two personas exchanged from a turn on."""
    for t in range(len(schedule)):
        run = t + 1
        while run < len(schedule) and schedule[run] == schedule[t]:
            run += 1
        for k in present:
            for end in (t + 1, run):
                yield np.concatenate([schedule[:t], np.full(end - t, k), schedule[end:]])
            for j in present:
                exchanged = np.arange(len(present))
                exchanged[[k, j]] = j, k
                yield np.concatenate([schedule[:t], exchanged[schedule[t:]]])


@given(SEEDS, st.integers(1, 3), st.integers(2, 3), st.booleans())
@examples(25)
def test_ascended_schedules_are_worth_what_is_said_and_no_neighbour_is_better(
    seed, kinds, personas, goodbyes
):
    changes = draws(seed, personas, farewells=goodbyes)
    model = Model.of(tiny(seed, kinds=kinds, personas=personas, length=6, **changes))
    assert model.has_farewells == goodbyes
    weights, present = model.joint[:, 0], np.arange(model.n_actions)
    start = np.random.default_rng(seed).integers(0, model.n_actions, model.length)
    schedule = start.copy()
    value = ascend_moods(schedule, present, model.weighed(weights), 50)
    assert value >= schedule_value(model, start, weights) - 1e-12
    assert abs(value - schedule_value(model, schedule, weights)) <= 1e-12
    assert value == ascend_moods(schedule.copy(), present, model.weighed(weights), 0)
    for trial in neighbours(schedule, present):
        assert schedule_value(model, trial, weights) <= value + 1e-9


class Interrupted:
    """Watches a search, and is told of one interrupt."""

    told = False

    def ended(self, lower: float, upper: float) -> bool:
        return self.told

    def interrupted(self) -> None:
        self.told = True


def test_an_interrupt_of_the_first_round_keeps_bounds(monkeypatch):
    problem, _, _ = made(4, length=3)
    walk, calls = StreakBound.walk, []

    def interrupt(self, draws):
        calls.append(draws)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return walk(self, draws)

    monkeypatch.setattr(StreakBound, "walk", interrupt)
    found, best = close_kinds(problem, watch=Interrupted(), work=1e9), brute_force(problem)
    assert len(calls) == 2
    assert 0.0 < found.lower <= best + 1e-9
    assert best - 1e-9 <= found.upper < 10.0
