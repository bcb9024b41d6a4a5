"""`CarouselVecEnv` and Stable-Baselines3's own `DummyVecEnv` of the scalar environments: the same
answers to the same calls."""

from typing import Any

import numpy as np
import pytest
from gymnasium.wrappers import FlattenObservation
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecFrameStack, VecVideoRecorder

from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_envs import Population, Questions
from carousel_envs.registry import scalar_env
from support.same_steps import assert_same

LANES, SEED = 3, 11
SHORT = {"session_length": 7}
POPULATIONS = [
    Population.preset("Boredom").replace(**SHORT, leave_bored=0.2, unavailability=0.3),
    Population.preset("Welfare").replace(**SHORT),
    Population.preset("Unmask").replace(**SHORT),
    Questions.preset("Recall"),
]


def both(population: Any, render_mode: str | None = None) -> tuple[CarouselVecEnv, DummyVecEnv]:
    ours = CarouselVecEnv.of(population, LANES, SEED, render_mode=render_mode)
    theirs = DummyVecEnv([lambda: Monitor(scalar_env(population, render_mode=render_mode))] * LANES)
    theirs.seed(SEED)
    return ours, theirs


def played(vec: VecEnv, turns: int, seed: int = 0) -> list[Any]:
    """What a reset and steps return, and what lanes say between them."""
    rng = np.random.default_rng(seed)
    told: list[Any] = [vec.reset(), [dict(info) for info in vec.reset_infos]]
    for _ in range(turns):
        told.append(vec.step(rng.integers(0, vec.action_space.n, LANES)))
        told.append([dict(info) for info in vec.reset_infos])
        told.append(vec.env_method("action_masks"))
        told.append(vec.env_method("hidden", indices=[2, 0]))
    return told


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda p: type(p).__name__)
def test_sessions_infos_and_methods_are_those_of_scalar_environments(population: Any):
    ours, theirs = both(population)
    assert_same(played(ours, 40), played(theirs, 40))
    # seeds and options of the next reset, and of that alone
    users = isinstance(population, Population)
    for vec in (ours, theirs):
        assert vec.seed(3) == [3, 4, 5]
        if users:
            vec.set_options([{"user": 2}, {}, {"user": 1}])
    assert_same(played(ours, 9), played(theirs, 9))
    for vec in (ours, theirs):
        vec.set_options({"user": 2 if users else 0})
    assert_same(played(ours, 9), played(theirs, 9))
    set_random_seed(0)
    drawn = ours.seed()
    set_random_seed(0)
    assert drawn == theirs.seed()
    assert_same(played(ours, 9), played(theirs, 9))


def test_attributes_are_those_of_scalar_environments():
    ours, theirs = both(POPULATIONS[0])
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    for name in ("population", "render_mode", "action_masks", "observation_space", "action_space"):
        assert_same(ours.get_attr(name), theirs.get_attr(name))
        assert_same(ours.get_attr(name, 1), theirs.get_attr(name, 1))
        assert ours.has_attr(name)
        assert theirs.has_attr(name)
    for vec in (ours, theirs):
        assert not vec.has_attr("nothing")
        vec.set_attr("phase", 1)
        vec.set_attr("phase", 2, indices=[2])
        assert vec.get_attr("phase") == [1, 1, 2]
        assert vec.env_is_wrapped(Monitor, indices=[0]) == [True]
        assert vec.env_is_wrapped(FlattenObservation) == [False] * LANES


def test_pictures_are_those_of_scalar_environments(monkeypatch: pytest.MonkeyPatch, tmp_path: Any):
    ours, theirs = both(POPULATIONS[0], "rgb_array")
    assert ours.render_mode == theirs.render_mode == "rgb_array"
    assert ours.metadata["render_fps"] == theirs.metadata["render_fps"]
    # the recorder asks whether this is there, and needs it to write a file alone
    monkeypatch.setitem(__import__("sys").modules, "moviepy", object())
    films = []
    for vec in (ours, theirs):
        film = VecVideoRecorder(vec, str(tmp_path), lambda step: step == 0, video_length=50)
        film.reset()
        for turn in range(3):
            film.step(np.full(LANES, turn))
        films.append(list(film.recorded_frames))
        film.recorded_frames = []
        assert len(vec.get_images()) == LANES
    assert len(films[0]) == 4
    assert_same(films[0], films[1])


def test_lines_are_those_of_scalar_environments_and_none_are_drawn_unasked():
    ours, theirs = both(POPULATIONS[0], "ansi")
    for vec in (ours, theirs):
        vec.reset()
        vec.step(np.zeros(LANES, int))
    assert ours.env_method("render") == theirs.env_method("render")
    for vec in both(POPULATIONS[0]):
        vec.reset()
        with pytest.warns(UserWarning, match="render_mode|render mode"):
            assert vec.get_images() == [None] * LANES


def test_frame_stacks_on_top_are_the_same():
    ours, theirs = (VecFrameStack(vec, 3) for vec in both(POPULATIONS[0]))
    told = []
    for vec in (ours, theirs):
        rng = np.random.default_rng(1)
        rows = [vec.reset().copy()]
        for _ in range(25):
            observation, reward, done, infos = vec.step(rng.integers(0, 4, LANES))
            rows.append((observation.copy(), reward, done, infos))
        told.append(rows)
    assert_same(told[0], told[1])
