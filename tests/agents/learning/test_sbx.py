"""PPO and DQN of SBX: as reproducible, as resumable and as exactly kept as the others."""

import os
import subprocess
import sys
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import optuna
import pytest

from carousel_agents.generalisation import evaluate
from carousel_agents.learning import LearnedRouter, PolicyFile
from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.algorithms.record import algorithms_with_extras
from carousel_agents.learning.parts import Normalisation
from carousel_agents.learning.scaled_vec_env import ScaledVecEnv
from carousel_agents.learning.settings import preset, settings_of
from carousel_agents.learning.spaces import as_parameters, as_settings, propose
from carousel_agents.learning.train import execute
from carousel_agents.learning.view import Scaling, View
from carousel_envs import CarouselError, Population, Questions
from carousel_envs.registry import any_population
from support.learned_models import file_of, played
from support.resumed import contents, interrupt_after, until_done
from support.small_runs import BOREDOM, SMALL, small

with warnings.catch_warnings():
    # what its packages deprecate of each other
    warnings.simplefilter("ignore", DeprecationWarning)
    pytest.importorskip("sbx")

import jax
from flax import linen

from carousel_agents.learning import sbx_models as ours

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LANES = 16
# some personas are away, so that columns differ more
TASTE = Population.preset("Taste").replace(unavailability=0.3)
CASES = {
    "Boredom": (BOREDOM, View()),
    "Taste": (TASTE, View(history=3, visible_context=True)),
    "Recall": (Questions.preset("Recall"), View(history=2)),
}


def trained(algorithm: str, population=BOREDOM, view: View | None = None, steps=960, **changes):
    view = view or View()
    settings = settings_of(algorithm, {**SMALL[algorithm], **changes})
    env = CarouselVecEnv.of(population, LANES, 0, view=view, time_limit="end")
    np.random.seed(0)  # noqa: NPY002
    implementation = ALGORITHMS[algorithm].implementation
    model = implementation.build(settings, env, Scaling.of(population, view))
    return model.learn(steps) if steps else model


def by_hand(rows, scaling: Scaling):
    """The formula of `Scaling`, written again."""
    rows = np.asarray(rows, dtype=np.float64)
    counts = np.isin(np.arange(rows.shape[-1]), scaling.counts)
    rows = np.where(counts, np.log1p(np.maximum(rows, 0.0)), rows)
    return ((rows - scaling.centre) / scaling.scale).astype(np.float32)


def told_by_jax(model, rows):
    """What the model's own network says of each persona: log-probabilities or values."""
    state = getattr(model.policy, "actor_state", None)
    if state is None:
        return np.asarray(model.policy.qf_state.apply_fn(model.policy.qf_state.params, rows))
    return np.asarray(jax.nn.log_softmax(state.apply_fn(state.params, rows).logits))


def assert_same(model, file: PolicyFile, population, view: View, scaling: Scaling, path: Path):
    file.save(path / "policy.safetensors")
    router = LearnedRouter(PolicyFile.load(path / "policy.safetensors"), "kept")
    rows = np.concatenate(played(population, view, 128, 90)[0])
    assert len(rows) > 10_000
    logits = router.file.network.head == "logits"
    ours, _ = (router.log_probabilities if logits else router.outputs)(rows, None)
    rtol, atol = (0, 1e-5) if logits else (1e-4, 1e-5)
    seen = by_hand(rows, scaling)
    np.testing.assert_allclose(ours, told_by_jax(model, seen), rtol=rtol, atol=atol)
    theirs, _ = model.predict(seen, deterministic=True)
    picked, _ = router.act(rows, None)
    differ = np.flatnonzero(picked != theirs)
    # nothing but ties
    assert len(differ) < 3
    assert all(abs(ours[i, picked[i]] - ours[i, theirs[i]]) < 1e-5 for i in differ)
    assert len(np.unique(picked)) > 1, "a policy that always does the same would show little"


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("algorithm", algorithms_with_extras())
def test_a_file_acts_as_its_model_does(algorithm: str, case: str, tmp_path: Path):
    population, view = CASES[case]
    model = trained(algorithm, population, view)
    file = file_of(model, algorithm, population, view)
    assert_same(model, file, population, view, Scaling.of(population, view), tmp_path)


@pytest.mark.parametrize(
    ("algorithm", "network", "activation"),
    [
        ("sbx-ppo", [], "tanh"),
        ("sbx-ppo", [7, 5, 6], "relu"),
        ("sbx-ppo", [4] * 11, "tanh"),  # Dense_10 comes after Dense_9, not after Dense_1
        ("sbx-dqn", [9, 9], "tanh"),
    ],
)
def test_other_networks_too(algorithm: str, network: list[int], activation: str, tmp_path: Path):
    model = trained(algorithm, steps=320, network=network, activation=activation)
    file = file_of(model, algorithm, BOREDOM)
    assert [len(bias) for _, bias in file.network.layers] == [*network, 4]
    assert_same(model, file, BOREDOM, View(), Scaling.of(BOREDOM, View()), tmp_path)


def test_a_model_that_takes_its_columns_plain(tmp_path: Path):
    env = CarouselVecEnv.of(BOREDOM, LANES, 0)
    model = ours.LanePPO("MlpPolicy", env, n_steps=20, batch_size=80, learning_rate=3e-3).learn(640)
    width = len(View().columns(BOREDOM))
    plain = Scaling((), np.zeros(width, np.float32), np.ones(width, np.float32))
    assert_same(model, file_of(model, "sbx-ppo", BOREDOM), BOREDOM, View(), plain, tmp_path)
    before = Normalisation(plain, 10.0)
    assert file_of(model, "sbx-ppo", BOREDOM, normalisation=before).clip == 10.0
    with pytest.raises(CarouselError, match="scales columns itself"):
        file_of(trained("sbx-ppo", steps=0), "sbx-ppo", BOREDOM, normalisation=before)


def test_what_cannot_be_written_is_told():
    env = CarouselVecEnv.of(BOREDOM, LANES, 0)
    other = {"activation_fn": linen.elu, "net_arch": [8]}
    model = ours.LanePPO("MlpPolicy", env, n_steps=20, batch_size=80, policy_kwargs=other)
    with pytest.raises(CarouselError, match="Actor of Dense_0, Dense_1; only dense layers"):
        file_of(model, "sbx-ppo", BOREDOM)
    with pytest.raises(CarouselError, match="the model is of class LanePPO; sbx-dqn makes DQN"):
        file_of(model, "sbx-dqn", BOREDOM)


@pytest.mark.parametrize("network", [[], [8], [8, 9], [8, 8, 8]])
def test_networks_that_sbx_does_not_make_are_refused(network: list[int]):
    with pytest.raises(CarouselError, match="must be two layers of one width") as caught:
        settings_of("sbx-dqn", {"network": network})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("algorithm", algorithms_with_extras())
def test_every_proposal_is_allowed_and_the_preset_is_one(algorithm: str):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(30):
        settings_of(algorithm, propose(study.ask(), algorithm, preset(algorithm).model_dump()))
    parameters = as_parameters(algorithm, preset(algorithm).model_dump())
    assert set(parameters) == set(ALGORITHMS[algorithm].space)
    assert settings_of(algorithm, as_settings(parameters)) == preset(algorithm)


@pytest.mark.parametrize("algorithm", algorithms_with_extras())
def test_the_same_seed_gives_the_same_policy_and_another_does_not(algorithm: str, tmp_path: Path):
    files = []
    for seed in (3, 3, 4):
        file = execute(small(algorithm, seed=seed))
        file.training["seed"] = 0
        files.append(contents(file, tmp_path))
    assert files[0] == files[1]
    assert files[0] != files[2]
    assert file.versions["jax"] == metadata.version("jax")
    played = evaluate(LearnedRouter(file, "kept"), BOREDOM, users=50)
    assert np.isfinite(played.engagement)


def test_a_process_that_imports_the_packages_while_it_trains_gives_the_same_too(tmp_path: Path):
    """One of them draws from NumPy's generators as it is imported."""
    contents(execute(small("sbx-dqn")), tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
        "from pathlib import Path\n"
        "from support.small_runs import small\n"
        "from support.resumed import contents\n"
        "from carousel_agents.learning.train import execute\n"
        "assert 'jax' not in sys.modules\n"
        f"contents(execute(small('sbx-dqn')), Path({str(tmp_path / 'other')!r}))"
    )
    (tmp_path / "other").mkdir()
    subprocess.run([sys.executable, "-c", code], check=True)
    files = [(folder / "contents").read_bytes() for folder in (tmp_path, tmp_path / "other")]
    assert files[0] == files[1]


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [("sbx-ppo", "Satiation"), ("sbx-dqn", "Satiation"), ("sbx-ppo", "Recall")],
)
def test_a_run_that_was_cut_short_ends_as_if_it_had_not_been(
    algorithm: str, name: str, tmp_path: Path, monkeypatch
):
    settings = {**SMALL[algorithm], "time_limit": "bootstrap"}
    run = small(algorithm, any_population(name), view=View(2), curve=4, settings=settings)
    whole = execute(run)
    # before the first update, and after some
    interrupt_after(monkeypatch, 1, 4)
    resumed = until_done(run, tmp_path / "checkpoint")
    assert resumed.training["resumed"] == 2
    assert contents(whole, tmp_path) == contents(resumed, tmp_path)


def test_a_memory_that_is_full_comes_back(tmp_path: Path, monkeypatch):
    settings = {"lanes": 16, "learning_starts": 50, "buffer_size": 200, "batch_size": 16}
    run = small("sbx-dqn", settings=settings, steps=800)
    whole = execute(run)
    interrupt_after(monkeypatch, 30)
    resumed = until_done(run, tmp_path / "checkpoint")
    assert contents(whole, tmp_path) == contents(resumed, tmp_path)


@pytest.mark.parametrize("algorithm", algorithms_with_extras())
def test_learning_rates_fall_to_zero_and_never_below(algorithm: str, monkeypatch):
    rates = []
    model = ALGORITHMS[algorithm].implementation.trained
    update = model.train

    def spy(model, *arguments, **named):
        update(model, *arguments, **named)
        policy = model.policy
        state = policy.actor_state if algorithm == "sbx-ppo" else policy.qf_state
        rates.append(float(state.opt_state[1].hyperparams["learning_rate"]))

    monkeypatch.setattr(model, "train", spy)
    run = small(algorithm, steps=1111)
    execute(run)
    assert rates == sorted(rates, reverse=True)
    assert 0 <= rates[-1] < rates[0] / 2 < run.settings.learning_rate


@pytest.mark.parametrize("algorithm", algorithms_with_extras())
def test_losses_that_are_no_numbers_stop_the_run_with_a_sentence(monkeypatch, algorithm: str):
    step = CarouselVecEnv.step_wait

    def poisoned(env):
        observation, reward, done, infos = step(env)
        return observation, np.full_like(reward, np.nan), done, infos

    monkeypatch.setattr(CarouselVecEnv, "step_wait", poisoned)
    with pytest.raises(CarouselError, match="training diverged: ") as caught:
        execute(small(algorithm))
    assert "\n" not in str(caught.value)


def test_gradients_of_dqn_are_cut():
    """Adam forgets the size of gradients, but not those that are far below its epsilon."""
    moved = []
    for norm in (1e-12, 10.0):
        model = trained("sbx-dqn", steps=0, max_grad_norm=norm)
        before = jax.tree_util.tree_leaves(model.policy.qf_state.params)
        model.learn(960)
        after = jax.tree_util.tree_leaves(model.policy.qf_state.params)
        moved.append(max(float(abs(a - b).max()) for a, b in zip(before, after, strict=True)))
    assert moved[0] < moved[1] / 100


def test_every_lane_explores_for_itself():
    model = trained("sbx-dqn", steps=320)
    model._last_obs = np.repeat(model._last_obs[:1], 1000, axis=0)
    model.num_timesteps, model.exploration_rate = 10**6, 0.5
    greedy, _ = model.policy.predict(model._last_obs[0], deterministic=True)
    picks, stored = model._sample_action(200, n_envs=1000)
    assert np.array_equal(picks, stored)
    # half of them, and a fourth of the others by chance
    assert 0.55 < np.mean(picks == greedy) < 0.7
    assert set(picks) == {0, 1, 2, 3}


def test_lanes_are_scaled_and_otherwise_themselves():
    scaling = Scaling.of(BOREDOM, View())
    plain = CarouselVecEnv.of(BOREDOM, LANES, 5)
    seen = ScaledVecEnv(CarouselVecEnv.of(BOREDOM, LANES, 5), scaling)
    close = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(seen.reset(), by_hand(plain.reset(), scaling), **close)
    rng, ended = np.random.default_rng(0), 0
    for turn in range(90):
        if turn == 50:
            kept = seen.snapshot()
            seen = ScaledVecEnv(CarouselVecEnv.of(BOREDOM, LANES, 5), scaling)
            seen.reset()
            seen.restore(kept)
        picks = rng.integers(0, 4, LANES)
        (row, reward, done, infos), (row_seen, *rest, infos_seen) = (
            env.step(picks) for env in (plain, seen)
        )
        np.testing.assert_allclose(row_seen, by_hand(row, scaling), **close)
        assert np.array_equal(rest, [reward, done])
        for info, info_seen in zip(infos, infos_seen, strict=True):
            if not info:
                assert not info_seen
                continue
            ended += 1
            last, last_seen = (i.pop("terminal_observation") for i in (info, info_seen))
            np.testing.assert_allclose(last_seen, by_hand(last, scaling), **close)
            assert info == info_seen
    assert ended >= LANES


@pytest.mark.parametrize("given", [None, "--xla_cpu_multi_thread_eigen=true"])
def test_one_thread_unless_the_user_says_otherwise(given: str | None):
    environment = {k: v for k, v in os.environ.items() if k != "XLA_FLAGS"}
    environment |= {} if given is None else {"XLA_FLAGS": given}
    code = "import os, carousel_agents.learning.sbx_models; print(os.environ['XLA_FLAGS'])"
    told = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert told == (given or "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
