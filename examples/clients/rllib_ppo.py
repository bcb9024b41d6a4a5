# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "ray[rllib]==2.60.0", "persona-carousel"]
# ///
"""RLlib's new API stack: PPO on shifted users, in worker processes of its own, and its score.

Workers import nothing of this project, so the id is `module:id`; the users travel in `env_config`
as plain data. Ray 2.60 asks for gymnasium 1.2, which is why it has an environment of its own.
"""

import json

import ray
import torch
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.columns import Columns

from carousel_envs import Population
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout

POPULATION = Population.preset("Boredom").replace(boredom_hazard=0.1)


class Greedy:
    """An RLModule as a policy that can be scored."""

    def __init__(self, module):
        self.module = module

    def initial_state(self, lanes, seed):
        return None

    def act(self, observation, state):
        with torch.no_grad():
            out = self.module.forward_inference({Columns.OBS: torch.as_tensor(observation)})
        return out[Columns.ACTION_DIST_INPUTS].argmax(-1).numpy(), state


def main():
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    config = (
        PPOConfig()
        .environment(
            "carousel_envs:Carousel/Boredom-v0",
            env_config={"population": json.loads(POPULATION.model_dump_json())},
        )
        .env_runners(num_env_runners=1, num_envs_per_env_runner=16)
        .training(
            gamma=1.0, lr=1e-3, train_batch_size_per_learner=4096, minibatch_size=512, num_epochs=6
        )
        .debugging(seed=0)
    )
    algorithm = config.build_algo()
    populations = algorithm.env_runner_group.foreach_env_runner(
        lambda runner: [env.unwrapped.population for env in runner.env.unwrapped.envs],
        local_env_runner=False,
    )
    assert populations
    assert all(played == POPULATION for lanes in populations for played in lanes)
    for _ in range(2):
        result = algorithm.train()
    turns = result["num_env_steps_sampled_lifetime"]
    reference = solve(POPULATION)
    mean = rollout(POPULATION, Greedy(algorithm.get_module()), 2000, 0).mean
    score = reference.score(mean)
    print(f"RLlib PPO on shifted users, {int(turns):,} turns: score {score:.2f}")
    assert score > reference.score(reference.uniform)
    algorithm.stop()
    ray.shutdown()


if __name__ == "__main__":
    main()
