# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "stable-baselines3==2.9.2", "persona-carousel[agents]"]
# ///
"""Stable-Baselines3 on scalar environments and on native lanes: the same training, bit for bit."""

import time

import gymnasium as gym
import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

import carousel_envs  # registers the ids
from carousel_agents.learning import CarouselVecEnv

LANES, STEPS = 32, 20_000


def trained(env):
    model = PPO("MlpPolicy", env, n_steps=40, batch_size=256, seed=1, device="cpu")
    started = time.perf_counter()
    model.learn(STEPS)
    return model, time.perf_counter() - started


scalar, scalar_seconds = trained(make_vec_env("Carousel/Boredom-v0", LANES))
lanes = gym.make_vec("Carousel/Boredom-v0", LANES, autoreset_mode="SameStep")
native, native_seconds = trained(CarouselVecEnv(lanes))

for name, weights in scalar.policy.state_dict().items():
    assert np.array_equal(weights, native.policy.state_dict()[name]), name
boredom = carousel_envs.Population.preset("Boredom")
mean, _ = evaluate_policy(native, CarouselVecEnv.of(boredom, LANES))
seconds = f"{scalar_seconds:.1f} s scalar, {native_seconds:.1f} s native"
print(f"equal weights; {seconds}; return {mean:.2f}")
