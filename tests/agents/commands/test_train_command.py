"""`carousel train`: what its options do, and what it says when it cannot."""

import json
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from carousel_agents.commands import learn
from carousel_agents.commands.app import app
from carousel_agents.learning import PolicyFile, callback
from carousel_agents.system.locks import locked
from carousel_envs import CarouselError

SMALL = ("--steps", "1500", "--setting", "lanes=16", "--setting", "batch_size=80")


def carousel(*arguments: str):
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_options_reach_the_policy(tmp_path: Path):
    out = tmp_path / "p.safetensors"
    (tmp_path / "s.toml").write_text("n_steps = 20\ngamma = 0.5\n")
    done = carousel(
        *("train", "Taste", *SMALL, "--out", str(out), "--json", "--seed", "4"),
        *("--net", "7,5", "--history", "3", "--visible-context", "--curve", "2"),
        *("--settings", str(tmp_path / "s.toml"), "--setting", "gamma=0.75"),
        *("--tensorboard", str(tmp_path / "logs")),
    )
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    file = PolicyFile.load(out)
    assert document["steps"] == file.training["steps"]
    settings = file.training["settings"]
    assert (settings["n_steps"], settings["gamma"], settings["lanes"]) == (20, 0.75, 16)
    assert [weight.shape[0] for weight, _ in file.network.layers] == [7, 5, 6]
    assert (file.view.history, file.view.visible_context) == (3, True)
    assert file.training["seed"] == 4
    assert len(file.training["curve"]) == 2
    assert list((tmp_path / "logs").glob("events*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs", "p.safetensors", "s.toml"]


def test_levels_reach_the_policy(tmp_path: Path):
    out = tmp_path / "p.safetensors"
    levels = ("--level", "hazard=1", "--level", "swap-cost=0.5", "--curriculum", "regret")
    done = carousel(
        *("train", "Boredom", *SMALL, "--setting", "n_steps=20", "--out", str(out), "--json"),
        *("--set", "session_length=6", *levels),
    )
    assert done.exit_code == 0
    file = PolicyFile.load(out)
    document = {"shifts": ["hazard=1", "swap-cost=0.5"], "curriculum": "regret"}
    assert file.training["levels"].items() >= document.items()
    assert file.group == "ppo-regret"
    assert len(file.training["division"]["regret"]) == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--curriculum", "regret"), "there must be a --level"),
        (("--level", "hazard"), "'hazard' must have the form"),
        (("--level", "hazard=1", "--curriculum", "best"), "curriculum is 'best'; it must be"),
        (("--level", "hazard=1", "--setting", "lanes=1"), "lanes is 1; with 2 levels"),
    ],
)
def test_levels_that_cannot_be_are_refused_and_nothing_is_written(tmp_path, options, sentence):
    with pytest.raises(CarouselError, match=sentence):
        carousel("train", "Boredom", *SMALL, *options, "--out", str(tmp_path / "p.safetensors"))
    assert not list(tmp_path.iterdir())


def test_two_processes_do_not_write_one_policy(tmp_path: Path):
    out = tmp_path / "p.safetensors"
    with (
        locked(tmp_path / ".p.safetensors.lock", "it"),
        pytest.raises(CarouselError, match="is being written by another process"),
    ):
        carousel("train", "Boredom", *SMALL, "--out", str(out))
    assert not list(tmp_path.iterdir())


def test_a_policy_that_another_process_has_finished_meanwhile_is_kept(tmp_path, monkeypatch):
    out = tmp_path / "p.safetensors"

    @contextmanager
    def after_somebody_else(path: Path, what: str):
        # the lock is let go by whoever has just written
        out.write_bytes(b"theirs")
        with locked(path, what):
            yield

    monkeypatch.setattr(learn, "locked", after_somebody_else)
    with pytest.raises(CarouselError, match="exists; give --force to replace it"):
        carousel("train", "Boredom", *SMALL, "--out", str(out))
    assert out.read_bytes() == b"theirs"


def test_a_last_minibatch_that_is_smaller_is_no_warning(tmp_path: Path):
    out = tmp_path / "p.safetensors"
    sizes = ("--setting", "lanes=16", "--setting", "batch_size=77")
    assert carousel("train", "Boredom", "--steps", "1500", *sizes, "--out", str(out)).exit_code == 0


def test_logs_that_cannot_be_written_are_told(tmp_path: Path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(CarouselError, match="file/logs cannot be written: Not a directory"):
        carousel(
            *("train", "Boredom", *SMALL, "--out", str(tmp_path / "p.safetensors")),
            *("--tensorboard", str(tmp_path / "file" / "logs")),
        )


def test_a_linear_policy_has_one_layer(tmp_path: Path):
    out = tmp_path / "p.safetensors"
    assert carousel("train", "Boredom", *SMALL, "--net", "linear", "--out", str(out)).exit_code == 0
    assert len(PolicyFile.load(out).network.layers) == 1


def test_the_same_command_goes_on_and_restart_does_not(tmp_path: Path, monkeypatch):
    out = tmp_path / "p.safetensors"
    command = ("train", "Boredom", *SMALL, "--out", str(out), "--checkpoint-seconds", "0")
    save = callback.save_checkpoint

    def once(*arguments):
        save(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(callback, "save_checkpoint", once)
    CliRunner().invoke(app, command)
    assert [path.name for path in tmp_path.iterdir()] == ["p.safetensors.checkpoint"]
    monkeypatch.setattr(callback, "save_checkpoint", save)
    # what a kill leaves while a file is being written
    (tmp_path / ".p.safetensors.checkpoint.1.part").write_bytes(b"half")
    with pytest.raises(CarouselError, match=r"its seed is 0, and 3 is asked for.*restart"):
        carousel(*command, "--seed", "3")
    assert "resumed 1 times" in carousel(*command).stdout
    assert PolicyFile.load(out).training["resumed"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["p.safetensors"]

    monkeypatch.setattr(callback, "save_checkpoint", once)
    CliRunner().invoke(app, (*command, "--force"))
    monkeypatch.setattr(callback, "save_checkpoint", save)
    assert carousel(*command, "--force", "--restart", "--seed", "3").exit_code == 0
    assert PolicyFile.load(out).training["resumed"] == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--net", "32,x"), "--net is '32,x'; it must be widths such as 32,32, or 'linear'"),
        (("--net", "0"), r"network\[0\] is 0"),
        (("--history", "0"), "history is 0"),
        (
            ("--setting", "lanez=3"),
            r"lanez .* PPOSettings \(did you mean lanes\?\); fields are steps",
        ),
        (("--setting", "lanes"), "--setting 'lanes' must have the form field=value"),
        (("--settings", "nowhere.toml"), "nowhere.toml cannot be read"),
        (("--algo", "dqn", "--steps", "10"), "dqn picks at random for the first 20000"),
        (("--curve", "-1"), "curve is -1"),
        (("--checkpoint-seconds", "-1"), "checkpoint_seconds is -1"),
        (("--visible-context",), "only environments with users who have moods"),
    ],
)
def test_bad_options_are_one_sentence_and_leave_nothing(tmp_path: Path, options, sentence: str):
    with pytest.raises(CarouselError, match=sentence) as caught:
        carousel("train", "Recall", *options, "--out", str(tmp_path / "p.safetensors"))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())
