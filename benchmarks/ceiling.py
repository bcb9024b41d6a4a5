"""Frames per second of training on Boredom, against training where the environment costs nothing.

The free environment plays back a recording: its `step` returns arrays and infos that were made
beforehand, of the same shapes, in which the router `loop` plays: sessions last about as long as
those of a trained router. It learns with the same settings, from the same library. Ours is `train`
as it is, checks included. In turns, on one torch thread.

    python benchmarks/ceiling.py [--algo ALGO]... [--blocks N]

prints one JSON document: a row per algorithm.
"""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Any

import torch
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv

from carousel_agents.benchmark.timing import Spread, in_turns
from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.settings import settings_of
from carousel_agents.learning.train import train
from carousel_agents.learning.view import Scaling, View
from carousel_agents.scripted import make
from carousel_envs import Population
from common import LEARNING, arguments, print_document, row, several_of, turns

if TYPE_CHECKING:
    from carousel_agents.learning.algorithms import Settings

BOREDOM = Population.preset("Boredom")
STEPS = {"ppo": 200_000, "recurrent-ppo": 100_000}
WANTED = {"ppo": 0.9}
RECORDED = 400


class FreeVecEnv(VecEnv):
    """A recording of an environment, played round and round: as cheap as the interface allows."""

    def __init__(self, env: VecEnv) -> None:
        super().__init__(env.num_envs, env.observation_space, env.action_space)
        observation: Any = env.reset()
        self._first = observation
        router = make("loop", BOREDOM)
        state = router.initial_state(env.num_envs, 0)
        self._turns: list[Any] = []
        for _ in range(RECORDED):
            picks, state = router.act(observation, state)
            observation, reward, done, infos = env.step(picks)
            self._turns.append((observation, reward, done, infos))
        self._turn = -1

    def reset(self) -> Any:
        # sessions end where rollouts do, as in the recording: else recurrent networks would be
        # trained on twice as many sequences
        self._turn = -1
        return self._first

    def step_async(self, actions: Any) -> None:
        self._turn = (self._turn + 1) % RECORDED

    def step_wait(self) -> Any:
        return self._turns[self._turn]

    def close(self) -> None:
        pass

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [None for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError(attr_name)

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
        raise NotImplementedError(method_name)

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        return [False for _ in self._get_indices(indices)]


def ours(algorithm: str, steps: int, seed: int) -> float:
    """Frames per second of training on Boredom."""
    training = train(
        BOREDOM, environment="Carousel/Boredom-v0", algorithm=algorithm, steps=steps, seed=seed
    ).training
    return float(training["steps"] / training["seconds"])


def free(algorithm: str, settings: Settings) -> float:
    """Frames per second of the same settings where the environment costs nothing."""
    torch.set_num_threads(settings.torch_threads)
    recorded = CarouselVecEnv.of(
        BOREDOM, settings.lanes, time_limit=settings.time_limit, infos="ends"
    )
    env = FreeVecEnv(recorded)
    model: Any = ALGORITHMS[algorithm].implementation.build(
        settings, env, Scaling.of(BOREDOM, View())
    )
    model.set_logger(Logger(None, []))
    started = time.perf_counter()
    model.learn(settings.steps)
    return float(model.num_timesteps / (time.perf_counter() - started))


def measure(algorithm: str, blocks: int, steps: int) -> dict[str, Any]:
    """A row: ours against the ceiling."""
    settings, seeds = settings_of(algorithm, {"steps": steps}), count()
    # what is compiled or loaded once is no part of any block
    ours(algorithm, 1, 0)
    contestants = {
        "ours": lambda: ours(algorithm, steps, next(seeds)),
        "free": lambda: free(algorithm, settings),
    }
    rates = in_turns(contestants, blocks, turns(algorithm))
    return row(
        f"{algorithm}: frames on Boredom / on an environment that costs nothing",
        Spread.ratio(rates["ours"], rates["free"]),
        at_least=WANTED.get(algorithm),
        algorithm=algorithm,
        frames_per_second=Spread.of(rates["ours"]).median,
        ceiling_frames_per_second=Spread.of(rates["free"]).median,
    )


def main(given: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = arguments(__doc__, blocks=9)
    several_of(parser, "--algo", tuple(STEPS))
    asked = parser.parse_args(given)
    rows = [measure(name, asked.blocks, STEPS[name]) for name in asked.algo or STEPS]
    print_document("training against its ceiling", rows, LEARNING)


if __name__ == "__main__":
    main()
