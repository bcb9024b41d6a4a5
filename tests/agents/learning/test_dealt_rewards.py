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


def test_every_lane_is_paid_what_the_lane_before_it_earns():
    own, returns = played()
    dealt, same = played(dealt=True)
    np.testing.assert_array_equal(dealt, np.roll(own, 1, axis=1))
    assert returns == same


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
    with pytest.raises(CarouselError, match="rewards is 'nobody'"):
        settings_of("ppo", {"rewards": "nobody"})
    with pytest.raises(CarouselError, match="a control is trained on one population"):
        Run.of(
            BOREDOM,
            environment="Carousel/Boredom-v0",
            settings={"rewards": "others"},
            levels=Levels(("hazard=1",)),
        )
