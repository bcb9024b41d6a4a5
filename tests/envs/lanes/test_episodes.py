"""An episode is a function of seed, lane and index; what is returned belongs to the caller."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from carousel_envs import CarouselEnv, CarouselVectorEnv, environment_ids
from carousel_envs.wrappers import ContentFilter
from support.env_helpers import STATE_KEYS, TURN_KEYS, busy
from support.presets import presets


def play_out(env: CarouselEnv, reset: tuple) -> list[tuple]:
    """Play the running session to its end with a fixed rule; everything that was returned."""
    record, turn, over = [reset], 0, False
    while not over:
        step = env.step((turn // 2) % int(env.action_space.n))
        record.append(step)
        over = step[2] or step[3]
        turn += 1
    return record


def assert_same_record(one: list[tuple], other: list[tuple]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a[0], b[0])
        assert a[1:-1] == b[1:-1]
        assert a[-1].keys() == b[-1].keys()
        for key in a[-1]:
            np.testing.assert_array_equal(a[-1][key], b[-1][key])


@pytest.mark.parametrize("name", presets())
def test_the_same_seed_gives_the_same_episodes_again(name):
    env = CarouselEnv(population=name)
    first = [play_out(env, env.reset(seed=5 if e == 0 else None)) for e in range(3)]
    again = [play_out(env, env.reset(seed=5 if e == 0 else None)) for e in range(3)]
    for one, other in zip(first, again, strict=True):
        assert_same_record(one, other)
    with pytest.raises(AssertionError):
        assert_same_record(first[0], first[1])
    with pytest.raises(AssertionError):
        assert_same_record(first[0], play_out(env, env.reset(seed=6)))


def test_a_single_episode_replays_alone():
    env, alone = CarouselEnv(population=busy()), CarouselEnv(population=busy())
    played = [play_out(env, env.reset(seed=5 if e == 0 else None)) for e in range(4)]
    reset = alone.reset(seed=5)
    for _ in range(3):
        reset = alone.reset()
    assert_same_record(play_out(alone, reset), played[3])


def test_what_was_done_in_one_episode_does_not_touch_the_next():
    one, other = CarouselEnv(population=busy()), CarouselEnv(population=busy())
    one.reset(seed=5)
    other.reset(seed=5)
    for _ in range(2):
        if any(other.step(3)[2:4]):
            break
    assert_same_record(play_out(one, one.reset()), play_out(other, other.reset()))


def test_without_a_seed_every_environment_plays_something_else():
    envs = [CarouselEnv(population=busy()) for _ in range(2)]
    records = [[play_out(env, env.reset()) for _ in range(5)] for env in envs]
    rewards = [[[step[1] for step in episode[1:]] for episode in record] for record in records]
    assert rewards[0] != rewards[1]


def test_a_list_of_seeds_gives_each_lane_its_own():
    seeds = [7, 7, 123, 0]
    env = CarouselVectorEnv(4, population=busy())
    scalars = [CarouselEnv(population=busy()) for _ in seeds]
    for given in (seeds, tuple(seeds), np.array(seeds)):
        obs, _ = env.reset(seed=given)
        for i, scalar in enumerate(scalars):
            np.testing.assert_array_equal(obs[i], scalar.reset(seed=seeds[i])[0])
        for actions in ([0, 0, 0, 0], [1, 1, 1, 1]):
            obs, reward, *_ = env.step(actions)
            for i, scalar in enumerate(scalars):
                expected = scalar.step(actions[i])
                np.testing.assert_array_equal(obs[i], expected[0])
                assert reward[i] == expected[1]


@pytest.mark.parametrize("seed", [0, 2**63 - 1, 2**62, 2**64 - 1])
def test_seeds_reach_from_zero_to_the_largest(seed):
    env, scalar = CarouselVectorEnv(2, population=busy()), CarouselEnv(population=busy())
    obs, _ = env.reset(seed=seed)
    np.testing.assert_array_equal(obs[0], scalar.reset(seed=seed)[0])
    np.testing.assert_array_equal(
        obs[0], CarouselVectorEnv(1, population=busy()).reset(seed=seed)[0][0]
    )


def test_numpy_integers_are_seeds_everywhere():
    for env in (CarouselEnv(population=busy()), CarouselVectorEnv(2, population=busy())):
        obs, _ = env.reset(seed=np.int64(5))
        np.testing.assert_array_equal(obs, env.reset(seed=5)[0])


def test_a_user_can_be_asked_for():
    env = CarouselEnv(population=busy())
    for user in (0, 17, 39, np.int32(4)):
        _, info = env.reset(seed=3, options={"user": user})
        assert info["user"] == user
        assert env.step(0)[-1]["user"] == user
        np.testing.assert_array_equal(
            info["action_mask"] != 0, env._one.users.available[user], strict=True
        )


def test_users_can_be_asked_for_lane_by_lane_and_minus_one_draws():
    env = CarouselVectorEnv(3, population=busy())
    _, drawn = env.reset(seed=3)
    for user in (-1, None, np.array([-1, -1, -1])):
        _, info = env.reset(seed=3, options={"user": user})
        np.testing.assert_array_equal(info["user"], drawn["user"])
    _, info = env.reset(seed=3, options={"user": np.array([5, -1, 7])})
    np.testing.assert_array_equal(info["user"], [5, drawn["user"][1], 7])
    _, info = env.reset(seed=3, options={"user": 9})
    np.testing.assert_array_equal(info["user"], [9, 9, 9])


def test_asking_for_the_drawn_user_changes_nothing():
    env = CarouselEnv(population=busy())
    free = play_out(env, env.reset(seed=8))
    asked = play_out(env, env.reset(seed=8, options={"user": free[0][-1]["user"]}))
    assert_same_record(free, asked)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_user_that_was_asked_for_plays_one_session_only(mode):
    env = CarouselVectorEnv(50, population=busy(), autoreset_mode=mode)
    env.reset(seed=0, options={"user": 0})
    for _ in range(14):
        _, _, _, _, info = env.step(np.zeros(50, dtype=np.int64))
    assert len(np.unique(info["user"])) > 10


def test_a_partial_reset_can_seed_and_choose_for_the_marked_lanes_alone():
    env = CarouselVectorEnv(3, population=busy(), autoreset_mode="Disabled")
    other = CarouselVectorEnv(3, population=busy(), autoreset_mode="Disabled")
    before, _ = env.reset(seed=0)
    expected, _ = other.reset(seed=70)
    mask = np.array([False, True, False])
    obs, info = env.reset(seed=70, options={"reset_mask": mask})
    np.testing.assert_array_equal(obs, np.where(mask[:, None], expected, before))
    _, info = env.reset(options={"reset_mask": mask, "user": np.array([1, 2, 3])})
    assert info["user"][1] == 2
    np.testing.assert_array_equal(info["_user"], mask)
    later, _ = env.reset()
    other.reset(seed=0)
    unseeded, _ = other.reset()
    np.testing.assert_array_equal(later[~mask], unseeded[~mask], "the others keep their stream")
    other.reset(seed=70)
    other.reset()
    np.testing.assert_array_equal(later[mask], other.reset()[0][mask])


@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
def test_info_has_the_documented_keys_dtypes_and_shapes(mode):
    env = CarouselVectorEnv(5, population=busy(session_length=3), autoreset_mode=mode)
    keys = (*TURN_KEYS, "welfare", "kept", *STATE_KEYS)
    expected = {
        "engagement_mean": (np.float32, (5,)),
        "swapped": (np.bool_, (5,)),
        "refused": (np.bool_, (5,)),
        "mood": (np.int8, (5,)),
        "action_mask": (np.int8, (5, 4)),
        "user": (np.int32, (5,)),
    }
    actions = np.zeros(5, dtype=np.int64)
    for info in (env.reset(seed=0)[1], env.step(actions)[4], env.reset()[1]):
        assert set(info) == {k for key in keys for k in (key, f"_{key}")}
        for key, (dtype, shape) in expected.items():
            assert info[key].dtype == dtype
            assert info[key].shape == shape
            assert info[f"_{key}"].dtype == np.bool_
            assert info[f"_{key}"].all()


SCALAR_TYPES = {
    "engagement_mean": np.float32,
    "swapped": bool,
    "refused": bool,
    "mood": np.int8,
    "welfare": np.float32,
    "kept": bool,
    "unmasked": bool,
    "payoff": np.float32,
    "knowledgeable": bool,
    "lied": bool,
    "deceived": bool,
    "forbidden": bool,
    "deceived_on_forbidden": bool,
    "topic": np.int8,
    "year": np.int32,
    "filtered": bool,
    "action_mask": np.ndarray,
    "user": np.int32,
}


@pytest.mark.parametrize("filtered", [False, True])
@pytest.mark.parametrize("arrays", [False, True])
@pytest.mark.parametrize("id_", environment_ids())
def test_the_infos_of_resets_and_steps_have_the_same_keys_and_types(id_, arrays, filtered):
    env = gym.make(id_, info_arrays=arrays)
    if filtered:
        env = ContentFilter(env, blocked=0, replacement=1)
    first = env.reset(seed=0)[1]
    _, reward, terminated, truncated, info = env.step(0)
    again = env.reset()[1]
    assert (type(reward), type(terminated), type(truncated)) == (float, bool, bool)
    assert {"swapped", "action_mask", "user"} <= set(info)
    assert ("filtered" in info) == filtered
    for one in (first, info, again):
        assert list(one) == list(info)
        for key, value in one.items():
            wanted = SCALAR_TYPES[key]
            assert type(value) is (np.ndarray if arrays else wanted)
            assert np.ndim(value) == (key == "action_mask")
    for key in set(first) - {"action_mask", "user"}:
        assert not first[key]
        assert not again[key]
        assert np.asarray(first[key]).dtype == np.asarray(info[key]).dtype
    vector = SyncVectorEnv([lambda: gym.make(id_, info_arrays=arrays)] * 2)
    vector.reset(seed=0)
    infos = vector.step(np.zeros(2, dtype=np.int64))[4]
    native = gym.make_vec(id_, num_envs=2)
    native.reset(seed=0)
    own = native.step(np.zeros(2, dtype=np.int64))[4]
    assert {k: v.dtype for k, v in own.items()} == {k: v.dtype for k, v in infos.items()}
