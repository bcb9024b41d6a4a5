"""Frames per second of PPO: our preset, and library defaults on DummyVecEnv(8) CartPole.

Both run in turns in one process on one torch thread.
"""

import json
import statistics
import sys
import time

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from carousel_agents.learning.train import train
from carousel_envs import Population

BLOCKS = 5


def ours(seed: int) -> float:
    """Frames per second of our preset on Boredom."""
    training = train(
        Population.preset("Boredom"), environment="Carousel/Boredom-v0", steps=200_000, seed=seed
    ).training
    return training["steps"] / training["seconds"]


def peer(seed: int) -> float:
    """Frames per second of the library's defaults on eight CartPoles."""
    model = PPO("MlpPolicy", make_vec_env("CartPole-v1", n_envs=8), seed=seed, device="cpu")
    started = time.perf_counter()
    model.learn(20_000)
    return model.num_timesteps / (time.perf_counter() - started)


if __name__ == "__main__":
    torch.set_num_threads(1)
    ours_rates, peer_rates = [], []
    for block in range(BLOCKS):
        print(f"block {block + 1} of {BLOCKS}", file=sys.stderr)
        ours_rates.append(ours(block))
        peer_rates.append(peer(block))
    row = {
        "claim": "ppo frames per second",
        "ours": statistics.median(ours_rates),
        "peer": statistics.median(peer_rates),
        "ratio": statistics.median(ours_rates) / statistics.median(peer_rates),
        "ours_all": ours_rates,
        "peer_all": peer_rates,
    }
    print(json.dumps(row, indent=2))
