# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "sbx-rl==0.28.0", "persona-carousel[agents,sbx]"]
# ///
"""SBX: PPO computed with JAX, on native lanes through `CarouselVecEnv`, and its score."""

import numpy as np
from sbx import PPO

from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_envs import Population
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout


class Greedy:
    """A model as a policy that can be scored."""

    def __init__(self, model):
        self.model = model

    def initial_state(self, lanes, seed):
        return None

    def act(self, observation, state):
        actions, _ = self.model.predict(observation, deterministic=True)
        return np.asarray(actions, dtype=np.int64), state


def main():
    population = Population.preset("Boredom")
    envs = CarouselVecEnv.of(population, 64)
    model = PPO("MlpPolicy", envs, n_steps=64, batch_size=1024, gamma=1.0, seed=0)
    model.learn(16_384)
    reference = solve(population)
    score = reference.score(rollout(population, Greedy(model), 2000, 0).mean)
    print(f"SBX PPO, 16,384 turns on 64 native lanes: score {score:.2f}")
    assert score > reference.score(reference.uniform)


if __name__ == "__main__":
    main()
