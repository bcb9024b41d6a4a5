"""The storage of a search: which file it is, what may stand in it, and what a kill leaves there."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from typer.testing import CliRunner

from carousel_agents.commands.app import app
from carousel_agents.learning import tune as tuning
from carousel_agents.learning.settings import preset
from carousel_agents.learning.spaces import as_parameters
from carousel_agents.learning.tune import tune
from carousel_agents.system.interruption import Interrupted
from carousel_envs import CarouselError
from support.search_together import search_together
from support.small_runs import BOREDOM

PRESET = as_parameters("a2c", preset("a2c").model_dump())
STEPS = preset("a2c").steps


def search(storage: Path, trials: int) -> Any:
    request = {"environment": "Mine/X-v0", "algorithm": "a2c", "seeds": 1}
    return tune(BOREDOM, storage=storage, trials=trials, **request)


@pytest.fixture(autouse=True)
def rates(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Runs end at once, and those of higher learning rates better; which ones there were."""
    seen: list[float] = []

    def execute(run: Any, **_: Any) -> Any:
        seen.append(run.settings.learning_rate)
        return SimpleNamespace(training={"curve": [{"engagement": run.settings.learning_rate}]})

    monkeypatch.setattr(tuning, "execute", execute)
    return seen


def killed(storage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search whose process ends in its first trial, which nobody closes."""

    def ends(*_: Any, **__: Any) -> None:
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr(tuning, "execute", ends)
        with pytest.raises(Interrupted):
            search(storage, 9)
    (trial,) = study(storage).trials
    assert trial.state == optuna.trial.TrialState.RUNNING


def study(storage: Path) -> optuna.Study:
    return optuna.load_study(study_name="carousel", storage=f"sqlite:///{storage}")


# -- the preset -------------------------------------------------------------------------------


@pytest.mark.parametrize("trials", [1, 3])
def test_a_search_killed_at_its_beginning_still_tries_the_preset(
    trials: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rates: list[float]
):
    killed(tmp_path / "s", monkeypatch)
    found = search(tmp_path / "s", trials)
    assert found.preset_engagement == preset("a2c").learning_rate
    assert found.trials == len(rates) == trials
    # the trial under way might have been another process's: it is waited for until the last one
    assert [trial.params == PRESET for trial in study(tmp_path / "s").trials[1:]] == [
        *(False for _ in range(trials - 1)),
        True,
    ]


def test_no_search_ends_without_the_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Even if others made all the trials that were asked for."""
    killed(tmp_path / "s", monkeypatch)
    spaces = optuna.create_study()
    other = spaces.ask()
    tuning.propose(other, "a2c", preset("a2c").model_dump())
    spaces.tell(other, 1.0)
    study(tmp_path / "s").add_trials(spaces.trials)
    reported = []
    found = tune(
        BOREDOM,
        environment="Mine/X-v0",
        algorithm="a2c",
        seeds=1,
        storage=tmp_path / "s",
        trials=1,
        report=lambda done, total, _: reported.append((done, total)),
    )
    assert (found.trials, found.engagement) == (2, 1.0)
    assert found.preset_engagement == preset("a2c").learning_rate
    assert reported == [(1, 1), (1, 1)]


def test_no_engagement_of_the_preset_means_that_it_diverged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rates: list[float]
):
    execute = tuning.execute

    def diverges(run: Any, **others: Any) -> Any:
        if run.settings == preset("a2c"):
            raise CarouselError("training diverged: weights are not finite")
        return execute(run, **others)

    monkeypatch.setattr(tuning, "execute", diverges)
    found = search(tmp_path / "s", 2)
    assert (found.preset_engagement, found.trials, found.failed) == (None, 1, 1)
    # and nothing more is tried for its sake
    assert search(tmp_path / "s", 2) == found
    assert len(rates) == 1


# -- the file ---------------------------------------------------------------------------------


@pytest.mark.sampled(3)
@pytest.mark.parametrize("name", ["a?b", "a#b", "a%20b", "{x}", "a?mode=memory", "ä b;c"])
def test_a_storage_is_the_file_that_is_named(name: str, tmp_path: Path, rates: list[float]):
    first = search(tmp_path / name, 1)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes().startswith(b"SQLite format 3")
    assert search(tmp_path / name, 1) == first
    assert len(rates) == 1


def tuned(*arguments: Any) -> Any:
    command = ("tune", "Boredom", "--algo", "a2c", "--trials", "1", *arguments)
    return CliRunner().invoke(app, [str(a) for a in command], catch_exceptions=False)


def test_settings_are_not_written_over_their_search(tmp_path: Path, monkeypatch):
    out, storage = tmp_path / "x.toml", tmp_path / "x.sqlite"
    search(out, 1)
    before = out.read_bytes()
    monkeypatch.chdir(tmp_path)
    both = r"are both \S*x\.toml; they must be two files"
    for given in (out, "x.toml", tmp_path / "none" / ".." / "x.toml"):
        with pytest.raises(CarouselError, match=both):
            tuned("--out", "x.toml", "--storage", given, "--force")
    os.link(out, tmp_path / "hard.sqlite")
    with pytest.raises(CarouselError, match="they must be two files"):
        tuned("--out", out, "--storage", tmp_path / "hard.sqlite", "--force")
    # the default
    storage.symlink_to(out)
    with pytest.raises(CarouselError, match="they must be two files"):
        tuned("--out", out, "--force")
    out.rename(storage)
    out.symlink_to(storage)
    with pytest.raises(CarouselError, match="they must be two files"):
        tuned("--out", out, "--force")
    assert storage.read_bytes() == before
    with pytest.raises(CarouselError, match="they must be two files"):
        tuned("--out", "none/new.toml", "--storage", "none/new.toml")
    assert not (tmp_path / "none").exists()


def test_the_command_says_where_the_preset_diverged(tmp_path: Path, monkeypatch):
    found = tuning.Tuned({"gamma": 0.5}, 1.0, None, 1, 0, 1)
    monkeypatch.setattr(tuning, "tune", lambda *_, **__: found)
    assert tuned("--out", tmp_path / "x.toml").exit_code == 0
    assert "per session over 2 seeds, the preset diverged\n" in (tmp_path / "x.toml").read_text()


# -- what stands in it ------------------------------------------------------------------------


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "damage", ["5", "no JSON", "", '"no JSON"', '"5"', '"null"', "null", '"[]"', "[" * 10_000]
)
def test_a_damaged_request_is_one_sentence(damage: str, tmp_path: Path):
    storage = tmp_path / "s"
    search(storage, 1)
    with closing(sqlite3.connect(storage)) as database, database:
        changed = database.execute("update study_user_attributes set value_json = ?", (damage,))
        assert changed.rowcount == 1
    with pytest.raises(CarouselError, match="s is damaged: what the search") as caught:
        search(storage, 1)
    assert "\n" not in str(caught.value)


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda known: known.update(steps=None), f"its steps is None, and {STEPS} is asked for"),
        (lambda known: known.pop("steps"), f"its steps is not known, and {STEPS} is asked for"),
        (lambda known: known.update(new=None), "its 'new' is None, and is not asked for"),
        (lambda known: known["versions"].update(torch="0"), "its versions.torch is '0', and "),
        (lambda known: known["versions"].update(new="1"), "its 'versions.new' is '1', and is not"),
        (lambda known: known.update(view={}), "its view.history is not known, and 1 is asked for"),
        (lambda known: known.update(view=None), "its view.history is not known, and 1 is asked"),
        (lambda known: known.clear(), "its environment is not known, and 'Mine/X-v0' is"),
    ],
)
def test_whatever_differs_is_named(change: Any, sentence: str, tmp_path: Path):
    storage = tmp_path / "s"
    search(storage, 1)
    kept = study(storage)
    known = json.loads(kept.user_attrs["request"])
    change(known)
    kept.set_user_attr("request", json.dumps(known))
    with pytest.raises(CarouselError, match=f"holds another search: {sentence}") as caught:
        search(storage, 1)
    assert "\n" not in str(caught.value)


# -- several processes ------------------------------------------------------------------------


@pytest.mark.slow
def test_two_processes_that_begin_one_search_at_once_share_it(tmp_path: Path):
    assert search_together(tmp_path, processes=2, searches=4) == []
