"""Frames per second of every algorithm: our preset, and its library's defaults on eight CartPoles.

Both run in turns, block by block, in one process on one torch thread; medians over blocks are
compared. Ours is Boredom with the preset as it is, but that learning off policy starts at once, as
at the library's defaults, so that no frames without learning are counted. The peer steps
DummyVecEnv(8) of CartPole, the algorithm having nothing but defaults; with an action mask (all are
allowed) where it needs one. All seven take about five minutes.

    python benchmarks/training.py [--algo ALGO]... [--blocks N]

prints one JSON document: a row per algorithm.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import sb3_contrib
import stable_baselines3
import torch
from sb3_contrib.common.wrappers import ActionMasker
from stable_baselines3.common.env_util import make_vec_env

from carousel_agents.learning.settings import ALGORITHMS
from carousel_agents.learning.train import train, versions
from carousel_envs import Population

ENVIRONMENT, PEER = "Carousel/Boredom-v0", "CartPole-v1"


@dataclass(frozen=True)
class Contest:
    """What is timed.

    Attributes:
        library: the peer's class; made with the policy's name and its environment alone.
        policy: the library's name of its policy.
        steps: environment steps of a block of ours; it is rounded up to whole rollouts.
        peer_steps: those of the peer, some seconds' worth of whole rollouts.
        changes: to our preset.
        masked: whether the peer needs an action mask.
    """

    library: Any
    policy: str
    steps: int
    peer_steps: int
    changes: dict[str, Any]
    masked: bool = False


_AT_ONCE = {"learning_starts": 100}  # the libraries' default

CONTESTS = {
    "ppo": Contest(stable_baselines3.PPO, "MlpPolicy", 120_000, 16_384, {}),
    "a2c": Contest(stable_baselines3.A2C, "MlpPolicy", 120_000, 6_000, {}),
    "dqn": Contest(stable_baselines3.DQN, "MlpPolicy", 40_000, 12_000, _AT_ONCE),
    "recurrent-ppo": Contest(sb3_contrib.RecurrentPPO, "MlpLstmPolicy", 60_000, 1_024, {}),
    "qr-dqn": Contest(sb3_contrib.QRDQN, "MlpPolicy", 20_000, 4_000, _AT_ONCE),
    "maskable-ppo": Contest(sb3_contrib.MaskablePPO, "MlpPolicy", 80_000, 16_384, {}, True),
    "trpo": Contest(sb3_contrib.TRPO, "MlpPolicy", 120_000, 16_384, {}),
}


def ours(algorithm: str, contest: Contest, seed: int) -> float:
    """Frames per second of our preset."""
    training = train(
        Population.preset("Boredom"),
        environment=ENVIRONMENT,
        algorithm=algorithm,
        steps=contest.steps,
        settings=contest.changes,
        seed=seed,
    ).training
    return float(training["steps"] / training["seconds"])


def _all_allowed(env: Any) -> Any:
    return np.ones(env.action_space.n, dtype=np.bool_)


def peer(contest: Contest, seed: int) -> float:
    """Frames per second of the library's defaults."""
    masker = partial(ActionMasker, action_mask_fn=_all_allowed)
    env = make_vec_env(PEER, n_envs=8, wrapper_class=masker if contest.masked else None)
    model = contest.library(contest.policy, env, seed=seed, device="cpu")
    started = time.perf_counter()
    model.learn(contest.peer_steps)
    rate = model.num_timesteps / (time.perf_counter() - started)
    env.close()
    return float(rate)


def measure(algorithm: str, blocks: int) -> dict[str, Any]:
    """A row: medians over blocks, and how far they spread."""
    contest = CONTESTS[algorithm]
    rates: dict[str, list[float]] = {"ours": [], "peer": []}
    for block in range(blocks):
        print(f"{algorithm}, block {block + 1} of {blocks}", file=sys.stderr)
        rates["ours"].append(ours(algorithm, contest, block))
        rates["peer"].append(peer(contest, block))
    ratios = [a / b for a, b in zip(rates["ours"], rates["peer"], strict=True)]
    row: dict[str, Any] = {"algorithm": algorithm, "blocks": blocks}
    for who, found in rates.items():
        row[who] = statistics.median(found)
        row |= {f"{who}_lowest": min(found), f"{who}_highest": max(found)}
    return {
        **row,
        "ratio": row["ours"] / row["peer"],
        "ratio_lowest": min(ratios),
        "ratio_highest": max(ratios),
    }


def main(arguments: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = argparse.ArgumentParser(description="Time training against library defaults.")
    parser.add_argument("--algo", action="append", choices=ALGORITHMS, help="only this one")
    parser.add_argument("--blocks", type=int, default=5, help="of each, in turns (default: 5)")
    given = parser.parse_args(arguments)
    if given.blocks < 1:
        parser.error(f"argument --blocks: {given.blocks} is not from 1 up")
    torch.set_num_threads(1)
    algorithms = given.algo or ALGORITHMS
    # what is compiled or loaded once is no part of any block
    ours(algorithms[0], CONTESTS[algorithms[0]], 0)
    document = {
        "claim": "frames per second of our preset, and of the library's defaults on 8 CartPoles",
        "rows": [measure(algorithm, given.blocks) for algorithm in algorithms],
        "versions": versions("ppo"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
