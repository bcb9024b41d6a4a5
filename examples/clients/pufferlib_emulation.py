# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "torch==2.13.0", "cython>=3", "setuptools<81", "wheel", "gym>=0.23", "psutil", "rich",
#     "rich_argparse", "pettingzoo", "persona-carousel",
# ]
# [tool.carousel]
# no-deps = ["pufferlib==1.0.1"]  # pins numpy 1.23; its emulation runs with newer ones
# ///
"""PufferLib: its emulation of a Gymnasium environment, in its own vector, lane for lane what
`gym.make` plays."""

import gymnasium as gym
import numpy as np
import pufferlib.emulation
import pufferlib.vector

ENV, LANES, TURNS = "carousel_envs:Carousel/Boredom-v0", 4, 200


class EndsWhenTruncated(gym.Wrapper):
    """PufferLib resets lanes that are terminated, and would go on playing one that is truncated."""

    def step(self, action):
        observation, reward, terminated, truncated, info = self.env.step(action)
        return observation, reward, terminated or truncated, truncated, info


def make():
    env = EndsWhenTruncated(gym.make(ENV))
    return pufferlib.emulation.GymnasiumPufferEnv(env)


def main():
    envs = pufferlib.vector.make(make, num_envs=LANES, backend=pufferlib.vector.Serial)
    alone = [gym.make(ENV) for _ in range(LANES)]
    seen, _ = envs.reset(seed=0)
    expected = [env.reset(seed=lane)[0] for lane, env in enumerate(alone)]
    assert np.array_equal(seen, expected)
    rng = np.random.default_rng(0)
    ended, over = 0, np.zeros(LANES, dtype=bool)
    for _ in range(TURNS):
        actions = rng.integers(4, size=LANES)
        seen, rewards, terminated, truncated, _ = envs.step(actions)
        for lane, env in enumerate(alone):
            if over[lane]:
                # the turn after an end resets the lane and plays nothing
                first, _ = env.reset()
                assert np.array_equal(seen[lane], first)
                over[lane] = False
                continue
            played = env.step(int(actions[lane]))
            assert np.array_equal(seen[lane], played[0])
            assert rewards[lane] == np.float32(played[1])
            over[lane] = played[2] or played[3]
            assert (terminated[lane], truncated[lane]) == (over[lane], played[3])
            ended += over[lane]
    assert ended
    print(
        f"PufferLib {pufferlib.__version__}: {LANES} lanes, {ended} sessions as gym.make plays them"
    )


if __name__ == "__main__":
    main()
