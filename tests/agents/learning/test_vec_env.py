"""Gymnasium's vector environments in Stable-Baselines3, compared with `DummyVecEnv`."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from stable_baselines3 import PPO
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from carousel_agents.learning import CarouselVecEnv, VectorToVecEnv
from carousel_envs import CarouselError, CarouselVectorEnv, Population
from support.same_steps import assert_same

LANES = 3
MODES = list(AutoresetMode)


class Odd(gym.Env[Any, Any]):
    """A dict to see, several actions at once, infos of many kinds, and ends of both sorts."""

    observation_space = spaces.Dict(
        {"place": spaces.Box(-9.0, 9.0, (2, 2), np.float32), "side": spaces.Discrete(7)}
    )
    action_space = spaces.MultiDiscrete([3, 4])
    metadata = {"render_modes": []}  # noqa: RUF012
    start = 0

    def _told(self) -> tuple[dict[str, Any], dict[str, Any]]:
        place = np.full((2, 2), self.turn, np.float32)
        info: dict[str, Any] = {"turn": self.turn, "name": f"turn {self.turn}", "place": place}
        info["deep"] = {"half": self.turn / 2, "even": self.turn % 2 == 0}
        if self.turn % 3 == 0:
            info["third"] = np.arange(3)
        return {"place": place, "side": int(self.np_random.integers(7))}, info

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.turn = self.start + (options or {}).get("turn", 0)
        return self._told()

    def step(self, action: Any) -> Any:
        self.turn += 1
        over = self.np_random.random() < 0.3
        return (*self._told()[:1], float(action @ [1, 2]), over, self.turn >= 4, self._told()[1])

    def steps_left(self, most: int) -> int:
        return most - self.turn


def cart_pole() -> Any:
    return gym.make("CartPole-v1", max_episode_steps=14)


def stream(vec: VecEnv, turns: int) -> list[Any]:
    rng = np.random.default_rng(3)
    vec.seed(8)
    told: list[Any] = [vec.reset(), [dict(info) for info in vec.reset_infos]]
    for turn in range(turns):
        actions = [
            rng.integers(0, getattr(vec.action_space, "nvec", 2)) for _ in range(vec.num_envs)
        ]
        told.append(vec.step(np.array(actions)))
        told.append([dict(info) for info in vec.reset_infos])
        if turn == turns // 2:
            told.append(vec.reset())
    return told


def ends(told: list[Any]) -> set[bool]:
    infos = (info for entry in told if isinstance(entry, tuple) for info in entry[3])
    return {info["TimeLimit.truncated"] for info in infos if "terminal_observation" in info}


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
@pytest.mark.parametrize("make", [cart_pole, Odd])
def test_a_vector_environment_shows_what_dummyvecenv_shows(make: Any, mode: AutoresetMode):
    ours = VectorToVecEnv(SyncVectorEnv([make] * LANES, autoreset_mode=mode))
    theirs = DummyVecEnv([lambda: Monitor(make())] * LANES)
    told = stream(ours, 60)
    assert_same(told, stream(theirs, 60))
    assert ends(told) == {True, False}
    # a bounded number of unfinished lanes: nothing waits for a reset row
    assert_same(stream(ours, 5), stream(theirs, 5))


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_lanes_in_other_processes_show_the_same(mode: AutoresetMode):
    ours = VectorToVecEnv(AsyncVectorEnv([Odd] * 2, autoreset_mode=mode))
    theirs = DummyVecEnv([lambda: Monitor(Odd())] * 2)
    try:
        assert_same(stream(ours, 20), stream(theirs, 20))
        assert ours.env_method("steps_left", 9) == theirs.env_method("steps_left", 9)
        ours.set_attr("start", 2)
        assert ours.get_attr("start", 1) == [2]
        with pytest.raises(CarouselError, match="it would change all 2"):
            ours.set_attr("start", 2, indices=[0])
        assert ours.env_is_wrapped(Monitor) == [True, True]
        assert ours.env_is_wrapped(gym.wrappers.TimeLimit) == [False, False]
    finally:
        ours.close()


def test_options_and_attributes_of_lanes():
    ours = VectorToVecEnv(SyncVectorEnv([Odd] * LANES))
    theirs = DummyVecEnv([Odd] * LANES)
    for vec in (ours, theirs):
        vec.set_options({"turn": 1})
        vec.set_attr("start", 1, indices=[1])
        vec.reset()
        assert [info["turn"] for info in vec.reset_infos] == [1, 2, 1]
        assert vec.env_method("steps_left", 9, indices=[1, 2]) == [7, 8]
        assert vec.get_attr("start") == [0, 1, 0]
        vec.reset()
        assert [info["turn"] for info in vec.reset_infos] == [0, 1, 0]
    ours.set_options([{"turn": 1}, {}, {}])
    with pytest.raises(CarouselError, match="options differ between lanes, but a SyncVectorEnv"):
        ours.reset()
    ours.set_options([{"turn": 1}] * LANES)
    ours.reset()
    assert [info["turn"] for info in ours.reset_infos] == [1, 2, 1]


@pytest.mark.parametrize("mode", ["SameStep", "Disabled"])
def test_a_native_environment_shows_what_the_fast_adapter_shows(mode: str):
    short = Population.preset("Boredom").replace(session_length=6, leave_bored=0.2)
    native = CarouselVectorEnv(LANES, population=short, autoreset_mode=mode, copy=False)
    fast = CarouselVecEnv.of(short, LANES)
    assert_same(stream(VectorToVecEnv(native), 40), stream(fast, 40))


def test_episodes_that_gymnasium_reports_are_kept():
    # in the other modes its wrapper loses the mask of a reset, which SyncVectorEnv takes out of the
    # options, and counts every lane anew
    lanes = RecordEpisodeStatistics(SyncVectorEnv([cart_pole] * LANES, autoreset_mode="SameStep"))
    told = [stream(VectorToVecEnv(lanes, monitor=monitor), 40) for monitor in (False, True)]
    compared = 0
    for one, other in zip(*told, strict=True):
        if not isinstance(one, tuple):
            continue
        for theirs, ours in zip(one[3], other[3], strict=True):
            assert ("episode" in theirs) == ("episode" in ours)
            if "episode" in ours:
                assert theirs["episode"]["l"] == ours["episode"]["l"]
                assert theirs["episode"]["r"] == ours["episode"]["r"]
                compared += 1
    assert compared > 5


def padded(limit: int, turns: int) -> tuple[list[Any], list[Any]]:
    """Streams of Gymnasium's own native CartPole, as it is and as a `VecEnv`."""
    raw, vec = (gym.make_vec("CartPole-v1", 4, max_episode_steps=limit) for _ in range(2))
    assert raw.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    ours = VectorToVecEnv(vec, 5, reset_rows="pad")
    rng, told = np.random.default_rng(0), ([raw.reset(seed=5)[0]], [ours.reset()])
    for _ in range(turns):
        actions = rng.integers(0, 2, 4)
        told[0].append(raw.step(actions))
        told[1].append(ours.step(actions))
    return told


def test_a_native_environment_in_next_step_mode_ends_its_episodes_one_turn_later():
    raw, ours = padded(14, 120)
    np.testing.assert_array_equal(raw[0], ours[0])
    over, was_truncated = np.zeros(4, bool), np.zeros(4, bool)
    last, returns, lengths = raw[0], np.zeros(4), np.zeros(4, int)
    kinds = set()
    for row, (observation, reward, done, infos) in zip(raw[1:], ours[1:], strict=True):
        np.testing.assert_array_equal(observation, row[0])
        np.testing.assert_array_equal(reward, row[1])
        np.testing.assert_array_equal(done, over)
        returns += row[1]
        lengths += ~over
        for i in np.flatnonzero(over):
            np.testing.assert_array_equal(infos[i]["terminal_observation"], last[i])
            assert infos[i]["TimeLimit.truncated"] == was_truncated[i]
            assert reward[i] == 0.0
            told = infos[i]["episode"]
            assert (told["r"], told["l"]) == (returns[i], lengths[i])
            kinds.add(bool(was_truncated[i]))
        returns[over], lengths[over] = 0.0, 0
        last, over = row[0], row[2] | row[3]
        was_truncated = row[3] & ~row[2]
    assert kinds == {True, False}


def test_an_algorithm_learns_on_a_native_environment():
    vec = VectorToVecEnv(gym.make_vec("CartPole-v1", 8), 0, reset_rows="pad", infos="ends")
    model = PPO("MlpPolicy", vec, n_steps=16, batch_size=64, n_epochs=1, device="cpu")
    model.learn(512)
    assert len(model.ep_info_buffer) > 5


def test_what_cannot_be_shown_is_refused():
    with pytest.raises(CarouselError, match=r"the step after an end takes no action.*reset_rows"):
        VectorToVecEnv(gym.make_vec("CartPole-v1", 2))
    with pytest.raises(CarouselError, match="need no more turn"):
        VectorToVecEnv(SyncVectorEnv([cart_pole]), reset_rows="pad")
    with pytest.raises(CarouselError, match=r"must be a gymnasium\.vector\.VectorEnv"):
        VectorToVecEnv(cart_pole())
    silent = CarouselVectorEnv(2)
    silent.metadata = {}
    with pytest.raises(CarouselError, match="autoreset_mode None; it must be one of NextStep"):
        VectorToVecEnv(silent)
    with pytest.raises(CarouselError, match="monitor is 'no'"):
        VectorToVecEnv(SyncVectorEnv([cart_pole]), monitor="no")
