# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "tyro==1.0.17", "tensorboard==2.21.0", "persona-carousel"]
# [tool.carousel]
# commit = "fe8d8a03"  # of CleanRL, with which the scripts were run
# ///
"""CleanRL's ppo.py, dqn.py and c51.py, unedited: only the id is given.

CleanRL is a collection of scripts; its package asks for older interpreters than this project. Clone
https://github.com/vwxyzjn/cleanrl and name the folder:

    CLEANRL=~/cleanrl python examples/clients/cleanrl_scripts.py

The scripts only call `gym.make`, so nothing would import this project; `module:id` does. They were
written for Gymnasium 0.29: dqn.py and c51.py look for `final_observation`, which Gymnasium 1 has
renamed, and end in a KeyError with every environment that truncates. `Gymnasium029` gives them what
they look for; ppo.py runs without it.
"""

import os
import runpy
import sys
import tempfile
from pathlib import Path

import gymnasium as gym
import torch

from carousel_envs import Population
from carousel_envs.reference import solve
from carousel_envs.rollout import rollout

ENV = "carousel_envs:Carousel/Boredom-v0"
SHORT = ["--learning-starts", "500", "--total-timesteps", "3000"]
SCRIPTS = {
    "ppo.py": ["--total-timesteps", "8192"],
    "dqn.py": SHORT,
    "c51.py": [*SHORT, "--v-min", "-10", "--v-max", "40"],
}


class Gymnasium029(gym.vector.SyncVectorEnv):
    """Gymnasium's vector environment with the resets and names of its version 0.29."""

    def __init__(self, env_fns):
        super().__init__(env_fns, autoreset_mode="SameStep")

    def step(self, actions):
        observations, rewards, terminated, truncated, infos = super().step(actions)
        if "final_obs" in infos:
            infos["final_observation"] = infos.pop("final_obs")
            told = infos.pop("final_info")["episode"]
            infos["final_info"] = [
                {"episode": {name: values[lane] for name, values in told.items()}} if over else None
                for lane, over in enumerate(terminated | truncated)
            ]
        return observations, rewards, terminated, truncated, infos


class Greedy:
    """What a script has trained, as a policy that can be scored."""

    def __init__(self, trained):
        net = trained.get("q_network")
        if net is None:
            self.choose = lambda seen: trained["agent"].actor(seen).argmax(-1)
        elif hasattr(net, "get_action"):
            self.choose = lambda seen: net.get_action(seen)[0]
        else:
            self.choose = lambda seen: net(seen).argmax(-1)

    def initial_state(self, lanes, seed):
        return None

    def act(self, observation, state):
        with torch.no_grad():
            return self.choose(torch.as_tensor(observation)).numpy(), state


def run(script, arguments):
    """The names that a script leaves behind, run as from the shell."""
    sys.argv = [str(script), "--env-id", ENV, "--no-cuda", *arguments]
    return runpy.run_path(str(script), run_name="__main__")


def main():
    checkout = Path(os.environ.get("CLEANRL", "cleanrl")).expanduser().resolve()
    if not (checkout / "cleanrl" / "ppo.py").is_file():
        sys.exit(f"{checkout} is no clone of CleanRL; set CLEANRL to the folder of one")
    sys.path.insert(0, str(checkout))
    population = Population.preset("Boredom")
    reference = solve(population)
    plain = gym.vector.SyncVectorEnv
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # the scripts write their logs where they run
        for name, arguments in SCRIPTS.items():
            gym.vector.SyncVectorEnv = plain if name == "ppo.py" else Gymnasium029
            trained = run(checkout / "cleanrl" / name, arguments)
            assert trained["envs"].envs[0].unwrapped.population == population
            score = reference.score(rollout(population, Greedy(trained), 2000, 0).mean)
            print(f"CleanRL {name}, {trained['args'].total_timesteps:,} turns: score {score:.2f}")
            assert score > reference.score(reference.uniform)
        os.chdir(checkout)


if __name__ == "__main__":
    main()
