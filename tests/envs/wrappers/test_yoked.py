"""A yoked session hears another user, and is its own in all else."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import CarouselError, Population
from carousel_envs.reference import solve
from carousel_envs.registry import any_population, vector_env
from carousel_envs.rollout import rollout
from carousel_envs.wrappers import ContentFilter, History, Yoked

LANES = 400


def played(env, picks, seed=4):
    """First and later observations, and what else steps return, of these picks."""
    observation, _ = env.reset(seed=seed)
    seen, rest = [observation.copy()], []
    for row in picks:
        observation, reward, terminated, truncated, info = env.step(row)
        seen.append(observation.copy())
        rest.append((reward, terminated, truncated, info["mood"], info["user"].copy()))
    return np.array(seen), rest


def some_picks(population, turns=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, len(population.personas), (turns, LANES))


@pytest.mark.parametrize("name", ["Boredom", "Welfare", "Unmask"])
def test_all_but_the_feedback_is_the_session_s_own(name: str):
    population = Population.preset(name)
    picks = some_picks(population)
    plain, rest = played(vector_env(population, LANES), picks)
    heard, yoked_rest = played(Yoked(vector_env(population, LANES)), picks)
    columns = vector_env(population, 1).columns
    feedback = np.zeros(columns.width, dtype=bool)
    feedback[: columns.engagement + 1] = True
    if columns.farewell is not None:
        feedback[columns.farewell] = True
    assert np.array_equal(heard[:, :, ~feedback], plain[:, :, ~feedback])
    assert (heard[:, :, feedback] != plain[:, :, feedback]).mean() > 0.1
    assert np.array_equal(heard[0], plain[0]), "nothing is heard before the first turn"
    for one, other in zip(rest, yoked_rest, strict=True):
        for array, same in zip(one, other, strict=True):
            assert np.array_equal(array, same)


def test_what_is_heard_is_independent_of_the_own_user_and_alike_in_kind():
    """The same frequencies, and no correlation with what the own user shows."""
    population = Population.preset("Taste").replace(leave_fresh=0.0, leave_bored=0.0)
    picks = some_picks(population)
    plain, _ = played(vector_env(population, LANES), picks)
    heard, _ = played(Yoked(vector_env(population, LANES)), picks)
    column = vector_env(population, 1).columns.engagement
    own, other = plain[1:, :, column], heard[1:, :, column]
    assert own.mean() == pytest.approx(other.mean(), abs=0.06)
    for turn in range(len(own)):
        assert abs(np.corrcoef(own[turn], other[turn])[0, 1]) < 4 / np.sqrt(LANES)


def test_the_user_who_is_heard_looks_the_same_and_never_leaves():
    population = Population.preset("Welfare").replace(
        unavailability=0.3, leave_bored=0.5, leave_fresh=0.2, session_length=6, hook=0.0
    )
    env = Yoked(vector_env(population, LANES))
    env.reset(seed=3)
    rng = np.random.default_rng(1)
    own, other = env.unwrapped, env._other
    differ = 0
    for _ in range(20):
        assert np.array_equal(own._mask, other._mask)
        differ += int((own._user != other._user).sum())
        observation, *_ = env.step(rng.integers(0, 3, LANES))
        turn = own._session("turn")
        shows = observation[:, own.columns.engagement] >= 0
        assert np.array_equal(shows, turn > 0)
    assert differ > 20 * LANES / 2


def test_a_router_that_does_not_listen_earns_the_same_yoked():
    class Yoking:
        """A router that plays yoked."""

        def __init__(self, router):
            self.router = router
            self.initial_state, self.act = router.initial_state, router.act

        def view(self, env):
            return Yoked(env)

    population = Population.preset("Boredom")
    reference = solve(population)
    for policy, deaf in ((reference.blind_policy, True), (reference.policy, False)):
        own = rollout(population, policy, 500, 3).engagement
        yoked = rollout(population, Yoking(policy), 500, 3).engagement
        assert np.array_equal(own, yoked) == deaf


def test_what_it_cannot_stand_around_is_refused():
    users, questions = (vector_env(any_population(name), 2) for name in ("Boredom", "Recall"))
    with pytest.raises(CarouselError, match="has no users whose feedback"):
        Yoked(questions)
    for wrapper in (lambda env: History(env, 2), lambda env: ContentFilter(env, 0, 1)):
        with pytest.raises(CarouselError, match="must stand directly around the environment"):
            Yoked(wrapper(users))
    env = Yoked(users)
    env.reset(seed=0)
    with pytest.raises(CarouselError, match="no persona"):
        env.step(np.array([0, 99]))
    env.step(np.array([0, 1]))


def test_users_whose_ranges_are_tied_can_be_yoked():
    population = Population.preset("Boredom").replace(
        leave_bored=(0.05, 0.2),
        boredom_hazard=(0.05, 0.2),
        pair=("leave_bored", "boredom_hazard"),
        n_users=20,
    )
    env = Yoked(vector_env(population, 8))
    assert env.reset(seed=0)[0].shape[0] == 8
