"""Lane i seeded s is bit for bit the scalar environment seeded s + i, in every mode and size."""

from __future__ import annotations

import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from carousel_envs import CarouselEnv, CarouselVectorEnv, Population
from carousel_envs.compiled.blocks import BLOCK
from carousel_envs.registry import any_population, vector_env
from support.env_helpers import (
    MORE_TURN_KEYS,
    NOBODY_LEAVES,
    STATE_KEYS,
    TURN_KEYS,
    busy,
    digest_of_play,
    sticky_actions,
)
from support.matrix import most_later
from support.presets import presets

POPULATIONS = {
    **{name: Population.preset(name) for name in presets()},
    "everything": busy(),
    "everything and no persona": busy(
        unmask=True, welfare=(0.3, 0.1, -0.2, 0.0), hook=(0.1, 0.9, 0.5, 0.0)
    ),
    "unmask alone": busy(
        unmask=True,
        farewell_fresh=0.0,
        farewell_bored=0.0,
        farewell_harm=0.0,
        welfare=0.0,
        vulnerable_welfare=0.0,
        shows=(),
    ),
    "no cues": busy(cues=(), session_length=5),
    "one turn": busy(session_length=1),
}


class Twin:
    """A scalar environment that keeps what it last returned."""

    def __init__(self, population: Population, seed: int, reward: str) -> None:
        self.env = CarouselEnv(population=population, reward=reward)
        self.episodes = 0
        self.begin(seed)

    def begin(self, seed: int | None = None) -> None:
        self.episodes += 1
        self.obs, self.info = self.env.reset(seed=seed)
        self.reward, self.terminated, self.truncated = 0.0, False, False

    def play(self, action: int) -> None:
        step = self.env.step(int(action))
        self.obs, self.reward, self.terminated, self.truncated, self.info = step

    @property
    def over(self) -> bool:
        return self.terminated or self.truncated


def assert_info_row(info: dict, lane: int, expected: dict) -> None:
    assert set(expected) <= {*TURN_KEYS, *MORE_TURN_KEYS, *STATE_KEYS}
    for key in TURN_KEYS + MORE_TURN_KEYS + STATE_KEYS:
        if f"_{key}" not in info:
            assert key not in expected
            continue
        assert info[f"_{key}"][lane] == (key in expected)
        if key in expected:
            np.testing.assert_array_equal(info[key][lane], expected[key])


def assert_row(step: tuple, lane: int, twin: Twin) -> None:
    obs, reward, terminated, truncated, info = step
    assert obs[lane].tobytes() == twin.obs.tobytes()
    assert (reward[lane], terminated[lane], truncated[lane]) == (
        twin.reward,
        twin.terminated,
        twin.truncated,
    )
    assert_info_row(info, lane, twin.info)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("first", [0, BLOCK - 25, BLOCK - 1, BLOCK])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
@pytest.mark.parametrize("name", ["Welfare", "Satiation", "Unmask", "Recall"])
def test_lanes_are_the_same_wherever_the_borders_of_blocks_fall(name, mode, first):
    whole, part = (
        vector_env(any_population(name), lanes, autoreset_mode=mode) for lanes in (BLOCK + 100, 50)
    )
    whole.reset(seed=7)
    part.reset(seed=7 + first)
    here, draw = slice(first, first + 50), np.random.default_rng(0)
    n_last = 0
    for _ in range(60):
        actions = draw.integers(whole.single_action_space.n, size=BLOCK + 100)
        *all_of_it, info = whole.step(actions)
        *its_part, part_info = part.step(actions[here])
        for one, other in zip(all_of_it, its_part, strict=True):
            np.testing.assert_array_equal(one[here], other)
        if "_final_obs" in part_info:
            ended = part_info.pop("_final_obs")
            n_last += ended.sum()
            last, of_part = info["final_info"], part_info.pop("final_info")
            seen, of_it = info["final_obs"][here], part_info.pop("final_obs")
            np.testing.assert_array_equal(seen[ended], of_it[ended])
            for key in of_part:
                np.testing.assert_array_equal(last[key][here][ended], of_part[key][ended])
            part_info.pop("_final_info")
        for key in part_info:
            np.testing.assert_array_equal(info[key][here], part_info[key], err_msg=key)
    assert n_last or mode == "NextStep"


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("name", "mode", "lanes"),
    most_later(
        itertools.product(POPULATIONS, AutoresetMode, (1, 3, 17)),
        lambda name, _, lanes: lanes < 17 or name == "everything",
    ),
)
def test_every_lane_is_a_scalar_environment(name, mode, lanes):
    population, seed = POPULATIONS[name], 1000 + lanes
    reward = "mean" if lanes == 3 else "sampled"
    env = CarouselVectorEnv(lanes, population=population, autoreset_mode=mode, reward=reward)
    twins = [Twin(population, seed + i, reward) for i in range(lanes)]
    obs, info = env.reset(seed=seed)
    for i, twin in enumerate(twins):
        assert obs[i].tobytes() == twin.obs.tobytes()
        assert_info_row(info, i, twin.info)
    turns = 3 * population.session_length + 3
    for actions in sticky_actions(lanes, turns, lanes, population.n_actions):
        step = env.step(actions)
        for i, twin in enumerate(twins):
            if mode == AutoresetMode.NEXT_STEP and twin.over:
                twin.begin()
                assert_row(step, i, twin)
                continue
            twin.play(actions[i])
            if mode == AutoresetMode.SAME_STEP and twin.over:
                assert_same_step_end(step, i, twin)
            else:
                assert_row(step, i, twin)
                assert "final_obs" not in step[4] or not step[4]["_final_obs"][i]
        if mode == AutoresetMode.DISABLED:
            reset_where_over(env, twins)
    assert all(twin.episodes >= 3 for twin in twins), "the test must see several episodes"


def assert_same_step_end(step: tuple, lane: int, twin: Twin) -> None:
    """The step that ends a session returns the next one's start, and its own end as final."""
    obs, reward, terminated, truncated, info = step
    assert info["_final_obs"][lane]
    assert info["_final_info"][lane]
    assert info["final_obs"][lane].tobytes() == twin.obs.tobytes()
    assert_info_row(info["final_info"], lane, twin.info)
    ended = (twin.reward, twin.terminated, twin.truncated)
    assert (reward[lane], terminated[lane], truncated[lane]) == ended
    twin.begin()
    assert obs[lane].tobytes() == twin.obs.tobytes()
    assert_info_row(info, lane, twin.info)


def reset_where_over(env: CarouselVectorEnv, twins: list[Twin]) -> None:
    over = np.array([twin.over for twin in twins])
    if not over.any():
        return
    obs, info = env.reset(options={"reset_mask": over})
    for i, twin in enumerate(twins):
        if twin.over:
            twin.begin()
            assert_info_row(info, i, twin.info)
        else:
            assert not info["_action_mask"][i]
            assert not info["_user"][i]
        assert obs[i].tobytes() == twin.obs.tobytes(), "the other lanes keep what they showed"


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_the_first_lanes_of_a_larger_batch_are_the_smaller_batch(mode):
    if mode == AutoresetMode.DISABLED:
        population = busy(**NOBODY_LEAVES, session_length=60)
    else:
        population = busy()
    small, large = (
        CarouselVectorEnv(n, population=population, autoreset_mode=mode) for n in (5, 300)
    )
    small.reset(seed=4)
    large.reset(seed=4)
    for actions in sticky_actions(0, 60, 300, 4):
        one, other = small.step(actions[:5]), large.step(actions)
        for a, b in zip(one[:4], other[:4], strict=True):
            np.testing.assert_array_equal(a, b[:5])


PROGRAM = """
import sys
sys.path.insert(0, sys.argv[1])
from support.env_helpers import busy, digest_of_play
from carousel_envs import Population
from support.presets import presets
for population in [*(Population.preset(name) for name in presets()), busy()]:
    print(digest_of_play(population))
"""


def test_another_process_plays_the_same_episodes():
    here = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": "12345", "NUMBA_NUM_THREADS": "1"}
    output = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(here)],
        env=environment,
        cwd=here.anchor,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    ).stdout.split()
    populations = [*(Population.preset(name) for name in presets()), busy()]
    assert output == [digest_of_play(population) for population in populations]
    assert len(set(output)) == len(populations)


def test_a_digest_notices_a_single_different_draw():
    assert digest_of_play(busy(), seed=0) != digest_of_play(busy(), seed=1)
    assert digest_of_play(busy(), lanes=5) != digest_of_play(busy(), lanes=6)
    assert len(digest_of_play(busy())) == hashlib.sha256().digest_size * 2
