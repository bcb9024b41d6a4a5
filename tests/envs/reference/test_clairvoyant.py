"""The clairvoyant: its tables against enumeration, and where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import CarouselError, Population, Questions, user_table
from carousel_envs.reference import solve
from carousel_envs.reference.clairvoyant import answered_best, solve_clairvoyant
from carousel_envs.reference.known_user.observed_mood import clairvoyant_value
from carousel_envs.reference.model import Model
from support.enumeration import FLAVOURS, Problem, clairvoyant, tiny


def walked(population: Population) -> float:
    """Value of following the tables, by a forward pass over everything that can happen."""
    told, hook = solve_clairvoyant(population), Model.of(population).hook
    users = enumerate(told.kind)
    values = [_walk(population, user, told.first[j], told.picks[j], hook) for user, j in users]
    return float(np.mean(values))


def _walk(population: Population, user: int, first, picks, hook) -> float:
    table = user_table(population)
    fit, hazard, engagement = table.fit[user], table.hazard[user], table.engagement[user]
    leave, farewell = table.leave[user], table.farewell[user]
    # mass over (current, mood, goodbye) before a pick
    mass = {(int(first), mood, 0): p for mood, p in enumerate((fit[first], 1 - fit[first]))}
    total = 0.0
    for t in range(population.session_length):
        enacted: dict[tuple[int, int], float] = {}
        for (k, mood, goodbye), p in mass.items():
            pick = k if t == 0 else int(picks[t, goodbye, k, mood])
            if pick != k:
                total -= p * population.swap_cost
            p *= hook[pick] if goodbye else 1.0
            moods = {mood: 1.0} if pick == k else {0: fit[pick], 1: 1 - fit[pick]}
            for m, share in moods.items():
                enacted[pick, m] = enacted.get((pick, m), 0.0) + p * share
        mass = {}
        for (k, m), p in enacted.items():
            total += p * engagement[k, m]
            stays = p * (1 - leave[m])
            for goodbye, says in ((0, 1 - farewell[m]), (1, farewell[m])):
                after = {0: 1 - hazard[k], 1: hazard[k]} if m == 0 else {1: 1.0}
                for later, share in after.items():
                    key = (k, later, goodbye)
                    mass[key] = mass.get(key, 0.0) + stays * says * share
    return total


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("seed", range(4))
def test_the_tables_attain_the_enumerated_value(seed, flavour):
    population = tiny(seed, kinds=2, personas=3, length=4, **FLAVOURS[flavour](seed, 3))
    sees = clairvoyant(Problem.of(population))
    assert solve_clairvoyant(population).value == pytest.approx(sees, abs=1e-9)
    assert walked(population) == pytest.approx(sees, abs=1e-9)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("name", ["Boredom", "Taste", "Welfare", "Unmask"])
def test_knowing_beats_the_optimum_by_as_much_as_the_bound_says(name):
    population = Population.preset(name)
    value = solve_clairvoyant(population).value
    assert value == pytest.approx(clairvoyant_value(Model.of(population)), abs=1e-9)
    assert value > solve(population).value_upper


def test_unavailable_personas_are_never_picked():
    population = Population.preset("Taste").replace(unavailability=0.5, n_users=50)
    told = solve_clairvoyant(population)
    for row, mask in zip(told.kind, user_table(population).available, strict=True):
        assert mask[told.first[row]]
        assert mask[told.picks[row][1:, :, mask]].all()


@pytest.mark.slow
def test_known_users_who_satiate_are_given_their_own_schedules():
    population = Population.preset("Satiation")
    told = solve_clairvoyant(population)
    # the sum of the solver's bounds for each kind; a router that learns the kind late stays below
    assert solve(population).value < told.value
    assert len(np.unique(told.picks[:, :, 0, 0, 0], axis=0)) == 3


def test_the_best_answers_know_all_but_what_is_forbidden():
    questions = Questions(topic_noise=0.0, year_noise=0.0)
    value, picks = answered_best(questions)
    assert value == pytest.approx(solve(questions).value, abs=1e-9)
    assert answered_best(Questions())[0] == pytest.approx(value, abs=1e-9)
    knows = np.take_along_axis(questions.knowledge(), picks[:, :, None], axis=2)[:, :, 0]
    assert not knows[questions.forbidden()].any()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"boredom_hazard": 0.1}, "one or the other"),
        ({"satiation_gain": (0.1, 0.5)}, "1000 kinds of user"),
    ],
)
def test_what_is_not_solved_is_one_sentence(changes, sentence):
    with pytest.raises(CarouselError, match=sentence) as caught:
        solve_clairvoyant(Population.preset("Satiation").replace(**changes))
    assert "\n" not in str(caught.value)
