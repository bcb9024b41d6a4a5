"""Decisions per second: routers from policy files, and Stable-Baselines3's `predict`.

Both act on the same observations, in turns in one process on one thread.

    python benchmarks/inference.py [--algo ALGO]... [--lanes N]... [--blocks N]

prints one JSON document: a row per kind of network and batch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from carousel_agents.benchmark.timing import Spread, in_turns, rate
from carousel_agents.learning import LearnedRouter
from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.extract import Provenance, policy_file_of
from carousel_agents.learning.view import View
from carousel_envs import Population
from common import LEARNING, arguments, print_document, row, several_of, turns

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 0.3
BATCHES = (1, 256, 4096)
POPULATION = Population.preset("Boredom")
NETWORKS = {
    "ppo": ("MlpPolicy", {"net_arch": [32, 32]}),
    "recurrent-ppo": ("MlpLstmPolicy", {"net_arch": [], "lstm_hidden_size": 32}),
}


def acting(act: Callable[[Any], Any], lanes: int) -> Callable[[], float]:
    """A block of decisions, and how many a second; `act` takes a state and returns the next."""

    def block() -> float:
        state = act(None)

        def once() -> int:
            nonlocal state
            state = act(state)
            return lanes

        return rate(once, SECONDS)

    return block


def measure(algorithm: str, lanes: int, blocks: int) -> dict[str, Any]:
    """Both, block by block."""
    policy, options = NETWORKS[algorithm]
    env = CarouselVecEnv.of(POPULATION, lanes)
    make: Any = ALGORITHMS[algorithm].implementation.model
    model = make(policy, env, policy_kwargs=options, device="cpu")
    provenance = Provenance(POPULATION, "Carousel/Boredom-v0", algorithm, View(), {}, {})
    file = policy_file_of(model, provenance)
    router = LearnedRouter(file, algorithm)
    env.reset()
    # a second turn: memory is in use, and every column has moved
    observation: Any = env.step(np.zeros(lanes, dtype=np.int64))[0]
    observation = observation.copy()
    goes_on = np.zeros(lanes, dtype=np.bool_)

    def ours(state: Any) -> Any:
        return router.act(observation, state)[1]

    def theirs(state: Any) -> Any:
        return model.predict(observation, state, goes_on, deterministic=True)[1]

    contestants = {"ours": acting(ours, lanes), "theirs": acting(theirs, lanes)}
    rates = in_turns(contestants, blocks, turns(f"{algorithm}, {lanes} lanes"))
    return row(
        f"{algorithm}, {lanes} lanes: decisions from a file / predict",
        Spread.ratio(rates["ours"], rates["theirs"]),
        decisions_per_second=Spread.of(rates["ours"]).median,
        peer_decisions_per_second=Spread.of(rates["theirs"]).median,
    )


def main(given: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = arguments(__doc__)
    several_of(parser, "--algo", tuple(NETWORKS))
    several_of(parser, "--lanes", BATCHES)
    asked = parser.parse_args(given)
    torch.set_num_threads(1)
    rows = [
        measure(name, lanes, asked.blocks)
        for name in asked.algo or NETWORKS
        for lanes in asked.lanes or BATCHES
    ]
    claim = "decisions per second of policy files, and of Stable-Baselines3's predict"
    print_document(claim, rows, LEARNING)


if __name__ == "__main__":
    main()
