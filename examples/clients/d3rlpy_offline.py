# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "torch==2.13.0", "tqdm", "h5py", "gym>=0.26", "click", "typing-extensions", "structlog",
#     "colorama", "dataclasses-json", "scikit-learn", "persona-carousel",
# ]
# [tool.carousel]
# no-deps = ["d3rlpy==2.8.1"]  # pins gymnasium 1.0.0; it runs with newer ones
# ///
"""d3rlpy: discrete CQL on sessions of a random router, without playing, and its score."""

import gymnasium as gym
import numpy as np
from d3rlpy.algos import DiscreteCQLConfig
from d3rlpy.dataset import MDPDataset
from d3rlpy.logging import NoopAdapterFactory

from carousel_envs import Population
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout

LANES, TURNS = 32, 200


class Greedy:
    """A learned policy that can be scored."""

    def __init__(self, algorithm):
        self.algorithm = algorithm

    def initial_state(self, lanes, seed):
        return None

    def act(self, observation, state):
        return self.algorithm.predict(observation).astype(np.int64), state


def sessions():
    """What a router that seldom swaps, and then anywhere, does on native lanes."""
    envs = gym.make_vec(
        "carousel_envs:Carousel/Boredom-v0", num_envs=LANES, autoreset_mode="SameStep"
    )
    rng = np.random.default_rng(0)
    seen, _ = envs.reset(seed=0)
    action = rng.integers(4, size=LANES)
    steps = []
    for _ in range(TURNS):
        action = np.where(rng.random(LANES) < 0.2, rng.integers(4, size=LANES), action)
        following, rewards, terminated, truncated, _ = envs.step(action)
        steps.append((seen.copy(), action, rewards.copy(), terminated.copy(), truncated.copy()))
        seen = following
    # lane after lane, and the last turn of each cut off as a time limit would
    observations, actions, rewards, terminals, timeouts = (
        np.stack(column, axis=1).reshape(LANES * TURNS, *column[0].shape[1:])
        for column in zip(*steps, strict=True)
    )
    timeouts[TURNS - 1 :: TURNS] |= ~terminals[TURNS - 1 :: TURNS]
    return MDPDataset(observations, actions, rewards, terminals, timeouts)


def main():
    dataset = sessions()
    print(f"{len(dataset.episodes):,} sessions recorded on {LANES} lanes")
    algorithm = DiscreteCQLConfig(gamma=1.0, learning_rate=1e-3, batch_size=128, alpha=0.1).create()
    algorithm.fit(
        dataset,
        n_steps=500,
        n_steps_per_epoch=500,
        logger_adapter=NoopAdapterFactory(),
        show_progress=False,
    )
    population = Population.preset("Boredom")
    reference = solve(population)
    score = reference.score(rollout(population, Greedy(algorithm), 2000, 0).mean)
    print(f"d3rlpy discrete CQL, without playing: score {score:.2f}")
    assert score > reference.score(reference.uniform)


if __name__ == "__main__":
    main()
