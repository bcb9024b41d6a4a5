# /// script
# requires-python = ">=3.11"
# dependencies = ["torch==2.13.0", "minari[create,hdf5]==0.5.4", "pillow>=10", "persona-carousel"]
# ///
"""Minari: sessions recorded with their infos, and the values of other policies estimated from them,
beside the exact ones.

The users are shifted. The data set keeps them in its specification of the environment, so
`recover_environment` plays the same users again.
"""

import os
import tempfile

import gymnasium as gym
import numpy as np

from carousel_envs import Population
from carousel_envs.reference import solve

SESSIONS, PERSONAS = 1500, 4
POPULATION = Population.preset("Boredom").replace(
    boredom_hazard=0.1, session_length=6, swap_cost=0.2
)
SPEAKS, TURNS = slice(5, 5 + PERSONAS), -2
"""Columns of the observation: who speaks, and for how many turns."""


def swap_probability(observation):
    """How likely the recorded policy is to swap, by how long the persona has spoken."""
    return np.where(observation[..., TURNS] >= 2, 0.6, 0.4)


def choose(observation, rng):
    """The current persona or, equally likely, any other; at first any persona."""
    spoken = observation[SPEAKS]
    if not spoken.any():
        return int(rng.integers(PERSONAS))
    aside = rng.integers(1, PERSONAS) if rng.random() < swap_probability(observation) else 0
    return int((spoken.argmax() + aside) % PERSONAS)


def record(minari):
    """Sessions of the recorded policy, as a data set."""
    text = POPULATION.model_dump_json()
    env = minari.DataCollector(gym.make("Carousel/Boredom-v0", population=text), record_infos=True)
    rng = np.random.default_rng(0)
    for session in range(SESSIONS):
        observation, _ = env.reset(seed=session)
        over = False
        while not over:
            observation, _, terminated, truncated, _ = env.step(choose(observation, rng))
            over = terminated or truncated
    made = env.create_dataset("carousel/boredom-v0", algorithm_name="swaps now and then")
    env.close()
    return made


def estimate(episodes, swapping):
    """Value of a policy that swaps with a constant probability, by weighted importance sampling:
    a reward counts by the ratio of the probabilities of all actions up to it."""
    paid, weights = np.zeros((2, POPULATION.session_length))
    for episode in episodes:
        seen = episode.observations[:-1]
        swapped = episode.actions != seen[:, SPEAKS].argmax(-1)
        recorded = swap_probability(seen)
        ratio = np.where(swapped, swapping / recorded, (1 - swapping) / (1 - recorded))
        ratio[0] = 1.0  # the first persona is drawn alike by all
        weight = np.cumprod(ratio)
        paid[: len(weight)] += weight * episode.rewards
        weights[: len(weight)] += weight
        # a user who has left pays nothing, and counts
        weights[len(weight) :] += weight[-1]
    return float((paid / weights).sum())


def main():
    os.environ["MINARI_DATASETS_PATH"] = tempfile.mkdtemp()
    import minari

    data = record(minari)
    assert data.total_episodes == SESSIONS
    assert len(data[0].infos["user"]) == len(data[0].observations)
    assert data.recover_environment().unwrapped.population == POPULATION
    episodes = list(data.iterate_episodes())
    returns = float(np.mean([episode.rewards.sum() for episode in episodes]))
    print(f"{SESSIONS:,} sessions recorded, mean return {returns:.2f}")
    reference = solve(POPULATION)
    policies = {
        "uniform choice": (1 - 1 / PERSONAS, reference.uniform),
        "one persona for ever": (0.0, reference.best_fixed),
    }
    for name, (swapping, exact) in policies.items():
        found = estimate(episodes, swapping)
        print(f"{name}: {found:.2f} estimated, {exact:.2f} exactly")
        assert abs(found - exact) < 0.2


if __name__ == "__main__":
    main()
