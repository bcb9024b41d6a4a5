"""Training: reproducible, faithful to the file it ends in, and good enough."""

import numpy as np
import pytest
import torch

from carousel_agents.generalisation import evaluate
from carousel_agents.learning import LearnedRouter
from carousel_agents.learning import train as training
from carousel_envs import CarouselError, Population
from carousel_envs.reference import solve
from carousel_envs.reference.memoryless import best_memoryless

BOREDOM = Population.preset("Boredom")
ENV = "Carousel/Boredom-v0"


@pytest.fixture(scope="module")
def short():
    seen = []
    file = training.train(BOREDOM, environment=ENV, steps=30_000, seed=3, report=seen.append)
    return file, seen


def test_the_same_seed_gives_the_same_policy_and_another_does_not(short):
    again = training.train(BOREDOM, environment=ENV, steps=30_000, seed=3)
    other = training.train(BOREDOM, environment=ENV, steps=30_000, seed=4)
    files = (short[0], again, other)
    for (a, _), (b, _), (c, _) in zip(*(file.network.layers for file in files), strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_the_file_says_where_the_policy_comes_from(short):
    file, seen = short
    assert file.population == BOREDOM
    assert file.training["seed"] == 3
    assert file.training["steps"] >= 30_000
    assert file.training["settings"] == dict(training.presets()["ppo"])
    assert file.versions["torch"] == torch.__version__
    assert [p.steps for p in seen] == sorted({p.steps for p in seen})
    assert seen[-1].steps == file.training["steps"]


def test_training_shares_no_session_with_evaluation_or_another_seed(monkeypatch):
    seeds = []
    reset = training.CarouselVecEnv.reset

    def spy(env):
        seeds.append(env._start_seed)
        return reset(env)

    monkeypatch.setattr(training.CarouselVecEnv, "reset", spy)
    for seed in (0, 1):
        training.train(BOREDOM, environment=ENV, steps=1, seed=seed)
    assert min(seeds) > 2**61 + 2**32, "references and evaluations use lower seeds"
    assert abs(seeds[0] - seeds[1]) > training.presets()["ppo"]["lanes"]


def test_no_update_unlearns(monkeypatch):
    """A step count that is no whole number of rollouts must not push the learning rate below 0."""
    rates = []
    update = training.PPO.train

    def spy(model):
        update(model)
        rates.append(model.policy.optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(training.PPO, "train", spy)
    training.train(BOREDOM, environment=ENV, steps=25_000)
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 0
    assert rates[-1] >= 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"algorithm": "sarsa"}, "algorithm is 'sarsa'; known are ppo"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": 1.5}, "steps is 1.5"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_requests_are_one_sentence(options, sentence: str):
    with pytest.raises(CarouselError, match=sentence):
        training.train(BOREDOM, **{"environment": ENV, "steps": 1000, **options})


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_ppo_comes_within_three_percent_of_the_best_memoryless_router(seed: int):
    file = training.train(BOREDOM, environment=ENV, steps=2_000_000, seed=seed)
    best = solve(BOREDOM).score(best_memoryless(BOREDOM)[0])
    result = evaluate(LearnedRouter(file, "ppo"), BOREDOM, users=200_000, seed=1)
    assert result.score >= 0.97 * best
