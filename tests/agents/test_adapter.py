"""The native vector environment as Stable-Baselines3 sees it."""

import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecMonitor

from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.view import View
from carousel_envs import CarouselEnv, CarouselError, CarouselVectorEnv, Population

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
                assert not infos[i]
                np.testing.assert_array_equal(observation[i], last)
                continue
            ends["left" if terminated else "over"] += 1
            np.testing.assert_array_equal(infos[i]["terminal_observation"], last)
            assert infos[i]["TimeLimit.truncated"] == truncated
            assert infos[i]["episode"] == {"r": pytest.approx(returns[i]), "l": lengths[i]}
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


def test_lanes_that_go_on_share_one_read_only_info():
    vec = CarouselVecEnv.of(SHORT.replace(leave_fresh=0.0, leave_bored=0.0), 4)
    vec.reset()
    _, _, _, infos = vec.step(np.zeros(4, int))
    assert all(info is infos[0] for info in infos)
    with pytest.raises(TypeError):
        infos[0]["note"] = 1


def test_the_monitor_of_stable_baselines_works_on_top():
    vec = VecMonitor(CarouselVecEnv.of(SHORT, 4))
    vec.reset()
    ended = 0
    for _ in range(12):
        _, _, dones, infos = vec.step(np.zeros(4, int))
        ended += sum("episode" in infos[i] for i in np.flatnonzero(dones))
    assert ended > 0


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


def test_what_lanes_cannot_do_is_said():
    vec = CarouselVecEnv.of(SHORT, 2)
    assert vec.get_attr("num_envs") == [2, 2]
    assert vec.env_is_wrapped(object) == [False, False]
    with pytest.raises(CarouselError, match="share one environment"):
        vec.set_attr("reward", "mean")
    with pytest.raises(CarouselError, match="known is 'action_masks'"):
        vec.env_method("fly")
    with pytest.raises(CarouselError, match="time_limit is 'never'"):
        CarouselVecEnv.of(SHORT, 2, time_limit="never")


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
