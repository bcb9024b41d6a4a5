"""The search for settings: resumable, honest about what it saw, never worse than the preset."""

import inspect
import os
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import optuna
import pytest

from carousel_agents.learning import tune as tuning
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.algorithms.record import core_algorithms
from carousel_agents.learning.settings import preset, read_settings, settings_of
from carousel_agents.learning.spaces import as_parameters, as_settings, propose
from carousel_agents.learning.train import Run, train
from carousel_agents.learning.tune import tune
from carousel_envs import CarouselError
from support.command_line import result
from support.small_runs import BOREDOM

SHORT = BOREDOM.replace(session_length=8)


def search(storage: Path, trials: int, **changes):
    request = {"environment": "Mine/X-v0", "algorithm": "a2c", "steps": 20_000, "seeds": 1}
    return tune(SHORT, storage=storage, trials=trials, **{**request, **changes})


@pytest.mark.parametrize("algorithm", core_algorithms())
def test_every_proposal_is_allowed_and_the_preset_is_one(algorithm: str):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    for _ in range(30):
        settings_of(algorithm, propose(study.ask(), algorithm, preset(algorithm).model_dump()))
    known = preset(algorithm).model_dump()
    parameters = as_parameters(algorithm, known)
    assert set(parameters) == set(ALGORITHMS[algorithm].space)
    assert settings_of(algorithm, as_settings(parameters)) == preset(algorithm)


@pytest.mark.slow
def test_a_search_goes_on_and_is_never_worse_than_the_preset(tmp_path: Path):
    seen = []
    first = search(tmp_path / "s", 3)
    second = search(tmp_path / "s", 5, report=lambda done, total, best: seen.append((done, total)))
    assert seen[0] == (3, 5)
    assert second.trials + second.pruned + second.failed == 5
    assert second.engagement >= first.engagement >= first.preset_engagement
    assert second.preset_engagement == first.preset_engagement
    # what was done needs no more training
    assert search(tmp_path / "s", 5, report=None) == second
    settings_of("a2c", second.settings)


@pytest.mark.slow
def test_the_preset_counts_with_the_seeds_of_the_search(tmp_path: Path):
    found = search(tmp_path / "s", 1, seeds=2)
    engagements = [
        train(
            SHORT,
            environment="Mine/X-v0",
            algorithm="a2c",
            steps=20_000,
            seed=tuning._FIRST_SEED + i,
            curve=1,
        ).training["curve"][-1]["engagement"]
        for i in range(2)
    ]
    assert found.preset_engagement == pytest.approx(sum(engagements) / 2)


@pytest.mark.slow
def test_no_search_sees_a_shifted_population_or_a_reported_seed(tmp_path: Path, monkeypatch):
    """All that is ever trained on or played is the population that was given."""
    seen = []
    execute = tuning.execute

    def spy(run: Run, **others):
        seen.append(run)
        return execute(run, **others)

    monkeypatch.setattr(tuning, "execute", spy)
    search(tmp_path / "s", 2)
    assert seen
    assert {run.population.fingerprint for run in seen} == {SHORT.fingerprint}
    assert min(run.seed for run in seen) >= 10**6
    assert not [name for name in inspect.signature(tune).parameters if "shift" in name]


def test_a_storage_of_another_search_is_refused(tmp_path: Path):
    search(tmp_path / "s", 1)
    for changes, sentence in (
        ({"algorithm": "ppo"}, "its algorithm is 'a2c'"),
        ({"steps": 10_000}, "its steps is 20000"),
        ({"seeds": 2}, "its seeds is 1"),
    ):
        with pytest.raises(CarouselError, match=sentence):
            search(tmp_path / "s", 1, **changes)
    (tmp_path / "no").write_text("no database")
    with pytest.raises(CarouselError, match="cannot be used as a storage"):
        search(tmp_path / "no", 1)
    assert (tmp_path / "no").read_text() == "no database"


def test_trials_that_diverge_do_not_end_the_search(tmp_path: Path, monkeypatch):
    execute = tuning.execute

    def diverges(run: Run, **others):
        if run.settings != settings_of("a2c", {"steps": 20_000}):
            raise CarouselError("training diverged: weights are not finite")
        return execute(run, **others)

    monkeypatch.setattr(tuning, "execute", diverges)
    found = search(tmp_path / "s", 4)
    assert (found.trials, found.failed) == (1, 3)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"trials": 0}, "trials is 0"), ({"seeds": 0}, "seeds is 0"), ({"algorithm": "x"}, "known")],
)
def test_bad_requests_are_one_sentence(tmp_path: Path, changes, sentence: str):
    with pytest.raises(CarouselError, match=sentence):
        search(tmp_path / "s", **{"trials": 1, **changes})
    assert not list(tmp_path.iterdir())


def test_the_command_writes_settings_that_train_takes(tmp_path: Path):
    out, policy = tmp_path / "tuned.toml", tmp_path / "p.safetensors"
    result(
        *("tune", "Boredom", "--algo", "a2c", "--trials", "2", "--steps", "20000"),
        *("--seeds", "1", "--set", "session_length=8", "--out", str(out)),
    )
    settings_of("a2c", read_settings(out))
    assert "engagement per session" in out.read_text()
    result(
        *("train", "Boredom", "--algo", "a2c", "--steps", "6000"),
        *("--settings", str(out), "--setting", "lanes=16", "--out", str(policy)),
    )
    assert tomllib.loads(out.read_text())
    assert policy.exists()


@pytest.mark.slow
def test_a_search_that_is_killed_goes_on(tmp_path: Path):
    out = tmp_path / "tuned.toml"
    arguments = [
        *(sys.executable, "-m", "carousel_agents.cli", "tune", "Boredom", "--algo", "a2c"),
        *("--trials", "12", "--steps", "200000", "--seeds", "1", "--out", str(out)),
    ]
    storage = out.with_suffix(".sqlite")
    for wanted in (2, 5):
        run = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while _trials(storage) < wanted:
            assert run.poll() is None
            time.sleep(0.1)
        os.kill(run.pid, signal.SIGKILL)
        run.wait()
        assert _trials(storage) >= wanted
    subprocess.run(arguments, check=True, capture_output=True)
    assert _trials(storage) >= 12
    assert read_settings(out)


def _trials(storage: Path) -> int:
    if not storage.exists():
        return 0
    try:
        with sqlite3.connect(storage) as database:
            return database.execute(
                "select count(*) from trials where state != 'RUNNING'"
            ).fetchone()[0]
    except sqlite3.OperationalError:
        return 0
