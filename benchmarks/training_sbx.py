"""Frames per second of an algorithm that learns with JAX and of the same one with torch.

Both train on Boredom in turns, block by block, in one process on one thread, each with its preset.
SBX compiles anew in every run. Whole runs pay for that once, however long they are: so two lengths
are timed, and what the longer one takes beyond the shorter tells the rate without it.

    python benchmarks/training_sbx.py [--blocks N]

needs the extra `sbx` (`make test-sbx` installs it into .venv-sbx) and prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys

import torch

from carousel_agents.learning.train import train, versions
from carousel_envs import Population

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


def measure(algorithm: str, blocks: int) -> dict[str, object]:
    """A row: medians over blocks, and how far the ratios spread."""
    rates: dict[str, list[float]] = {algorithm: [], PAIRS[algorithm]: []}
    starts: dict[str, list[float]] = {algorithm: [], PAIRS[algorithm]: []}
    for block in range(blocks):
        print(f"{algorithm}, block {block + 1} of {blocks}", file=sys.stderr)
        for name in rates:
            short, long = (seconds(name, steps, block) for steps in (SHORT, LONG))
            rate = (LONG - SHORT) / (long - short)
            rates[name].append(rate)
            starts[name].append(short - SHORT / rate)
    ours, theirs = rates[algorithm], rates[PAIRS[algorithm]]
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {
        "algorithm": algorithm,
        "peer": PAIRS[algorithm],
        "blocks": blocks,
        "frames_per_second": statistics.median(ours),
        "peer_frames_per_second": statistics.median(theirs),
        "start_seconds": statistics.median(starts[algorithm]),
        "peer_start_seconds": statistics.median(starts[PAIRS[algorithm]]),
        "ratio": statistics.median(ratios),
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
    }


def main(arguments: list[str] | None = None) -> None:
    """Time both and print it."""
    parser = argparse.ArgumentParser(description="Time training with JAX against torch.")
    parser.add_argument("--blocks", type=int, default=3, help="of each, in turns (default: 3)")
    given = parser.parse_args(arguments)
    if given.blocks < 1:
        parser.error(f"argument --blocks: {given.blocks} is not from 1 up")
    torch.set_num_threads(1)
    document = {
        "claim": "frames per second of PPO and DQN computed with JAX and with torch, same settings",
        "rows": [measure(algorithm, given.blocks) for algorithm in PAIRS],
        "versions": versions("sbx-ppo"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
