# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "skrl==2.1.1", "persona-carousel"]
# ///
"""skrl: PPO on native lanes, and the score of what it learns.

Name the wrapper, `wrapper="gymnasium"`, and SameStep: skrl records every step as a transition, so a
NextStep row in which a lane only resets would be one with an action that did nothing.
"""

import tempfile

import gymnasium as gym
import torch
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import CategoricalMixin, DeterministicMixin, Model
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from torch import nn

from carousel_envs import Population
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout

ENV, LANES, STEPS, ROLLOUT = "carousel_envs:Carousel/Boredom-v0", 64, 256, 64


def network(inputs, outputs):
    return nn.Sequential(
        nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs)
    )


class Actor(CategoricalMixin, Model):
    def __init__(self, **spaces):
        Model.__init__(self, **spaces)
        CategoricalMixin.__init__(self)
        self.net = network(self.num_observations, self.num_actions)

    def compute(self, inputs, role):
        return self.net(inputs["observations"]), {}


class Critic(DeterministicMixin, Model):
    def __init__(self, **spaces):
        Model.__init__(self, **spaces)
        DeterministicMixin.__init__(self)
        self.net = network(self.num_observations, 1)

    def compute(self, inputs, role):
        return self.net(inputs["observations"]), {}


class Greedy:
    """The actor as a policy that can be scored."""

    def __init__(self, net):
        self.net = net

    def initial_state(self, lanes, seed):
        return None

    def act(self, observation, state):
        with torch.no_grad():
            return self.net(torch.as_tensor(observation)).argmax(-1).numpy(), state


def main():
    set_seed(0)
    native = gym.make_vec(ENV, num_envs=LANES, autoreset_mode="SameStep")
    env = wrap_env(native, wrapper="gymnasium")
    assert env.num_envs == LANES
    spaces = {
        "observation_space": env.observation_space,
        "state_space": env.state_space,
        "action_space": env.action_space,
        "device": env.device,
    }
    models = {"policy": Actor(**spaces), "value": Critic(**spaces)}
    cfg = PPO_CFG(
        rollouts=ROLLOUT, learning_epochs=4, mini_batches=4, discount_factor=1.0, learning_rate=1e-3
    )
    folder = tempfile.mkdtemp()
    cfg.experiment.directory = folder
    cfg.experiment.write_interval = cfg.experiment.checkpoint_interval = 0
    agent = PPO(
        models=models,
        memory=RandomMemory(memory_size=ROLLOUT, num_envs=LANES, device=env.device),
        cfg=cfg,
        **spaces,
    )
    trainer = SequentialTrainer(
        env=env,
        agents=agent,
        cfg={"timesteps": STEPS, "headless": True, "disable_progressbar": True},
    )
    trainer.train()
    population = Population.preset("Boredom")
    reference = solve(population)
    score = reference.score(rollout(population, Greedy(models["policy"].net), 2000, 0).mean)
    print(f"skrl PPO, {STEPS * LANES:,} turns on {LANES} native lanes: score {score:.2f}")
    assert score > reference.score(reference.uniform)


if __name__ == "__main__":
    main()
