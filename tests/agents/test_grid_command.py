"""`carousel grid` from file to store."""

import json

import pytest
from test_cli import carousel, result

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
        (ROW.replace("ppo", "sarsa"), (), "grid grid.toml: row 1: algorithm is 'sarsa'"),
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
