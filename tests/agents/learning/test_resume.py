"""Runs that are killed go on from their checkpoint, bit for bit."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from carousel_agents.learning import PolicyFile, callback
from carousel_agents.learning.algorithms import ALGORITHMS
from carousel_agents.learning.algorithms.record import core_algorithms
from carousel_agents.learning.checkpoint import CheckpointError, signed
from carousel_agents.learning.train import Run, execute
from carousel_agents.learning.view import View
from carousel_envs import CarouselError
from carousel_envs.registry import any_population
from support.matrix import most_later
from support.resumed import KilledError, contents, interrupt_after, until_done
from support.small_runs import BOREDOM, small


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("algorithm", "name"),
    most_later(
        [(algorithm, "Satiation") for algorithm in core_algorithms()]
        + [("ppo", "Recall"), ("recurrent-ppo", "Welfare"), ("dqn", "Taste")],
        lambda algorithm, name: name in ("Recall", "Welfare") or algorithm == "qr-dqn",
    ),
)
def test_a_run_that_was_cut_short_ends_as_if_it_had_not_been(
    algorithm: str, name: str, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(callback, "CURVE_USERS", 100)  # as good as any number here
    run = small(algorithm, any_population(name), view=View(2), curve=4)
    whole = execute(run)
    # at the first checkpoint, before any update; soon; late: what learns from a memory has begun to
    interrupt_after(monkeypatch, 1, 3, *((25, 60) if "dqn" in algorithm else (4,)))
    resumed = until_done(run, tmp_path / "checkpoint")
    assert resumed.training["resumed"] == (4 if "dqn" in algorithm else 3)
    # a whole number of steps, although 40.0 == 40: a record of any other is refused
    kinds = {name: type(value) for name, value in resumed.training["curve"][0].items()}
    assert kinds == {"steps": int, "seconds": float, "engagement": float}
    assert contents(whole, tmp_path) == contents(resumed, tmp_path)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("algorithm", ["ppo", "dqn"])
def test_a_run_that_had_nothing_left_to_learn_only_writes_its_policy(
    algorithm: str, tmp_path: Path, monkeypatch
):
    run, path = small(algorithm, curve=2), tmp_path / "checkpoint"
    whole = execute(run, checkpoint=path, checkpoint_seconds=0.0)
    # killed after the last checkpoint, before the policy was safe
    monkeypatch.setattr(ALGORITHMS[algorithm].implementation.model, "train", None)
    resumed = execute(run, checkpoint=path)
    assert resumed.training["resumed"] == 1
    assert contents(whole, tmp_path) == contents(resumed, tmp_path)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("algorithm", ["ppo", "dqn"])
def test_a_checkpoint_before_the_first_turn_counts_too(algorithm: str, tmp_path: Path, monkeypatch):
    run = small(algorithm)
    whole = execute(run)
    interrupt_after(monkeypatch, 1)
    resumed = until_done(run, tmp_path / "checkpoint")
    assert resumed.training["resumed"] == 1
    assert contents(whole, tmp_path) == contents(resumed, tmp_path)


def test_a_memory_that_is_full_comes_back(tmp_path: Path, monkeypatch):
    settings = {"lanes": 16, "learning_starts": 50, "buffer_size": 200, "batch_size": 16}
    run = small("dqn", settings=settings, steps=800)
    whole = execute(run)
    interrupt_after(monkeypatch, 30)
    resumed = until_done(run, tmp_path / "checkpoint")
    assert contents(whole, tmp_path) == contents(resumed, tmp_path)


def test_a_checkpoint_of_another_run_is_refused_and_left_alone(tmp_path: Path, monkeypatch):
    path = tmp_path / "checkpoint"
    interrupt_after(monkeypatch, 1)
    with pytest.raises(KilledError):
        execute(small("ppo"), checkpoint=path, checkpoint_seconds=0.0)
    kept = path.read_bytes()
    others = {
        "its seed is 0, and 1 is asked for": small("ppo", seed=1),
        "its algorithm is 'ppo'": small("maskable-ppo"),
        "its settings steps is 1500": small("ppo", steps=3000),
        "its view history is 1": small("ppo", view=View(2)),
        "its population is": small("ppo", BOREDOM.replace(swap_cost=0.9)),
    }
    for sentence, run in others.items():
        with pytest.raises(CarouselError, match=sentence) as caught:
            execute(run, checkpoint=path)
        assert "\n" not in str(caught.value)
        assert path.read_bytes() == kept


def test_damaged_checkpoints_are_refused(tmp_path: Path, monkeypatch):
    path = tmp_path / "checkpoint"
    interrupt_after(monkeypatch, 1)
    with pytest.raises(KilledError):
        execute(small("ppo"), checkpoint=path, checkpoint_seconds=0.0)
    data = path.read_bytes()
    for size in (0, 7, 100, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:size])
        with pytest.raises(CarouselError, match="is no checkpoint, or damaged"):
            execute(small("ppo"), checkpoint=path)
    path.write_bytes(data.replace(b'"shape":[32]', b'"shape":[4,8]', 1).ljust(len(data)))
    with pytest.raises(CarouselError, match="checkpoint"):
        execute(small("ppo"), checkpoint=path)


def edited(path: Path, change, *, sign: bool = True) -> None:
    """The checkpoint with its document and arrays changed, and otherwise valid."""
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        document = json.loads(metadata["carousel_checkpoint"])
        arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    change(document, arrays)
    metadata["carousel_checkpoint"] = json.dumps(document)
    data = signed(json.dumps(document), arrays) if sign else save(arrays, metadata)
    path.write_bytes(data)


def checkpoint(path: Path, algorithm: str, monkeypatch, saves: int = 1) -> Run:
    """A run, and the checkpoint at which it was killed."""
    run = small(algorithm)
    with monkeypatch.context() as patched:
        interrupt_after(patched, saves)
        with pytest.raises(KilledError):
            execute(run, checkpoint=path, checkpoint_seconds=0.0)
    return run


def number(name, value):
    return lambda document, arrays: document["numbers"].update({name: value})


def progress(value):
    return lambda document, arrays: document.update(progress=value)


def unseen(document, arrays):
    arrays["last.observation"][0, 0] = np.nan


def missing_setting(document, arrays):
    document["request"]["settings"]["unknown"] = None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (number("random.numpy", [10**9, 0, 0.0]), "random.numpy.0 is 1000000000"),
        (number("num_timesteps", 1e9), r"num_timesteps is 1e\+09; it must be a multiple of"),
        (number("num_timesteps", -5), "num_timesteps is -5"),
        (number("num_timesteps", 7), "num_timesteps is 7; it must be a multiple of"),
        (number("num_timesteps", float("inf")), "num_timesteps"),
        (number("episodes", [1, 2]), "episodes.0 is 1"),
        (progress({}), "curve is"),
        (progress([]), "is damaged"),
        (progress({"curve": [], "seconds": None, "resumed": 0}), "seconds is None"),
        (progress({"curve": [], "seconds": 1.0, "resumed": "a"}), "resumed is 'a'"),
        (unseen, "last.observation must hold finite numbers"),
        (missing_setting, "its settings unknown is None, and 'nothing' is asked for"),
    ],
)
def test_edited_checkpoints_are_refused_and_left_alone(
    tmp_path: Path, monkeypatch, change, sentence
):
    path = tmp_path / "checkpoint"
    run = checkpoint(path, "ppo", monkeypatch)
    edited(path, change)
    data = path.read_bytes()
    with pytest.raises(CarouselError, match=sentence) as told:
        execute(run, checkpoint=path)
    assert "\n" not in str(told.value)
    assert path.read_bytes() == data


def without(name):
    return lambda document, arrays: arrays.pop(name)


def halved(name):
    return lambda document, arrays: arrays.update({name: arrays[name][: len(arrays[name]) // 2]})


def doubled(name):
    return lambda document, arrays: arrays.update({name: np.concatenate([arrays[name]] * 2)})


def infinite(name):
    return lambda document, arrays: arrays[name].reshape(-1).__setitem__(0, -np.inf)


def wider(name):
    return lambda document, arrays: arrays.update({name: arrays[name].astype(np.float64)})


CUT = (without, halved, doubled)
UNFIT = [
    *(("ppo", change(f"optimizer.0.{slot}")) for change in CUT for slot in ("exp_avg_sq", "step")),
    *(("recurrent-ppo", change("last.pi.cell")) for change in (*CUT, infinite, wider)),
    *(("recurrent-ppo", change("last.vf.hidden")) for change in (*CUT, infinite, wider)),
    *(("dqn", change("replay.rewards")) for change in (*CUT, infinite)),
    *(("ppo", change("last.begins")) for change in CUT),
    ("ppo", infinite("optimizer.1.exp_avg")),
    ("ppo", infinite("policy.action_net.bias")),
    ("ppo", without("env.env.turn")),
    ("dqn", number("replay", [10**9, False])),
    ("dqn", number("replay", "full")),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize("place", range(len(UNFIT)))
def test_state_of_another_shape_is_refused_by_train_and_left_alone(
    place: int, tmp_path: Path, monkeypatch
):
    algorithm, change = UNFIT[place]
    path = tmp_path / "checkpoint"
    run = checkpoint(path, algorithm, monkeypatch, 20 if algorithm == "dqn" else 2)
    edited(path, change)
    data = path.read_bytes()
    with pytest.raises(CheckpointError, match="does not fit this run") as told:
        execute(run, checkpoint=path)
    assert "\n" not in str(told.value)
    assert path.read_bytes() == data


def other_weight(document, arrays):
    arrays["policy.action_net.bias"][0] += 0.25


def other_seconds(document, arrays):
    document["progress"]["seconds"] += 1.0


@pytest.mark.parametrize("change", [other_weight, other_seconds, halved("optimizer.0.exp_avg")])
def test_a_checkpoint_that_was_changed_since_it_was_written_is_refused(
    change, tmp_path: Path, monkeypatch
):
    path = tmp_path / "checkpoint"
    run = checkpoint(path, "ppo", monkeypatch, 2)
    edited(path, change, sign=False)
    with pytest.raises(CheckpointError, match="is damaged: it does not hold what was written"):
        execute(run, checkpoint=path)


def test_checkpoints_come_at_a_bounded_interval(tmp_path: Path, monkeypatch):
    times = []
    save = callback.save_checkpoint

    def spy(path, model, request, progress):
        times.append(progress["seconds"])
        save(path, model, request, progress)

    monkeypatch.setattr(callback, "save_checkpoint", spy)
    file = execute(small("ppo", steps=6000), checkpoint=tmp_path / "c", checkpoint_seconds=0.05)
    assert times
    assert (np.diff(times) >= 0.05).all()
    assert len(times) <= file.training["seconds"] / 0.05


# -- the real thing ------------------------------------------------------------------------------

COMMAND = (
    *("train", "Boredom", "--steps", "60000", "--seed", "5", "--checkpoint-seconds", "0.05"),
    *("--setting", "lanes=32", "--setting", "batch_size=160", "--curve", "3"),
)


def command(out: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "carousel_agents.cli", *COMMAND, "--out", str(out), *more]


def kill_at(arguments: list[str], seconds: float) -> bool:
    """Run for so long and kill; whether the run was still under way."""
    run = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        run.wait(seconds)
    except subprocess.TimeoutExpired:
        run.send_signal(signal.SIGKILL)
        run.wait()
        return True
    assert run.returncode == 0
    return False


def readable(folder: Path) -> None:
    """No file that has a name of its own is half written."""
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118
                file.get_tensor(name)
            for key, text in file.metadata().items():
                if key != "sha256":
                    json.loads(text)


@pytest.mark.slow
def test_kill_9_at_ten_random_moments(tmp_path: Path):
    whole, cut = tmp_path / "whole" / "p.safetensors", tmp_path / "cut" / "p.safetensors"
    started = time.perf_counter()
    subprocess.run(command(whole), check=True, capture_output=True)
    usual = time.perf_counter() - started
    rng = np.random.default_rng(int(os.environ.get("CAROUSEL_KILL_SEED", "0")))
    kills = 0
    while kills < 10:
        # from the middle of the imports to the end of a run
        started = time.perf_counter()
        if kill_at(command(cut), rng.uniform(0.5, 1.1) * usual):
            kills += 1
        else:
            # a machine that was slow at first would else never be killed in time
            usual = min(usual, time.perf_counter() - started)
        if cut.parent.exists():
            readable(cut.parent)
        # the run was over, or killed just as it ended: the next one begins anew
        cut.unlink(missing_ok=True)
    subprocess.run(command(cut), check=True, capture_output=True)
    assert [path.name for path in cut.parent.iterdir()] == ["p.safetensors"]
    one, other = PolicyFile.load(whole), PolicyFile.load(cut)
    assert contents(one, tmp_path) == contents(other, tmp_path)
