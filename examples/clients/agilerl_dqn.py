# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "agilerl==2.58.0", "peft", "persona-carousel"]
# ///
"""AgileRL: a population of DQN agents on native lanes, and the score of the best.

AgileRL records every step as a transition, so lanes are in mode SameStep. It imports `peft`, which
it only asks for in an extra.
"""

import gymnasium as gym
import torch
from agilerl.algorithms.dqn import DQN
from agilerl.components.replay_buffer import ReplayBuffer
from agilerl.training.train_off_policy import train_off_policy

from carousel_envs import Population
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout

LANES = 16


class Greedy:
    """An agent as a policy that can be scored."""

    def __init__(self, agent):
        self.agent = agent

    def initial_state(self, lanes, seed):
        return None

    def act(self, observation, state):
        with torch.no_grad():
            return self.agent.actor(torch.as_tensor(observation)).argmax(-1).numpy(), state


def main():
    torch.manual_seed(0)
    envs = gym.make_vec(
        "carousel_envs:Carousel/Boredom-v0", num_envs=LANES, autoreset_mode="SameStep"
    )
    agents = [
        DQN(
            envs.single_observation_space,
            envs.single_action_space,
            index=index,
            batch_size=64,
            lr=1e-3,
            learn_step=LANES,
            gamma=1.0,
        )
        for index in range(2)
    ]
    trained, _ = train_off_policy(
        envs,
        "Carousel/Boredom-v0",
        "DQN",
        agents,
        ReplayBuffer(20_000),
        max_steps=2000,
        evo_steps=1000,
        eval_steps=50,
        eps_decay=0.99,
        verbose=False,
    )
    population = Population.preset("Boredom")
    reference = solve(population)
    scores = [
        reference.score(rollout(population, Greedy(agent), 2000, 0).mean) for agent in trained
    ]
    print(f"AgileRL DQN, {len(trained)} agents: best score {max(scores):.2f}")
    assert max(scores) > reference.score(reference.uniform)


if __name__ == "__main__":
    main()
