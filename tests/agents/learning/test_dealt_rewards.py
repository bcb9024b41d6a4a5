"""Controls that are paid what others earn: nothing they pick is paid."""

from __future__ import annotations

import json

import numpy as np
import pytest

from carousel_agents.learning import PolicyFile
from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.levels import Levels
from carousel_agents.learning.run import Run
from carousel_agents.learning.settings import settings_of
from carousel_agents.learning.train import train
from carousel_envs import CarouselError, Population

BOREDOM = Population.preset("Boredom").replace(session_length=6)
SMALL = {"lanes": 4, "n_steps": 6, "batch_size": 12, "steps": 48}


def played(**options):
    env = CarouselVecEnv.of(BOREDOM, 4, 11, infos="ends", **options)
    env.reset()
    rng, rewards, returns = np.random.default_rng(0), [], []
    for _ in range(12):
        _, reward, _, infos = env.step(rng.integers(0, 4, 4))
        rewards.append(reward)
        returns += [info["episode"]["r"] for info in infos if "episode" in info]
    return np.stack(rewards), returns


def test_every_lane_is_paid_what_the_lane_before_it_earns_less_the_others_mean():
    own, returns = played()
    dealt, same = played(dealt=True)
    others = (own.sum(axis=1, keepdims=True) - own) / 3
    np.testing.assert_allclose(dealt, np.roll(own, 1, axis=1) - others, rtol=1e-6)
    assert returns == same


def test_nothing_that_a_lane_picks_is_paid_there():
    def paid(pick):
        env = CarouselVecEnv.of(BOREDOM, 8, 11, infos="ends", dealt=True)
        env.reset()
        picks, rewards = np.zeros(8, dtype=np.int64), []
        for turn in range(5):
            picks[0] = (turn * pick) % 4
            _, reward, done, _ = env.step(picks)
            rewards.append(reward)
            assert not done[0]
        return np.stack(rewards)

    stays, swaps = paid(0), paid(1)
    np.testing.assert_allclose(stays[:, 0], swaps[:, 0], rtol=1e-6)
    # its own rewards differ, which is seen in what the next lane is paid
    assert not np.allclose(stays[:, 1], swaps[:, 1])


def test_a_longer_session_is_paid_no_more():
    users = Population.preset("Unmask")

    def per_session(dealt):
        env = CarouselVecEnv.of(users, 4096, 11, infos="ends", dealt=dealt)
        env.reset()
        total, length, running = np.zeros(4096), np.zeros(4096), np.ones(4096, dtype=bool)
        rng = np.random.default_rng(0)
        for _ in range(users.session_length):
            _, reward, done, _ = env.step(rng.integers(0, users.n_actions, 4096))
            total += reward * running
            length += running
            running &= ~done
        long = length > np.median(length)
        return total[long].mean() - total[~long].mean(), total.std() / np.sqrt(len(total) / 4)

    # swaps at every turn cost more than they bring: a longer session earns less
    assert per_session(dealt=False)[0] < -2.0
    difference, error = per_session(dealt=True)
    assert abs(difference) < 4.0 * error + 0.1


def test_a_control_learns_otherwise_and_says_so_in_its_file(tmp_path):
    def trained(**settings):
        return train(BOREDOM, environment="Carousel/Boredom-v0", settings={**SMALL, **settings})

    own, control = trained(), trained(rewards="others")
    assert control.training["settings"]["rewards"] == "others"
    assert "rewards" not in own.training["settings"]
    weights = [file.network.layers[0][0] for file in (own, control)]
    assert not np.array_equal(*weights)
    control.save(tmp_path / "control.safetensors")
    assert PolicyFile.load(tmp_path / "control.safetensors").training == control.training


def test_settings_without_it_are_as_they_were():
    assert "rewards" not in settings_of("ppo", {}).model_dump(mode="json")
    assert "rewards" not in json.loads(settings_of("dqn", {}).model_dump_json())
    assert settings_of("ppo", {"rewards": "own"}) == settings_of("ppo", {})


def test_what_makes_no_sense_is_refused():
    with pytest.raises(CarouselError, match="rewards is 'others' and lanes is 1"):
        settings_of("ppo", {"rewards": "others", "lanes": 1})
    with pytest.raises(CarouselError, match="dealt is True for 1 lane"):
        CarouselVecEnv.of(BOREDOM, 1, dealt=True)
    with pytest.raises(CarouselError, match="rewards is 'nobody'"):
        settings_of("ppo", {"rewards": "nobody"})
    with pytest.raises(CarouselError, match="a control is trained on one population"):
        Run.of(
            BOREDOM,
            environment="Carousel/Boredom-v0",
            settings={"rewards": "others"},
            levels=Levels(("hazard=1",)),
        )
