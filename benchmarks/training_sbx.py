"""Frames per second of an algorithm that learns with JAX and of the same one with torch.

Both train on Boredom in turns, block by block, in one process on one thread, each with its preset.
SBX compiles anew in every run. Whole runs pay for that once, however long they are: so two lengths
are timed, and what the longer one takes beyond the shorter tells the rate without it.

    python benchmarks/training_sbx.py [--algo ALGO]... [--blocks N]

needs the extra `sbx` (`make test-sbx` installs it into .venv-sbx) and prints one JSON document.
"""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import torch

from carousel_agents.benchmark.timing import Spread, in_turns
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.train import train
from carousel_envs import Population
from common import LEARNING, arguments, print_document, row, several_of, turns

PAIRS = {"sbx-ppo": "ppo", "sbx-dqn": "dqn"}
SHORT, LONG = 102_400, 409_600


def seconds(algorithm: str, steps: int, seed: int) -> float:
    """Of training, compiling included; learning off policy starts at once, as in training.py."""
    file = train(
        Population.preset("Boredom"),
        environment="Carousel/Boredom-v0",
        algorithm=algorithm,
        steps=steps,
        settings={"learning_starts": 100} if algorithm.endswith("dqn") else {},
        seed=seed,
    )
    return float(file.training["seconds"])


def measure(algorithm: str, blocks: int) -> dict[str, Any]:
    """A row: medians over blocks, and how far the ratios spread."""
    pair = (algorithm, PAIRS[algorithm])
    starts: dict[str, list[float]] = {name: [] for name in pair}
    seeds = {name: count() for name in pair}

    def block(name: str) -> float:
        seed = next(seeds[name])
        short, long = (seconds(name, steps, seed) for steps in (SHORT, LONG))
        rate = (LONG - SHORT) / (long - short)
        starts[name].append(short - SHORT / rate)
        return rate

    contestants = {name: partial(block, name) for name in pair}
    rates = in_turns(contestants, blocks, turns(algorithm))
    ours, theirs = (rates[name] for name in pair)
    return row(
        f"{algorithm}: frames with JAX / torch",
        Spread.ratio(ours, theirs),
        algorithm=algorithm,
        frames_per_second=Spread.of(ours).median,
        peer_frames_per_second=Spread.of(theirs).median,
        start_seconds=Spread.of(starts[algorithm]).median,
        peer_start_seconds=Spread.of(starts[PAIRS[algorithm]]).median,
    )


def main(given: list[str] | None = None) -> None:
    """Time both and print it."""
    parser = arguments(__doc__)
    several_of(parser, "--algo", tuple(PAIRS))
    asked = parser.parse_args(given)
    torch.set_num_threads(1)
    print_document(
        "frames per second of PPO and DQN computed with JAX and with torch, same settings",
        [measure(algorithm, asked.blocks) for algorithm in asked.algo or PAIRS],
        (*LEARNING, *ALGORITHMS["sbx-ppo"].packages),
    )


if __name__ == "__main__":
    main()
