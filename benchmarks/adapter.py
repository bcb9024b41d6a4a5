"""What the ways into Stable-Baselines3, and the forms of infos, cost beside one another.

PPO with the library's own settings on 256 lanes (rollouts of 40 turns, batches of 1 024), one torch
thread: on scalar environments in the library's `make_vec_env`, and on `CarouselVecEnv` with either
form of infos; steps of both alone; and a scalar environment's steps with infos of arrays.

    python benchmarks/adapter.py [--blocks N]

prints one JSON document: a row per comparison.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from carousel_agents.benchmark.timing import Spread, in_turns, rate
from carousel_agents.learning import CarouselVecEnv
from carousel_envs import Population
from common import LEARNING, arguments, print_document, row, turns
from scalar import stepping

if TYPE_CHECKING:
    from collections.abc import Callable

    from stable_baselines3.common.vec_env import VecEnv

ENV_ID = "Carousel/Boredom-v0"
LANES, TURNS, STEPS, SECONDS = 256, 40, 20_480, 0.1


def lanes(infos: str) -> VecEnv:
    """Native lanes with either form of infos."""
    return CarouselVecEnv.of(Population.preset("Boredom"), LANES, infos=infos)


def training(make: Callable[[], VecEnv]) -> Callable[[], float]:
    """A block of training, the environment's making not counted, and its frames per second."""

    def play() -> float:
        env = make()
        model = PPO("MlpPolicy", env, n_steps=TURNS, batch_size=1024, seed=0, device="cpu")
        started = time.perf_counter()
        model.learn(STEPS)
        seconds = time.perf_counter() - started
        env.close()
        return STEPS / seconds

    return play


def vector_stepping(env: VecEnv) -> Callable[[], float]:
    """A block of steps with random actions drawn beforehand, and its steps per second."""
    personas = Population.preset("Boredom").n_actions
    actions = np.random.default_rng(0).integers(personas, size=(100, LANES))
    env.reset()

    def play() -> int:
        for picks in actions:
            env.step(picks)
        return len(actions) * LANES

    play()
    return lambda: rate(play, SECONDS)


def main(given: list[str] | None = None) -> None:
    """Time all of it and print it."""
    asked = arguments(__doc__, blocks=7).parse_args(given)
    torch.set_num_threads(1)
    trained = in_turns(
        {
            "scalar": training(lambda: make_vec_env(ENV_ID, LANES, seed=0)),
            "all": training(lambda: lanes("all")),
            "ends": training(lambda: lanes("ends")),
        },
        asked.blocks,
        turns("PPO"),
    )
    stepped = in_turns(
        {infos: vector_stepping(lanes(infos)) for infos in ("all", "ends")},
        asked.blocks,
        turns("steps of lanes"),
    )
    plain = {
        str(arrays): stepping(gym.make(ENV_ID, info_arrays=arrays)) for arrays in (False, True)
    }
    single = in_turns(plain, asked.blocks, turns("scalar steps"))

    def compared(what: str, rates: dict[str, Any], one: str, other: str) -> dict[str, Any]:
        return row(what, Spread.ratio(rates[one], rates[other]))

    print_document(
        "Stable-Baselines3 on scalar environments and on lanes, and what infos cost",
        [
            compared("PPO: native lanes / make_vec_env", trained, "all", "scalar"),
            compared("PPO: infos of ends / of all", trained, "ends", "all"),
            compared("steps of 256 lanes: infos of ends / of all", stepped, "ends", "all"),
            compared("scalar steps: infos of arrays / of scalars", single, "True", "False"),
        ],
        LEARNING,
    )


if __name__ == "__main__":
    main()
