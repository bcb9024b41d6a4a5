"""`carousel grid` from file to store."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from support.command_line import carousel, result

ROW = '[[row]]\nenvironments = ["Boredom"]\nalgorithms = ["ppo"]\nseeds = 1\nsteps = 1\n'


def test_a_grid_is_run_once(tmp_path):
    (tmp_path / "grid.toml").write_text("curve = 1\n" + ROW + "[evaluation]\nusers = 20")
    arguments = ("grid", "grid.toml", "--out", "runs", "--workers", "1")
    first = carousel(*arguments, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    assert first.stdout == "runs: 1 runs done, 0 were there\n"
    assert "[1/1] Boredom/ppo/seed-0: score " in first.stderr
    record = json.loads((tmp_path / "runs" / "Boredom" / "ppo" / "seed-0" / "run.json").read_text())
    assert record["command"] == "carousel grid grid.toml --out runs --workers 1"
    (again,) = result(*arguments, cwd=tmp_path)["runs"]
    assert again["status"] == "kept"
    assert again["score"] == record["evaluation"]["score"]


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        (ROW, ("--workers", "0"), "workers is 0"),
        (ROW, ("--only", "Boredom/dqn"), "--only 'Boredom/dqn' matches nothing"),
        (ROW.replace("ppo", "sarsa"), (), "grid grid.toml: row 1: algorithm 'sarsa' is unknown"),
        (ROW.replace("[[row]]", "[row]"), (), "has no [[row]]"),
    ],
)
def test_what_fails_says_why_in_one_sentence(tmp_path, text, options, sentence):
    (tmp_path / "grid.toml").write_text(text)
    done = carousel("grid", "grid.toml", "--out", "runs", *options, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_table_is_made_of_what_is_there(tmp_path):
    (tmp_path / "grid.toml").write_text("curve = 1\n" + ROW + "[evaluation]\nusers = 20")
    assert carousel("grid", "grid.toml", "--out", "runs", cwd=tmp_path).returncode == 0
    document = result("table", "runs", cwd=tmp_path)
    assert document["commands"] == [
        "carousel grid grid.toml --out runs",
        "carousel table runs --json",
    ]
    (environment,) = document["environments"]
    assert {row["router"] for row in environment["rows"]} >= {"ppo", "optimal", "fixed"}
    shown = carousel("table", "runs", cwd=tmp_path).stdout
    assert "Boredom, tier exact: value 24.43" in shown
    assert "| `ppo`* | present |" in carousel("table", "runs", "--markdown", cwd=tmp_path).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("table", "no"), 1, "carousel: no is no folder of runs: there is no such folder"),
        (("table", "."), 1, "carousel: . holds no run; `carousel grid` fills such a folder"),
        (("table", ".", "--json", "--markdown"), 2, "give either --json or --markdown"),
    ],
)
def test_a_table_of_nothing_is_one_sentence(tmp_path, arguments, code, sentence):
    done = carousel(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert sentence in done.stderr


@pytest.mark.slow
def test_a_grid_that_is_interrupted_says_how_to_go_on(tmp_path):
    (tmp_path / "grid.toml").write_text(ROW.replace("steps = 1", "steps = 100_000_000"))
    process = subprocess.Popen(
        [sys.executable, "-m", "carousel_agents.cli", "grid", "grid.toml", "--out", "runs"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path,
        start_new_session=True,
    )  # fmt: skip
    record = tmp_path / "runs" / "Boredom" / "ppo" / "seed-0" / "run.json"
    deadline = time.monotonic() + 120
    while not record.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    # as a terminal does: everybody in the group hears of Ctrl-C
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "carousel: interrupted; the same command goes on from here"
    assert "Traceback" not in err
    assert json.loads(record.read_text())["status"] == "started"
