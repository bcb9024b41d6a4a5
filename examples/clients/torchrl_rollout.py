# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "torchrl==0.14.1", "persona-carousel"]
# ///
"""TorchRL: `check_env_specs` on a scalar environment and on native lanes, and infos in its data.

TorchRL takes the autoreset modes SameStep and Disabled, and refuses NextStep, the default of
Gymnasium and of this project.
"""

import warnings

import gymnasium as gym
import torch
from torchrl.envs import GymEnv, GymWrapper
from torchrl.envs.utils import check_env_specs

ENV, LANES = "carousel_envs:Carousel/Boredom-v0", 16


def check_scalar():
    # the reader asks every info for its dtype, so numbers and flags have to be arrays
    env = GymEnv(ENV, info_arrays=True).auto_register_info_dict()
    check_env_specs(env)
    played = env.rollout(100, break_when_any_done=False)
    assert played["next", "engagement_mean"].shape == (100,)
    print(f"scalar: {int(played['next', 'done'].sum())} sessions ended in 100 turns")


def check_lanes(mode):
    envs = gym.make_vec(ENV, num_envs=LANES, autoreset_mode=mode)
    env = GymWrapper(envs)
    check_env_specs(env)
    assert env.batch_size == torch.Size([LANES])
    played = env.rollout(200, break_when_any_done=False)
    ends = played["next", "done"]
    assert ends.any(), "no session ended"
    # every turn after an end begins a session: nobody has spoken, and none of it is gone
    begun = played["observation"][:, 1:][ends[:, :-1, 0]]
    assert (begun[:, -1] == 0).all()
    # what an end shows is the last turn of the session that ended, not the first of the next
    assert (played["next", "observation"][ends[..., 0]][:, -1] > 0).all()
    print(f"{LANES} lanes, {mode}: {int(ends.sum())} sessions ended in 200 turns each")


def main():
    torch.manual_seed(0)
    check_scalar()
    for mode in ("SameStep", "Disabled"):
        check_lanes(mode)
    envs = gym.make_vec(ENV, num_envs=LANES)
    try:
        GymWrapper(envs)
    except (RuntimeError, ValueError) as error:
        print(f"NextStep is refused: {str(error).splitlines()[0]}")
    else:
        raise AssertionError("TorchRL took NextStep; this page and docs/clients.md are out of date")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="torchrl")
    main()
