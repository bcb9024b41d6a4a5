"""The command line: results on standard output, everything else on standard error."""

import subprocess
import sys

import polars as pl
import pytest

from carousel_agents.commands.watching import speaker
from carousel_agents.generalisation.players import COMPANIONS, ON_SOURCE
from carousel_agents.learning import PolicyFile
from carousel_agents.router import ROUTERS
from carousel_envs import environment_ids
from carousel_envs.shifts import SHIFTS
from carousel_envs.shifts import questions as question_shifts
from support.command_line import carousel, result


def process(*arguments: str, cwd=None) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "carousel_agents.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        cwd=cwd,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("envs", "--json"),
        pytest.param(("reference", "Nowhere"), marks=pytest.mark.slow),
        pytest.param(("reference",), marks=pytest.mark.slow),
        pytest.param(("shifts", "--set"), marks=pytest.mark.slow),
    ],
)
def test_a_process_of_its_own_says_the_same(arguments):
    alone, here = process(*arguments), carousel(*arguments)
    assert (alone.returncode, alone.stdout) == (here.returncode, here.stdout)
    assert alone.stderr.split()[-8:] == here.stderr.split()[-8:]


def test_reference_prints_what_it_promises():
    figures = result("reference", "Carousel/Boredom-v0", "--set", "boredom_hazard=0.1")
    keys = {
        *("tier", "value", "value_upper", "blind", "best_fixed", "uniform", "myopic", "thresholds")
    }
    assert keys <= set(figures)
    assert figures["tier"] == "exact"
    assert figures["value"] < result("reference", "Boredom")["value"]


@pytest.mark.slow
def test_the_gate_has_a_row_for_every_environment():
    rows = result("reference", "--all")["rows"]
    assert tuple(row["env"] for row in rows) == environment_ids()
    keys = {"env", "tier", "value", "value_upper", "blind", "best_fixed", "uniform", "myopic"}
    for row in rows:
        assert set(row) == keys
    alone = result("reference", "Boredom")
    assert {key: alone[key] for key in keys} == rows[0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("reference",),
        ("reference", "Boredom", "--all"),
        ("reference", "--all", "--set", "fit=1"),
        ("reference", "--all", "--gap", "1%"),
    ],
)
def test_reference_wants_an_environment_or_all(arguments):
    done = carousel(*arguments)
    assert done.returncode == 2
    assert "--all" in done.stderr
    assert done.stdout == ""


def test_a_gap_is_a_share():
    closed = result("reference", "Boredom", "--gap", "1%")
    assert closed["value"] == result("reference", "Boredom", "--gap", "0.01")["value"]
    done = carousel("reference", "Boredom", "--gap", "little")
    assert done.returncode == 2
    assert "--gap is 'little'" in done.stderr
    done = carousel("reference", "Boredom", "--within", "soon")
    assert done.returncode == 2
    assert "--within is 'soon'" in done.stderr


def test_recall_is_solved_played_and_watched_like_the_others():
    solved = result("reference", "Recall")
    assert solved["rates"]["optimal"]["lied"] == 0.0
    assert solved["rates"]["optimal"]["on_forbidden"] > 0.5
    played = result("evaluate", "optimal", "Recall", "--users", "2000")
    assert abs(played["engagement"] - solved["value"]) < 5 * played["engagement_se"]
    assert played["lied"] == 0.0 < played["deceived_on_forbidden"]
    frozen = result("evaluate", "frozen-optimal", "Recall", "--shift", "ignorant-learns=1")
    assert frozen["score"] < 0.9
    turns = result("watch", "optimal", "Recall")["turns"]
    assert len(turns) == 20
    assert not any(turn["lied"] for turn in turns)
    for router in ("loop", "memoryless", "cue-pattern", "whittle", "masked-planner"):
        assert "questions" in carousel("evaluate", router, "Recall").stderr


def test_evaluate_prints_what_it_promises():
    figures = result("evaluate", "loop", "Boredom", "--shift", "hazard=0.5", "--users", "200")
    for key in ("engagement", "engagement_se", "score", "session_length", "left", "swaps"):
        assert isinstance(figures[key], float)
    again = result("evaluate", "loop", "Boredom", "--shift", "hazard=0.5", "--users", "200")
    assert figures == again


def test_who_speaks_is_read_from_the_columns_that_say_so():
    assert speaker({"topic_persona_x": 1.0, "persona_bob": 1.0, "persona_alice": 0.0}) == "bob"


def test_lists_name_everything():
    listed = result("envs")
    assert tuple(e["env"] for e in listed["environments"]) == environment_ids()
    assert tuple(row["router"] for row in listed["routers"]) == tuple(ROUTERS)
    assert all(row["description"] for row in listed["routers"])
    assert next(row for row in listed["routers"] if row["router"] == "myopic")["aliases"] == [
        "greedy"
    ]
    assert len(result("shifts", "Boredom")["shifts"]) == len(SHIFTS)
    assert {row["axis"] for row in result("shifts", "Recall")["shifts"]} == set(
        question_shifts.SHIFTS
    )
    assert "Boredom" in carousel("envs").stdout
    assert "hazard" in carousel("shifts").stdout


def test_shifts_are_listed_for_changed_users():
    ranges = ("--set", "boredom_hazard=[0.02, 0.06, 0.1, 0.14]")
    plain, changed = (
        {row["axis"]: row["obstacle"] for row in result("shifts", "Boredom", *more)["shifts"]}
        for more in ((), ranges)
    )
    assert plain["inside-hole"] == "no range of this population has a hole"
    assert changed["inside-hole"] == ""
    nobody = carousel("shifts", *ranges)
    assert (nobody.returncode, "name one" in nobody.stderr) == (2, True)


def test_train_evaluate_generalise_watch_in_a_row(tmp_path):
    policy = "here/policy.safetensors"
    trained = result("train", "Boredom", "--steps", "21000", "--out", policy, cwd=tmp_path)
    assert trained["steps"] >= 21_000
    assert PolicyFile.load(tmp_path / policy).environment == "Carousel/Boredom-v0"
    repeated = carousel("train", "Boredom", "--steps", "21000", "--out", policy, cwd=tmp_path)
    assert repeated.returncode == 1
    assert "exists; give --force" in repeated.stderr
    evaluated = result("evaluate", policy, "Boredom", "--users", "100", cwd=tmp_path)
    options = ("--out", "study", "--users", "100", "--axis", "swap-cost")
    options = (*options, "--workers", "1")
    found = result("generalise", policy, "Boredom", *options, cwd=tmp_path)
    rows = pl.read_parquet(tmp_path / "study" / "results.parquet")
    learned = rows.filter(pl.col("role") == "learned", pl.col("severity") == 0.0)
    assert set(learned["engagement"]) == {evaluated["engagement"]}
    # a learned router and the companions everywhere, others on the training users
    everywhere = 1 + len(COMPANIONS)
    assert len(found["rows"]) == len(rows) == 5 * everywhere + len(ON_SOURCE)
    assert "<table" in (tmp_path / "study" / "report.html").read_text()
    refused = carousel("generalise", policy, "Boredom", *options, "--seed", "1", cwd=tmp_path)
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    lines = carousel("watch", policy, "Boredom", cwd=tmp_path).stdout.splitlines()
    assert "mood (hidden)" in lines[2]
    assert lines[4].startswith("1 ")
    assert max(map(len, lines)) <= 80
    wrong = carousel("evaluate", policy, "Taste", cwd=tmp_path)
    assert wrong.returncode == 1
    assert "other columns" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("reference", "Boredom", "--set", "boredom_hazard=2"), "boredom_hazard is 2"),
        (("reference", "Boredom", "--set", "boredom_hazard=NaN"), "boredom_hazard is nan"),
        (("evaluate", "loop", "Boredom", "--shift", "hazard=1.5"), "severity of hazard is '1.5'"),
        (("evaluate", "loop", "Boredom", "--users", "0"), "users is 0"),
        (("evaluate", "no.safetensors", "Boredom"), "does not exist"),
        (("train", "Boredom", "--out", "x.safetensors", "--steps", "0"), "steps is 0"),
        (("speed", "--blocks", "1"), "blocks is 1"),
    ],
)
def test_what_fails_says_why_in_one_sentence(arguments, sentence, tmp_path):
    done = carousel(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_policy_file_is_one_sentence(tmp_path):
    (tmp_path / "bad.safetensors").write_bytes(b"\x00" * 100)
    done = carousel("evaluate", "bad.safetensors", "Boredom", cwd=tmp_path)
    assert done.returncode == 1
    assert "bad.safetensors is not a policy file" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("here")
    done = carousel(
        "generalise", "loop", "Boredom", "--out", "file/x", "--users", "10", "--axis", "hazard",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 1
    assert "cannot be written" in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_speed_measures_both_side_by_side():
    figures = result("speed", "--blocks", "3", "--lanes", "64")
    assert figures["peer"] == "CartPole-v1"
    assert figures["lowest"] <= figures["steps_per_second"] <= figures["highest"]
    assert figures["ratio"] > 0.0
