# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "tianshou==2.0.1", "persona-carousel"]
# ///
"""Tianshou 2: DQN on scalar environments in Tianshou's own vector, and its score."""

import gymnasium as gym
import numpy as np
import torch
from tianshou.algorithm import DQN
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net

from carousel_envs import Population
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout

ENV, LANES = "carousel_envs:Carousel/Boredom-v0", 8


class Greedy:
    """A network of action values as a policy that can be scored."""

    def __init__(self, net):
        self.net = net

    def initial_state(self, lanes, seed):
        return None

    def act(self, observation, state):
        with torch.no_grad():
            values, _ = self.net(observation)
        return values.argmax(-1).numpy(), state


def check_lanes(envs):
    """Tianshou's lane plays what an environment of its own plays with the same seed."""
    alone = gym.make(ENV)
    envs.seed(list(range(LANES)))
    seen, _ = envs.reset()
    alone.reset(seed=3)
    first, _ = alone.reset()
    assert (seen[3] == first).all()
    for action in (0, 1, 1, 2):
        seen, rewards, *_ = envs.step(np.full(LANES, action))
        first, reward, *_ = alone.step(action)
        assert (seen[3] == first).all()
        assert rewards[3] == reward


def main():
    torch.manual_seed(0)
    # Tianshou resets the lanes itself, so it takes scalar environments and no autoreset mode
    envs = DummyVectorEnv([lambda: gym.make(ENV) for _ in range(LANES)])
    check_lanes(envs)
    envs.seed(0)
    single = gym.make(ENV)
    net = Net(
        state_shape=single.observation_space.shape,
        action_shape=single.action_space.n,
        hidden_sizes=[64, 64],
    )
    policy = DiscreteQLearningPolicy(
        model=net, action_space=single.action_space, eps_training=0.1, eps_inference=0.0
    )
    algorithm = DQN(
        policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=1.0, target_update_freq=200
    )
    algorithm.run_training(
        OffPolicyTrainerParams(
            training_collector=Collector(algorithm, envs, VectorReplayBuffer(20_000, LANES)),
            max_epochs=1,
            epoch_num_steps=4_000,
            collection_step_num_env_steps=80,
            update_step_num_gradient_steps_per_sample=0.1,
            batch_size=64,
            show_progress=False,
            verbose=False,
        )
    )
    population = Population.preset("Boredom")
    reference = solve(population)
    score = reference.score(rollout(population, Greedy(net), 2000, 0).mean)
    print(f"Tianshou DQN, 4,000 turns: score {score:.2f}")
    assert score > reference.score(reference.uniform)


if __name__ == "__main__":
    main()
