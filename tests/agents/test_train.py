"""Training: reproducible, faithful to the file it ends in, and good enough."""

import numpy as np
import pytest
import torch

from carousel_agents.generalisation import evaluate
from carousel_agents.learning import LearnedRouter
from carousel_agents.learning import train as training
from carousel_envs import CarouselError, CarouselVectorEnv, Population
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
    for (a, _), (b, _), (c, _) in zip(short[0].layers, again.layers, other.layers, strict=True):
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


def test_numpy_acts_as_torch_does(monkeypatch):
    """10 000 observations: the same actions, log-probabilities to 1e-5."""
    kept = {}
    original = training._extract

    def extract(policy, *rest):
        kept["policy"] = policy
        return original(policy, *rest)

    monkeypatch.setattr(training, "_extract", extract)
    file = training.train(BOREDOM, environment=ENV, steps=30_000, seed=0)
    env = CarouselVectorEnv(500, population=BOREDOM)
    rng = np.random.default_rng(0)
    observations = [env.reset(seed=1)[0]]
    observations += [env.step(rng.integers(0, 4, 500))[0] for _ in range(19)]
    observation = np.concatenate(observations)
    router = LearnedRouter(file, "numpy")
    with torch.no_grad():
        distribution = kept["policy"].get_distribution(torch.as_tensor(observation))
        expected = distribution.distribution.logits.numpy()
        actions = distribution.get_actions(deterministic=True).numpy()
    logits = router.logits(observation)
    log_probability = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(log_probability, expected, atol=1e-5)
    np.testing.assert_array_equal(router.act(observation, None)[0], actions)


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
