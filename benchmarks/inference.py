"""Decisions per second: routers from policy files, and Stable-Baselines3's `predict`.

Both act on the same observations, in turns in one process on one thread.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from carousel_agents.learning import LearnedRouter
from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.extract import SOURCES, policy_file_of
from carousel_agents.learning.view import View
from carousel_envs import Population

BLOCKS, DECISIONS = 5, 50_000
POPULATION = Population.preset("Boredom")
NETWORKS = {
    "ppo": ("MlpPolicy", {"net_arch": [32, 32]}),
    "recurrent-ppo": ("MlpLstmPolicy", {"net_arch": [], "lstm_hidden_size": 32}),
}


def rate(act: Callable[[Any], Any], lanes: int) -> float:
    """Decisions per second; `act` takes a state and returns the next."""
    state = act(None)
    calls = min(DECISIONS // lanes, 2_000)
    started = time.perf_counter()
    for _ in range(calls):
        state = act(state)
    return calls * lanes / (time.perf_counter() - started)


def measure(algorithm: str, lanes: int) -> dict[str, Any]:
    """Both, block by block."""
    policy, options = NETWORKS[algorithm]
    env = CarouselVecEnv.of(POPULATION, lanes)
    model = SOURCES[algorithm].model(policy, env, policy_kwargs=options, device="cpu")
    file = policy_file_of(
        model,
        population=POPULATION,
        environment="Carousel/Boredom-v0",
        algorithm=algorithm,
        view=View(),
        training={},
        versions={},
    )
    router = LearnedRouter(file, algorithm)
    env.reset()
    # a second turn: memory is in use, and every column has moved
    observation = env.step(np.zeros(lanes, dtype=np.int64))[0].copy()
    goes_on = np.zeros(lanes, dtype=np.bool_)

    def ours(state: Any) -> Any:
        return router.act(observation, state)[1]

    def theirs(state: Any) -> Any:
        return model.predict(observation, state, goes_on, deterministic=True)[1]

    rates = [(rate(ours, lanes), rate(theirs, lanes)) for _ in range(BLOCKS)]
    own, other = (statistics.median(r) for r in zip(*rates, strict=True))
    return {
        "network": algorithm,
        "lanes": lanes,
        "decisions_per_second": round(own),
        "stable_baselines3": round(other),
        "ratio": round(own / other, 2),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    rows = []
    for name in NETWORKS:
        for n in (1, 256, 4096):
            print(f"{name}, {n} lanes", file=sys.stderr)
            rows.append(measure(name, n))
    print(json.dumps(rows, indent=2))
