"""The native vector environment as Stable-Baselines3 sees it."""

import copy
import pickle
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import VectorWrapper
from stable_baselines3 import PPO
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecMonitor

from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.view import View
from carousel_envs import CarouselEnv, CarouselError, CarouselVectorEnv, Population
from carousel_envs.wrappers import ContentFilter, History

SHORT = Population.preset("Boredom").replace(session_length=6, leave_fresh=0.05, leave_bored=0.2)


def test_lanes_are_the_scalar_environment_and_end_with_their_own_last_observation():
    lanes, seed = 5, 40
    vec = CarouselVecEnv.of(SHORT, lanes, seed)
    scalars = [CarouselEnv(population=SHORT) for _ in range(lanes)]
    observation = vec.reset()
    for i, env in enumerate(scalars):
        np.testing.assert_array_equal(observation[i], env.reset(seed=seed + i)[0])
    rng = np.random.default_rng(0)
    returns, lengths, ends = np.zeros(lanes), np.zeros(lanes, int), {"left": 0, "over": 0}
    for _ in range(60):
        actions = rng.integers(0, 4, lanes)
        observation, rewards, dones, infos = vec.step(actions)
        assert rewards.dtype == np.float32
        for i, env in enumerate(scalars):
            last, reward, terminated, truncated, _ = env.step(int(actions[i]))
            assert rewards[i] == np.float32(reward)
            assert dones[i] == (terminated or truncated)
            returns[i] += reward
            lengths[i] += 1
            if not dones[i]:
                np.testing.assert_array_equal(observation[i], last)
                continue
            ends["left" if terminated else "over"] += 1
            np.testing.assert_array_equal(infos[i]["terminal_observation"], last)
            assert infos[i]["TimeLimit.truncated"] == truncated
            told = infos[i]["episode"]
            assert (told["r"], told["l"]) == (pytest.approx(returns[i]), lengths[i])
            returns[i], lengths[i] = 0.0, 0
            np.testing.assert_array_equal(observation[i], env.reset()[0])
    assert min(ends.values()) > 0


def test_a_session_length_that_belongs_to_the_task_is_an_end():
    vec = CarouselVecEnv.of(SHORT.replace(leave_fresh=0.0, leave_bored=0.0), 3, time_limit="end")
    vec.reset()
    for _ in range(6):
        _, _, dones, infos = vec.step(np.zeros(3, int))
    assert dones.all()
    assert [info["TimeLimit.truncated"] for info in infos] == [False] * 3


@pytest.mark.parametrize("infos", ["all", "ends"])
def test_infos_are_dicts_of_their_own(infos: str):
    vec = CarouselVecEnv.of(SHORT.replace(leave_fresh=0.0, leave_bored=0.0), 3, infos=infos)
    vec.reset()
    for turn in range(7):
        *_, told = vec.step(np.zeros(3, int))
        assert len({id(info) for info in told}) == 3
        told[0]["note"] = turn
        assert copy.deepcopy(told)[0] is not told[0]
        assert pickle.loads(pickle.dumps(told))[0]["note"] == turn
        assert "note" not in told[1]
        if infos == "ends" and turn == 5:
            assert set(told[2]) == {"terminal_observation", "TimeLimit.truncated", "episode"}
        assert ("engagement_mean" in told[2]) == (infos == "all")
        if "action_mask" in told[0]:
            # and what is in them is nobody else's either
            told[0]["action_mask"][:] = 7
            assert told[1]["action_mask"].max() == 1
            assert np.stack(vec.env_method("action_masks")).max() == 1


def test_an_environment_that_reuses_its_arrays_is_copied():
    kept = CarouselVectorEnv(4, population=SHORT, autoreset_mode="SameStep", copy=False)
    vec, other = CarouselVecEnv(kept, 3), CarouselVecEnv.of(SHORT, 4, 3)
    for t in range(4):
        ours = vec.step(np.full(4, t))[0] if t else vec.reset()
        before = ours.copy()
        vec.step(np.zeros(4, int))
        np.testing.assert_array_equal(ours, before)
        if t == 0:
            np.testing.assert_array_equal(ours, other.reset())


def test_the_monitor_of_stable_baselines_works_on_top():
    population = Population.preset("Welfare").replace(session_length=5)
    vec = VecMonitor(
        CarouselVecEnv.of(population, 4, monitor=False), info_keywords=("welfare", "user")
    )
    assert not vec.env_is_wrapped(Monitor)[0]
    vec.reset()
    ended = 0
    for _ in range(12):
        _, _, dones, infos = vec.step(np.zeros(4, int))
        for i in np.flatnonzero(dones):
            assert infos[i]["episode"]["welfare"] == infos[i]["welfare"]
            ended += 1
    assert ended > 0


def test_an_evaluation_of_stable_baselines_does_not_warn():
    vec = CarouselVecEnv.of(SHORT, 3)
    assert vec.env_is_wrapped(Monitor) == [True] * 3
    model = PPO("MlpPolicy", vec, n_steps=4, batch_size=4, device="cpu")
    # warnings are errors
    mean, _ = evaluate_policy(model, vec, n_eval_episodes=6)
    assert np.isfinite(mean)


def test_seeding_again_replays_and_going_on_does_not():
    vec = CarouselVecEnv.of(SHORT, 3, seed=1)
    first = [vec.reset(), *(vec.step(np.full(3, t % 4))[0] for t in range(5))]
    vec.seed(1)
    again = [vec.reset(), *(vec.step(np.full(3, t % 4))[0] for t in range(5))]
    np.testing.assert_array_equal(first, again)
    other = [vec.reset(), *(vec.step(np.full(3, t % 4))[0] for t in range(5))]
    assert not np.array_equal(first, other)


def test_action_masks_are_one_row_per_lane():
    vec = CarouselVecEnv.of(SHORT.replace(unavailability=0.5), 8)
    observation = vec.reset()
    masks = vec.env_method("action_masks")
    assert len(masks) == 8
    np.testing.assert_array_equal(np.stack(masks), observation[:, 9:13] > 0.5)


def test_options_are_one_dict_or_one_per_lane():
    vec = CarouselVecEnv.of(SHORT, 3, 5)
    vec.set_options({"user": 7})
    vec.reset()
    assert [info["user"] for info in vec.reset_infos] == [7, 7, 7]
    vec.set_options([{"user": 4}, {}, {"user": 9}])
    vec.reset()
    first, drawn, last = (info["user"] for info in vec.reset_infos)
    assert (first, last) == (4, 9)
    vec.seed(5)
    vec.reset()
    assert [info["user"] for info in vec.reset_infos][1] != 7
    assert 0 <= drawn < SHORT.n_users
    # they were for one reset
    vec.reset()
    assert len({info["user"] for info in vec.reset_infos}) > 1


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ([{"user": 1}], "must be one dict, or a list of 3 dicts"),
        ([{"user": 1}, None, 3], "must be one dict, or a list of 3 dicts"),
        ("user", "must be one dict"),
        ({"usr": 1}, "option 'usr' is unknown"),
        ([{}, {"usr": 1}, {}], "option 'usr' of lane 1 is unknown; known is user"),
        ([{"user": 1}, {"user": 10**6}, {}], "must lie in -1"),
        ([{"user": 1}, {"user": "x"}, {}], "must be an integer"),
    ],
)
def test_options_that_cannot_be_kept_are_one_sentence(options: Any, sentence: str):
    vec = CarouselVecEnv.of(SHORT, 3)

    def resetting() -> None:
        vec.set_options(options)
        vec.reset()

    with pytest.raises(CarouselError, match=sentence):
        resetting()


def test_attributes_are_those_of_all_lanes_through_wrappers():
    vec = CarouselVecEnv.of(SHORT, 2, view=View(history=2))
    assert vec.get_attr("num_envs") == [2, 2]
    assert vec.get_attr("population") == [SHORT, SHORT]
    assert vec.get_attr("users", [1])[0] is vec.env.unwrapped.users
    assert vec.get_attr("observation_space") == [vec.observation_space] * 2
    assert not vec.has_attr("nothing")
    assert vec.env_is_wrapped(History) == [True, True]
    assert vec.env_is_wrapped(ContentFilter) == [False, False]
    vec.set_attr("phase", 1)
    vec.set_attr("phase", 2, indices=1)
    assert vec.get_attr("phase") == [1, 2]
    assert vec.env_method("get_wrapper_attr", "phase") == [1, 2]
    vec.set_attr("note", 3, indices=0)
    assert vec.env_method("has_wrapper_attr", "notes") == [False, False]
    with pytest.raises(AttributeError, match="no attribute 'note'"):
        vec.get_attr("note")


def test_what_lanes_cannot_do_is_said():
    vec = CarouselVecEnv.of(SHORT, 2, view=View(history=2))
    vec.reset()
    for name in ("reward", "population", "column_names"):
        with pytest.raises(CarouselError, match="share one environment"):
            vec.set_attr(name, "mean")
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        vec.env_method("fly")
    with pytest.raises(CarouselError, match="share one environment; use the reset"):
        vec.env_method("reset")
    with pytest.raises(CarouselError, match="is not possible: it would change all 2"):
        vec.env_method("restore", {}, indices=[1])
    with pytest.raises(CarouselError, match="indices hold 2"):
        vec.get_attr("population", indices=2)
    with pytest.raises(CarouselError, match="time_limit is 'never'"):
        CarouselVecEnv.of(SHORT, 2, time_limit="never")
    with pytest.raises(CarouselError, match="infos is 'some'"):
        CarouselVecEnv.of(SHORT, 2, infos="some")
    with pytest.raises(CarouselError, match="VectorToVecEnv takes any other"):
        CarouselVecEnv(gym.make_vec("CartPole-v1", 2))


def test_attributes_of_other_wrappers_can_be_set_for_all_lanes():
    class Phased(VectorWrapper):
        phase = 0

    lanes = CarouselVectorEnv(2, population=SHORT, autoreset_mode="SameStep")
    vec = CarouselVecEnv(Phased(lanes))
    vec.set_attr("phase", 3)
    assert vec.env.phase == 3
    assert vec.get_attr("phase") == [3, 3]
    with pytest.raises(CarouselError, match="it would change all 2"):
        vec.set_attr("phase", 4, indices=[0])


def test_a_wrapped_environment_ends_with_the_last_view_of_the_session():
    vec = CarouselVecEnv.of(SHORT, 3, seed=1, view=View(history=2, visible_context=True))
    before = vec.reset()
    width = before.shape[1] // 2
    for _ in range(30):
        observation, _, dones, infos = vec.step(np.zeros(3, int))
        for i in np.flatnonzero(dones):
            last = infos[i]["terminal_observation"]
            np.testing.assert_array_equal(last[width:], before[i, :width])
            np.testing.assert_array_equal(observation[i, :width], observation[i, width:])
        before = observation


def test_an_environment_in_another_reset_mode_is_refused():
    with pytest.raises(CarouselError, match="must be SameStep"):
        CarouselVecEnv(CarouselVectorEnv(2, population=SHORT))
