"""Processes that are killed, interrupted, refused a disk, or contend: nothing lost, done twice or
left behind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from support.lock_contention import contend
from support.search_together import search_together

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.soak
ENDINGS = int(os.environ.get("CAROUSEL_ENDINGS", "150"))
"""Kills and interrupts of each command."""
SHORT = ("--set", "session_length=8", "--set", "n_users=6", "--set", "boredom_hazard=[0.02,0.2]")


def test_a_lock_is_never_held_twice(tmp_path: Path):
    assert contend(tmp_path, 4, 25_000) == [0, 0, 0, 0]


def test_searches_begun_by_two_processes_at_once(tmp_path: Path):
    assert search_together(tmp_path, 2, 200) == []


# -- endings --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("endings")
    (folder / "g.toml").write_text(
        '[evaluation]\nusers = 500\n[[row]]\nenvironments = ["Boredom"]\nalgorithms = ["ppo"]\n'
        'seeds = 2\nsteps = 20_000\nset = ["session_length=8"]\nsettings = { lanes = 64 }\n'
        'label = "few"\n'
    )
    for seed in (0, 1):
        done = carousel(
            folder, "train", "Boredom", "--steps", "5000", "--seed", str(seed), *SHORT, "--out",
            f"policies/{seed}.safetensors",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    return folder


COMMANDS = {
    "train": (
        *("train", "Boredom", "--steps", "40000", "--checkpoint-seconds", "0.05", *SHORT[:2]),
        *("--setting", "lanes=64", "--out", "out/p.safetensors"),
    ),
    "grid": ("grid", "g.toml", "--out", "out"),
    "generalise": (
        *("generalise", "policies/0.safetensors", "Boredom", *SHORT, "--users", "200"),
        *("--axis", "hazard", "--axis", "swap-cost", "--out", "out"),
    ),
    "users-seen": (
        *("users-seen", "policies/0.safetensors", "policies/1.safetensors", "Boredom", *SHORT),
        *("--users", "200", "--out", "out"),
    ),
    "evaluate": ("evaluate", "optimal", "Boredom", *SHORT, "--users", "2000", "--json"),
    "tune": (
        *("tune", "Boredom", "--algo", "a2c", "--trials", "2", "--steps", "6000", "--seeds", "1"),
        *(*SHORT[:2], "--out", "out/t.toml"),
    ),
}
KEPT = {
    "train": {"p.safetensors"},
    "generalise": {"results.parquet", "summary.json", "report.html"},
    "users-seen": {"results.parquet", "summary.json"},
    "evaluate": set(),
    "tune": {"t.toml", "t.sqlite"},
    "grid": {f"Boredom@session_length=8/ppo-few/seed-{i}/{name}" for i in (0, 1) for name in
             ("policy.safetensors", "run.json")},
}  # fmt: skip


def environ(mark: str, store: str = "store") -> dict[str, str]:
    return {**os.environ, "CAROUSEL_CACHE": store, "SOAK_MARK": mark}


def carousel(cwd: Path, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "carousel_agents.cli", *arguments],
        cwd=cwd, capture_output=True, text=True, check=False, timeout=600, env=environ("x"), **more,
    )  # fmt: skip


def marked(mark: str) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"SOAK_MARK={mark}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def outcome(place: Path, name: str) -> Any:
    """What came of a command, without times."""
    out = place / "out"
    if name == "evaluate":
        return carousel(place, *COMMANDS[name]).stdout
    if name == "train":
        from carousel_agents.learning import PolicyFile

        tensors = PolicyFile.load(out / "p.safetensors").tensors()
        return {key: hashlib.sha256(a.tobytes()).hexdigest() for key, a in tensors.items()}
    if name == "grid":
        files = sorted(out.rglob("run.json"))
        return [json.loads(file.read_text())["evaluation"] for file in files]
    if name == "tune":
        return (out / "t.toml").exists()
    import polars as pl

    return pl.read_parquet(out / "results.parquet").write_json()


_REFUSAL = "give --force to replace it"
"""What a command says whose work was done before."""
_LAST = 2.0
"""Seconds that a process takes to end when a command has said how it ended: Ctrl-C changes nothing
then. A Ctrl-C that was lost earlier is followed by more work than that."""


@pytest.mark.parametrize("name", COMMANDS)
def test_whatever_moment_a_command_ends_at_the_next_one_ends_as_if_it_had_not(
    name: str, place: Path
):
    arguments = [sys.executable, "-m", "carousel_agents.cli", *COMMANDS[name]]
    shutil.rmtree(place / "out", ignore_errors=True)
    shutil.rmtree(place / "store", ignore_errors=True)
    started = time.perf_counter()
    done = carousel(place, *COMMANDS[name])
    usual = time.perf_counter() - started
    assert done.returncode == 0, done.stderr
    right = outcome(place, name)
    rng = np.random.default_rng(int(os.environ.get("CAROUSEL_SEED", "0")))
    faults: list[str] = []
    for i in range(ENDINGS):
        if i % 5 == 0:
            shutil.rmtree(place / "out", ignore_errors=True)
            shutil.rmtree(place / "store", ignore_errors=True)
        ending = [signal.SIGKILL, signal.SIGINT][i % 2]
        mark = f"{os.getpid()}-{name}-{i}"
        process = subprocess.Popen(
            arguments, cwd=place, env=environ(mark), text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        seconds = rng.uniform(0.0, 1.1) * usual
        ended = True
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            ended = False
            # Ctrl-C reaches everybody in the group, a kill the one that is meant
            (os.killpg if ending == signal.SIGINT else os.kill)(process.pid, ending)
        sent = time.monotonic()
        _, told = process.communicate(timeout=60)
        code, waited = process.returncode, time.monotonic() - sent
        if "Traceback" in told:
            faults.append(f"{i}: a traceback after {seconds:.2f} s: {told[-800:]}")
        is_over = code == 0 or (code == 1 and _REFUSAL in told)
        if ending == signal.SIGINT and not (
            is_over if ended else code == 130 or (is_over and waited < _LAST)
        ):
            faults.append(
                f"{i}: exit code {code}, {waited:.2f} s after Ctrl-C at {seconds:.2f} s: "
                f"{told[-300:]}"
            )
        time.sleep(1.0)
        if left := marked(mark):
            faults.append(f"{i}: a process is left after a second: {left}")
        if i % 5 == 4:
            _ends(place, name, right, i, faults)
    assert not faults, f"{len(faults)} of {ENDINGS}:\n" + "\n".join(faults[:20])


def _ends(place: Path, name: str, right: Any, i: int, faults: list[str]) -> None:
    """The command is given once more and left alone."""
    done = carousel(place, *COMMANDS[name])
    again = done.returncode == 1 and _REFUSAL in done.stderr
    if done.returncode and not again:
        faults.append(f"{i}: it does not go on: {done.stderr[-500:]}")
        return
    if outcome(place, name) != right:
        faults.append(f"{i}: something else came of it")
    out = place / "out"
    files = {str(f.relative_to(out)) for f in out.rglob("*") if f.is_file()}
    if name == "train":  # a run that was over is not gone on with
        files.discard("p.safetensors.checkpoint")
    stray = files - KEPT[name]
    stray |= {f.name for f in (place / "store").glob(".*")}
    if stray:
        faults.append(f"{i}: left behind: {sorted(stray)}")


# -- a disk without room --------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "evaluate"])
def test_a_full_disk_is_one_sentence_and_leaves_nothing_half(
    name: str, place: Path, small_disk: Path
):
    (small_disk / "filler").write_bytes(bytes(60_000))
    arguments = [str(small_disk / a) if a.startswith("out") else a for a in COMMANDS[name]]
    done = carousel(place, *arguments)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert "No space left on device" in done.stderr or "disk is full" in done.stderr
    assert not [f for f in small_disk.rglob("*") if f.name.endswith((".part", ".parquet"))]


def test_a_full_store_is_no_obstacle(place: Path, small_disk: Path):
    (small_disk / "filler").write_bytes(bytes(64_000))
    right = carousel(place, *COMMANDS["evaluate"])
    done = subprocess.run(
        [sys.executable, "-m", "carousel_agents.cli", *COMMANDS["evaluate"]],
        cwd=place, capture_output=True, text=True, check=False, timeout=600,
        env=environ("x", str(small_disk)),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, right.stdout)
    assert [f.name for f in small_disk.iterdir()] == ["filler"]
