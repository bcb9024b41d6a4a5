# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "stable-baselines3==2.9.2", "persona-carousel[agents]"]
# ///
"""Vector environments of Gymnasium in Stable-Baselines3, ours and others."""

import gymnasium as gym
import numpy as np
from gymnasium.vector import SyncVectorEnv
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv

from carousel_agents.learning import VectorToVecEnv


def cart_pole():
    return gym.make("CartPole-v1", max_episode_steps=50)


# the stream that Stable-Baselines3's own DummyVecEnv shows, in every autoreset mode
for mode in ("NextStep", "SameStep", "Disabled"):
    ours = VectorToVecEnv(SyncVectorEnv([cart_pole] * 4, autoreset_mode=mode), seed=3)
    theirs = DummyVecEnv([cart_pole] * 4)
    theirs.seed(3)
    assert np.array_equal(ours.reset(), theirs.reset())
    rng = np.random.default_rng(0)
    for _ in range(200):
        actions = rng.integers(0, 2, 4)
        (seen, paid, done, infos), (seen_2, paid_2, done_2, infos_2) = (
            vec.step(actions) for vec in (ours, theirs)
        )
        assert np.array_equal(seen, seen_2)
        assert np.array_equal(paid, paid_2)
        assert np.array_equal(done, done_2)
        for i in np.flatnonzero(done):
            last = "terminal_observation"
            assert np.array_equal(infos[i][last], infos_2[i][last])

# Gymnasium's native CartPole knows next-step mode alone: episodes get one unpaid turn more
native = VectorToVecEnv(gym.make_vec("CartPole-v1", 32), seed=0, reset_rows="pad", infos="ends")
model = PPO("MlpPolicy", native, n_steps=64, batch_size=256, seed=0, device="cpu")
model.learn(60_000)
mean = np.mean([episode["r"] for episode in model.ep_info_buffer])
assert mean > 60, mean
print(f"equal streams in all modes; native CartPole returns {mean:.0f} after 60 000 steps")
