"""Training: every algorithm everywhere, reproducible, and good enough."""

import itertools

import numpy as np
import pytest
import torch

from carousel_agents.generalisation import evaluate
from carousel_agents.learning import LearnedRouter, PolicyFile, callback
from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.algorithms.record import core_algorithms
from carousel_agents.learning.settings import preset
from carousel_agents.learning.train import Run, execute, train
from carousel_agents.learning.view import View
from carousel_envs import CarouselError, Population
from carousel_envs.reference import solve
from carousel_envs.reference.known_user.memoryless import best_memoryless
from carousel_envs.registry import any_population, names
from carousel_envs.rollout import rollout
from support.matrix import most_later
from support.small_runs import BOREDOM, SMALL, small

ENV = "Carousel/Boredom-v0"


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("algorithm", "name"),
    most_later(
        itertools.product(core_algorithms(), names()),
        lambda algorithm, name: name == "Unmask" or algorithm == "ppo",
    ),
)
def test_every_algorithm_trains_on_every_environment(algorithm: str, name: str, tmp_path):
    population = any_population(name)
    file = execute(small(algorithm, population))
    assert file.training["steps"] >= 1500
    file.save(tmp_path / "policy.safetensors")
    kept = PolicyFile.load(tmp_path / "policy.safetensors")
    result = evaluate(LearnedRouter(kept, "kept"), population, users=50)
    assert np.isfinite(result.engagement)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "algorithm", most_later(core_algorithms(), lambda name: name in ("ppo", "dqn", "recurrent-ppo"))
)
def test_the_same_seed_gives_the_same_policy_and_another_does_not(algorithm: str, tmp_path):
    files = []
    for i, seed in enumerate((3, 3, 4)):
        file = execute(small(algorithm, seed=seed))
        # all that may differ is how long it took
        file.training["seconds"] = 0.0
        file.training["seed"] = 0
        file.save(tmp_path / str(i))
        files.append((tmp_path / str(i)).read_bytes())
    assert files[0] == files[1]
    assert files[0] != files[2]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("algorithm", core_algorithms())
def test_updates_move_every_layer_of_the_acting_network(algorithm: str):
    """What is written is what was trained, not what it began with."""
    early, late = (execute(small(algorithm, steps=steps)) for steps in (700, 1500))
    for one, other in zip(early.network.layers, late.network.layers, strict=True):
        for a, b in zip(one, other, strict=True):
            assert not np.array_equal(a, b)


@pytest.mark.sampled(3)
@pytest.mark.parametrize("algorithm", ["ppo", "dqn", "recurrent-ppo"])
def test_the_ladder_goes_down_to_a_linear_policy(algorithm: str):
    shapes = {}
    for network in ([], [7], [7, 5]):
        file = execute(small(algorithm, settings={**SMALL[algorithm], "network": network}))
        shapes[len(network)] = [weight.shape[0] for weight, _ in file.network.layers]
    assert shapes == {0: [4], 1: [7, 4], 2: [7, 5, 4]}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("view", [View(3), View(1, True), View(2, True)])
@pytest.mark.parametrize("algorithm", ["ppo", "dqn", "recurrent-ppo"])
def test_what_is_shown_reaches_the_network(algorithm: str, view: View):
    taste = Population.preset("Taste")
    file = execute(small(algorithm, taste, view=view))
    assert file.columns == view.columns(taste)
    assert len(set(file.columns)) == len(file.columns)
    evaluate(LearnedRouter(file, "kept"), taste, users=20)


def test_context_is_not_shown_where_there_are_no_users():
    with pytest.raises(CarouselError, match="only environments with users who have moods"):
        small("ppo", any_population("Recall"), view=View(visible_context=True))


def test_the_file_says_where_the_policy_comes_from():
    seen = []
    run = Run.of(BOREDOM, environment=ENV, steps=6_000, seed=3, curve=3)
    file = execute(run, report=seen.append)
    assert file.population == BOREDOM
    assert file.training["seed"] == 3
    assert file.training["steps"] == run.steps
    assert file.training["resumed"] == 0
    assert file.training["settings"] == run.settings.model_dump(mode="json")
    assert file.versions["torch"] == torch.__version__
    assert [p.steps for p in seen] == sorted({p.steps for p in seen})
    assert seen[-1].steps == seen[-1].total == run.steps
    curve = file.training["curve"]
    assert len(curve) == 3
    assert curve[-1]["steps"] == run.steps
    assert curve[-1]["seconds"] <= file.training["seconds"]
    last = LearnedRouter(file, "last")
    played = rollout(BOREDOM, last, callback.CURVE_USERS, callback._CURVE_SEED)
    assert curve[-1]["engagement"] == played.mean


def test_the_curve_changes_nothing(tmp_path):
    for curve in (0, 5):
        file = execute(small("ppo", curve=curve))
        file.training.update(seconds=0.0, curve=[])
        file.save(tmp_path / str(curve))
    assert (tmp_path / "0").read_bytes() == (tmp_path / "5").read_bytes()


def test_training_shares_no_session_with_evaluation_or_another_seed(monkeypatch):
    seeds = []
    reset = CarouselVecEnv.reset

    def spy(env):
        seeds.append(env._seeds[0])
        return reset(env)

    monkeypatch.setattr(CarouselVecEnv, "reset", spy)
    for seed in (0, 1):
        train(BOREDOM, environment=ENV, steps=1, seed=seed)
    assert min(seeds) > 2**61 + 2**60 + 2**32, "references, curves and evaluations use lower seeds"
    assert abs(seeds[0] - seeds[1]) > preset("ppo").lanes


@pytest.mark.sampled(2)
@pytest.mark.parametrize("algorithm", ["ppo", "a2c", "trpo", "dqn"])
def test_no_update_unlearns(monkeypatch, algorithm: str):
    """A step count that is no whole number of rollouts must not push the learning rate below 0."""
    rates = []
    model = ALGORITHMS[algorithm].implementation.model
    update = model.train

    def spy(model, *arguments, **named):
        update(model, *arguments, **named)
        rates.append(model.policy.optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(model, "train", spy)
    execute(small(algorithm, steps=1111))
    assert rates == sorted(rates, reverse=True)
    assert rates[0] > 0
    assert 0 <= rates[-1] < rates[0] / 2


@pytest.mark.slow
@pytest.mark.sampled(4)
@pytest.mark.parametrize("algorithm", ["ppo", "a2c", "recurrent-ppo", "maskable-ppo"])
def test_the_entropy_bonus_falls_to_nothing(monkeypatch, algorithm: str):
    seen = []
    model = ALGORITHMS[algorithm].implementation.model
    update = model.train

    def spy(model):
        seen.append((model.num_timesteps, model.ent_coef))
        update(model)

    monkeypatch.setattr(model, "train", spy)
    settings = {**SMALL[algorithm], "ent_coef": 0.2, "ent_coef_until": 0.5}
    run = small(algorithm, settings=settings, steps=6000)
    execute(run)
    for steps, ent_coef in seen:
        assert ent_coef == pytest.approx(0.2 * max(0.0, 1.0 - 2 * steps / run.steps))
    assert seen[0][1] > 0.15
    assert seen[-1][1] == 0.0


@pytest.mark.parametrize("algorithm", core_algorithms())
def test_losses_that_are_no_numbers_stop_the_run_with_a_sentence(monkeypatch, algorithm: str):
    run = small(algorithm)
    step = CarouselVecEnv.step_wait

    def poisoned(env):
        observation, reward, done, infos = step(env)
        return observation, np.full_like(reward, np.nan), done, infos

    monkeypatch.setattr(CarouselVecEnv, "step_wait", poisoned)
    with pytest.raises(CarouselError, match="training diverged: ") as caught:
        execute(run)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("algorithm", ["ppo", "a2c", "recurrent-ppo", "maskable-ppo", "trpo"])
def test_weights_that_are_no_numbers_stop_the_run_before_a_persona_is_drawn(
    monkeypatch, algorithm: str
):
    """The losses of an update are those from before it, so its weights show in the next rollout."""
    run = small(algorithm)
    model = ALGORITHMS[algorithm].implementation.model
    update = model.train

    def spoiled(model):
        update(model)
        with torch.no_grad():
            model.policy.action_net.weight[0, 0] = np.nan

    monkeypatch.setattr(model, "train", spoiled)
    with pytest.raises(CarouselError, match="training diverged: a weight is not finite after"):
        execute(run)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"algorithm": "sarsa"}, "algorithm 'sarsa' is unknown; known are ppo, a2c"),
        ({"steps": 0}, "steps is 0"),
        ({"steps": 1.5}, "steps is 1.5"),
        ({"seed": -1}, "seed is -1"),
        ({"curve": -1}, "curve is -1"),
        ({"settings": {"lanez": 1}}, "lanez is not a field of PPOSettings"),
        ({"settings": {"network": [0]}}, r"network\[0\] is 0"),
        ({"settings": {"batch_size": 1}}, "batch_size is 1"),
        ({"settings": {"lanes": 1, "n_steps": 1}}, "a rollout must have at least 2 turns"),
        ({"algorithm": "trpo", "settings": {"max_grad_norm": 1.0}}, "is not a field of TRPO"),
        ({"algorithm": "recurrent-ppo", "settings": {"shared_lstm": True}}, "are both true"),
        ({"settings": {"gamma": 2.0}}, "gamma is 2.0"),
        ({"settings": {"activation": "elu"}}, "activation is 'elu'"),
        ({"algorithm": "dqn", "steps": 20_000}, "dqn picks at random for the first"),
    ],
)
def test_bad_requests_are_one_sentence(options, sentence: str):
    with pytest.raises(CarouselError, match=sentence) as caught:
        train(BOREDOM, **{"environment": ENV, "steps": 1000, **options})
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_ppo_comes_within_three_percent_of_the_best_memoryless_router():
    """The median seed of three, and every seed within five."""
    best = solve(BOREDOM).score(best_memoryless(BOREDOM)[0])
    scores = [
        evaluate(
            LearnedRouter(train(BOREDOM, environment=ENV, seed=seed), "ppo"),
            BOREDOM,
            users=200_000,
            seed=1,
        ).score
        for seed in range(3)
    ]
    # which seed lags behind depends on the processor: on one, one of ten came within four
    assert np.median(scores) >= 0.97 * best
    assert min(scores) >= 0.95 * best
