"""What a turn without persona pays: hidden, shown, or rewarded."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import CarouselEnv, CarouselError, CarouselVectorEnv, Columns, Population
from carousel_envs.reference import solve
from carousel_envs.reference.distance.users import distance_of_users
from carousel_envs.reference.store import entry_path
from carousel_envs.shifts import SHIFTS

HIDDEN, SHOWN = Population.preset("Unmask"), Population.preset("UnmaskShown")
NONE = HIDDEN.n_actions - 1


def play(population: Population, reward: str = "sampled", turns: int = 60):
    """Observations, rewards and info of 50 lanes in which every other pick is no persona."""
    env = CarouselVectorEnv(50, population=population, reward=reward)
    observation, _ = env.reset(seed=4)
    rng = np.random.default_rng(0)
    seen, paid, infos = [observation.copy()], [], []
    for _ in range(turns):
        picks = np.where(rng.random(50) < 0.5, NONE, rng.integers(0, NONE, 50))
        observation, earned, *_, info = env.step(picks)
        seen.append(observation.copy())
        paid.append(earned.copy())
        infos.append({key: np.copy(info[key]) for key in ("unmasked", "payoff")})
    return np.array(seen), np.array(paid), infos


@pytest.mark.parametrize("severity", [0.25, 1.0])
def test_a_hidden_payoff_is_a_control_that_nobody_can_respond_to(severity):
    shifted = SHIFTS["unmask-pays"].apply(HIDDEN, severity)
    before, after = play(HIDDEN), play(shifted)
    np.testing.assert_array_equal(before[0], after[0])
    np.testing.assert_array_equal(before[1], after[1])
    paid = np.array([info["payoff"] for info in after[2]])
    unmasked = np.array([info["unmasked"] for info in after[2]])
    assert unmasked.any()
    np.testing.assert_array_equal(paid, unmasked * np.float32(severity))
    why = SHIFTS["unmask-rewarded"].obstacle(HIDDEN)
    assert why == "no observation shows its unmask_payoff, so no router can respond"


@pytest.mark.parametrize("axis", ["unmask-pays", "unmask-rewarded"])
def test_a_shown_payoff_is_a_column_of_every_observation_and_changes_no_other(axis):
    column = Columns.of(SHOWN).payoff
    before, after = play(SHOWN)[0], play(SHIFTS[axis].apply(SHOWN, 0.5))[0]
    assert (before[..., column] == 0.0).all()
    assert (after[..., column] == 0.5).all()
    after[..., column] = 0.0
    np.testing.assert_array_equal(before, after)
    np.testing.assert_array_equal(before[..., :column], play(HIDDEN)[0])


@pytest.mark.parametrize("reward", ["sampled", "mean"])
def test_a_rewarded_payoff_is_earned_in_every_turn_without_persona(reward):
    plain = play(SHOWN, reward)
    shown = play(SHIFTS["unmask-pays"].apply(SHOWN, 0.75), reward)
    rewarded = play(SHIFTS["unmask-rewarded"].apply(SHOWN, 0.75), reward)
    np.testing.assert_array_equal(plain[1], shown[1])
    unmasked = np.array([info["unmasked"] for info in rewarded[2]])
    np.testing.assert_allclose(rewarded[1], plain[1] + 0.75 * unmasked, atol=1e-12)


def test_one_session_is_paid_as_many_are():
    population = SHIFTS["unmask-rewarded"].apply(SHOWN, 1.0)
    env = CarouselEnv(population=population)
    first, _ = env.reset(seed=3)
    assert env.observation_space.contains(first)
    assert first[Columns.of(population).payoff] == 1.0
    _, reward, *_ = env.step(NONE)
    assert reward == 1.0


def test_a_payoff_that_is_not_rewarded_solves_nothing_anew():
    hidden, shown = (population.replace(session_length=4) for population in (HIDDEN, SHOWN))
    paths = {
        entry_path("kinds", population)
        for population in (hidden, shown, SHIFTS["unmask-pays"].apply(shown, 0.5))
    }
    assert len(paths) == 1
    assert entry_path("kinds", SHIFTS["unmask-rewarded"].apply(shown, 0.5)) not in paths
    reference = solve(SHIFTS["unmask-pays"].apply(shown, 1.0))
    assert reference.value == solve(hidden).value


@pytest.mark.slow
def test_where_it_is_rewarded_the_optimum_takes_the_mask_off_and_plays_as_computed():
    population = SHIFTS["unmask-rewarded"].apply(SHOWN, 1.0)
    reference = solve(population)
    assert reference.value > solve(SHOWN).value_upper
    env = CarouselVectorEnv(4_000, population=population, reward="mean")
    observation, _ = env.reset(seed=9)
    state, earned = reference.policy.initial_state(4_000, 0), np.zeros(4_000)
    unmasked, over = np.zeros(4_000), np.zeros(4_000, dtype=bool)
    for _ in range(population.session_length):
        picks, state = reference.policy.act(observation, state)
        observation, reward, terminated, truncated, info = env.step(picks)
        earned += np.where(over, 0.0, reward)
        unmasked += np.where(over, 0, info["unmasked"])
        over |= terminated | truncated
    error = earned.std() / np.sqrt(len(earned))
    assert reference.value - 4 * error < earned.mean() < reference.value_upper + 4 * error
    assert 8.0 < unmasked.mean() < 11.0


def test_a_shown_payoff_that_training_never_showed_is_no_distance_but_a_reason():
    shifted = SHIFTS["unmask-pays"].apply(SHOWN, 0.5)
    assert distance_of_users(SHOWN, shifted, 10, 0).note.endswith("a payoff of 0.5")
    hidden = distance_of_users(HIDDEN, SHIFTS["unmask-pays"].apply(HIDDEN, 0.5), 10, 0)
    assert "unmask_payoff" in hidden.note


def test_a_payoff_is_shown_only_where_somebody_could_earn_it():
    with pytest.raises(CarouselError, match="it may name 'payoff' where unmask is true"):
        HIDDEN.replace(shows=("payoff",), unmask=False)
