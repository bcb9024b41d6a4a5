"""Frames per second of every algorithm: our preset, and its library's defaults on eight CartPoles.

Both run in turns, block by block, in one process on one torch thread; medians over blocks are
compared. Ours is Boredom with the preset as it is, but that learning off policy starts at once, as
at the library's defaults, so that no frames without learning are counted. The peer steps
DummyVecEnv(8) of CartPole, the algorithm having nothing but defaults; with an action mask (all are
allowed) where it needs one. No library has masks and a memory in one: there, the peer is our class
at its defaults. Five blocks of all eight take about twelve minutes.

    python benchmarks/training.py [--algo ALGO]... [--blocks N]

prints one JSON document: a row per algorithm.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np
import sb3_contrib
import stable_baselines3
import torch
from sb3_contrib.common.wrappers import ActionMasker
from stable_baselines3.common.env_util import make_vec_env

from carousel_agents.benchmark.timing import Spread, in_turns
from carousel_agents.learning.algorithms.record import core_algorithms
from carousel_agents.learning.maskable_recurrent import MaskableRecurrentPPO
from carousel_agents.learning.train import train
from carousel_envs import Population
from common import LEARNING, arguments, print_document, row, several_of, turns

ENVIRONMENT, PEER = "Carousel/Boredom-v0", "CartPole-v1"
WANTED = {"ppo": 20.0}


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
    "maskable-recurrent-ppo": Contest(
        MaskableRecurrentPPO, "MlpLstmPolicy", 60_000, 1_024, {}, True
    ),
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
    seeds = {"ours": count(), "peer": count()}
    rates = in_turns(
        {
            "ours": lambda: ours(algorithm, contest, next(seeds["ours"])),
            "peer": lambda: peer(contest, next(seeds["peer"])),
        },
        blocks,
        turns(algorithm),
    )
    spreads = {who: Spread.of(found) for who, found in rates.items()}
    ratio = Spread.ratio(rates["ours"], rates["peer"])
    figures: dict[str, Any] = {}
    for who, found in (*spreads.items(), ("ratio", ratio)):
        figures |= {who: found.median}
        figures |= {f"{who}_lowest": found.lowest, f"{who}_highest": found.highest}
    return row(
        f"{algorithm}: frames of our preset / library defaults",
        ratio,
        at_least=WANTED.get(algorithm),
        algorithm=algorithm,
        blocks=blocks,
        **figures,
    )


def main(given: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = arguments(__doc__)
    several_of(parser, "--algo", core_algorithms())
    asked = parser.parse_args(given)
    torch.set_num_threads(1)
    algorithms = asked.algo or core_algorithms()
    # what is compiled or loaded once is no part of any block
    ours(algorithms[0], CONTESTS[algorithms[0]], 0)
    print_document(
        "frames per second of our preset, and of the library's defaults on 8 CartPoles",
        [measure(algorithm, asked.blocks) for algorithm in algorithms],
        LEARNING,
    )


if __name__ == "__main__":
    main()
