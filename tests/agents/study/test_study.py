"""Studies: killed at any moment they go on, and what is there is never replaced unasked."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace

import polars as pl
import pytest

from carousel_agents import cli
from carousel_agents.commands.app import app
from carousel_agents.generalisation import shift_suite
from carousel_agents.generalisation.players import COMPANIONS, ON_SOURCE
from carousel_agents.generalisation.schema import SCHEMA
from carousel_agents.generalisation.shift_suite import ShiftStudy, ShiftSuite
from carousel_agents.report import write_page
from carousel_agents.study import running
from carousel_agents.study.shift_study import request_of, run_shift_study
from carousel_agents.system.sealed_documents import unsealed
from carousel_envs import CarouselError, Population
from support.policy_files import make_file

SHORT = Population.preset("Boredom").replace(session_length=8)
CHANGES = ("session_length=8",)
ASKED = ShiftStudy(
    ("uniform", "loop"),
    SHORT,
    "Carousel/Boredom-v0",
    users=40,
    axes=("hazard", "swap-cost"),
    severities=(0.0, 0.5, 1.0),
    changes=CHANGES,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study that nothing interrupts: its folder and outcome."""
    out = tmp_path_factory.mktemp("whole")
    return out, run_study(ASKED, out, workers=1)


def run_study(study, out, page=write_page, **options):
    """As the command performs it."""
    return run_shift_study(study, out, page=page, **options)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_rows_are_written_with_the_names_and_types_of_the_schema(whole):
    out, outcome = whole
    rows = pl.read_parquet(out / "results.parquet")
    assert rows.schema == SCHEMA
    assert rows.equals(outcome.rows)
    keys = rows.select("axis", "severity").unique(maintain_order=True).rows()
    assert keys == [(axis, s) for axis in ASKED.axes for s in ASKED.severities]
    everywhere = rows.filter(pl.col("severity") == 1.0, pl.col("axis") == "hazard")["router"]
    assert everywhere.to_list() == [
        *("uniform", "loop"),
        *(name for name in COMPANIONS if name != "uniform"),
    ]
    trained = rows.filter(pl.col("severity") == 0.0, pl.col("axis") == "hazard")["router"]
    assert set(trained) == {*everywhere, *ON_SOURCE}


def test_the_summary_says_what_all_rows_share(whole):
    out, outcome = whole
    summary = json.loads((out / "summary.json").read_text())
    assert unsealed(summary) == outcome.summary
    assert summary["command"] == (
        f"carousel generalise uniform loop Carousel/Boredom-v0 --out {out} --axis hazard --axis "
        "swap-cost --severity 0 --severity 0.5 --severity 1 --users 40 --seed 0 --set "
        "session_length=8"
    )
    assert [axis["name"] for axis in summary["axes"]] == ["hazard", "swap-cost"]
    assert set(outcome.rows["target"]) == set(summary["targets"].values())
    assert summary["left_out"] == []
    assert sorted(contents(out)) == ["report.html", "results.parquet", "summary.json"]


class Stop(BaseException):
    """Stands for Ctrl-C."""


def interrupted_after(monkeypatch, n: int):
    """Let n targets be played; returns the names of those that were begun."""
    begun = []
    real = shift_suite.play

    def play(target, *args, **options):
        if len(begun) == n:
            raise Stop
        begun.append(target.name)
        return real(target, *args, **options)

    monkeypatch.setattr(shift_suite, "play", play)
    return begun


@pytest.mark.sampled(3)
@pytest.mark.parametrize("n", [0, 1, 4])
def test_an_interrupted_study_goes_on_and_ends_in_the_same_bytes(whole, tmp_path, monkeypatch, n):
    interrupted_after(monkeypatch, n)
    with pytest.raises(Stop):
        run_study(ASKED, tmp_path, workers=1)
    assert not (tmp_path / "results.parquet").exists()
    assert len(list((tmp_path / "parts").glob("*.rows.json"))) == n
    monkeypatch.undo()
    begun = interrupted_after(monkeypatch, 99)
    run_study(ASKED, tmp_path, workers=1)
    assert len(begun) == 5 - n
    same = (tmp_path / "results.parquet").read_bytes()
    assert same == (whole[0] / "results.parquet").read_bytes()
    assert not (tmp_path / "parts").exists()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("where", ["write_rows", "write_page", "write_summary", "remove_parts"])
def test_a_study_interrupted_at_its_end_plays_nothing_again(whole, tmp_path, monkeypatch, where):
    def stop(*args):
        raise Stop

    # a page of other results lies there
    (tmp_path / "report.html").write_text("old")
    if where == "remove_parts":
        # at its beginning, a study has no parts to remove
        (tmp_path / "parts").mkdir()
        (tmp_path / "parts" / "request.json").write_text(
            json.dumps(request_of(ShiftSuite.of(ASKED)))
        )
    if where != "write_page":
        monkeypatch.setattr(running.StudyFolder, where, stop)
    with pytest.raises(Stop):
        run_study(ASKED, tmp_path, stop if where == "write_page" else write_page, workers=1)
    monkeypatch.undo()
    assert where == "write_rows" or not (tmp_path / "report.html").exists()
    begun = interrupted_after(monkeypatch, 99)
    run_study(ASKED, tmp_path, workers=1)
    assert begun == []
    assert "<table" in (tmp_path / "report.html").read_text()
    same = (tmp_path / "results.parquet").read_bytes()
    assert same == (whole[0] / "results.parquet").read_bytes()
    assert not (tmp_path / "parts").exists()


def test_a_damaged_part_is_played_again(whole, tmp_path, monkeypatch):
    interrupted_after(monkeypatch, 3)
    with pytest.raises(Stop):
        run_study(ASKED, tmp_path, workers=1)
    (tmp_path / "parts" / "hazard=0.5.rows.json").write_text('{"rows": [{')
    # whole, but of another target
    other = (tmp_path / "parts" / "training.rows.json").read_text()
    (tmp_path / "parts" / "hazard=1.0.rows.json").write_text(other)
    monkeypatch.undo()
    begun = interrupted_after(monkeypatch, 99)
    outcome = run_study(ASKED, tmp_path, workers=1)
    assert begun == ["hazard=0.5", "hazard=1.0", "swap-cost=0.5", "swap-cost=1.0"]
    assert outcome.rows.equals(whole[1].rows)


def test_a_finished_study_is_kept_and_its_lost_rows_are_made_again(tmp_path, monkeypatch):
    small = replace(ASKED, users=3, axes=("swap-cost",), severities=(1.0,))
    first = run_study(small, tmp_path, workers=1)
    before = contents(tmp_path)
    begun = interrupted_after(monkeypatch, 99)
    again = run_study(small, tmp_path, force=True, workers=1)
    assert again.kept
    assert again.summary == first.summary
    assert again.rows.equals(first.rows)
    assert contents(tmp_path) == before
    assert begun == []
    (tmp_path / "results.parquet").write_bytes(b"spoilt")
    assert run_study(small, tmp_path, workers=1).rows.equals(first.rows)
    assert begun == ["swap-cost=1.0"]


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"users": 4}, "users is 3 there, 4 was asked for"),
        ({"routers": ("optimal",)}, "routers.1 is 'uniform' there, 'optimal' was asked for"),
        ({"severities": (0.5,)}, r"severities is \[1.0\] there"),
        ({"seed": 7}, "seed is 0 there, 7 was asked for"),
    ],
)
def test_results_of_another_request_are_refused_and_nothing_is_lost(tmp_path, changes, sentence):
    small = replace(ASKED, routers=("uniform",), users=3, axes=("swap-cost",), severities=(1.0,))
    run_study(small, tmp_path, workers=1)
    before = contents(tmp_path)
    with pytest.raises(CarouselError, match=f"{sentence}.*--force"):
        run_study(replace(small, **changes), tmp_path, workers=1)
    assert contents(tmp_path) == before
    replaced = run_study(replace(small, **changes), tmp_path, force=True, workers=1)
    assert pl.read_parquet(tmp_path / "results.parquet").equals(replaced.rows)


def test_the_beginnings_of_another_study_are_refused_too(tmp_path, monkeypatch):
    interrupted_after(monkeypatch, 1)
    with pytest.raises(Stop):
        run_study(ASKED, tmp_path, workers=1)
    monkeypatch.undo()
    other = replace(ASKED, users=3, axes=("swap-cost",), severities=(1.0,))
    with pytest.raises(CarouselError, match="users is 40 there, 3 was asked for"):
        run_study(other, tmp_path, workers=1)
    assert (tmp_path / "parts" / "training.rows.json").exists()
    assert set(run_study(other, tmp_path, force=True, workers=1).rows["users"]) == {3}


def test_what_lies_in_a_folder_of_parts_is_not_removed(tmp_path):
    small = replace(ASKED, users=3, axes=("swap-cost",), severities=(1.0,))
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "mine.json").write_text("{}")
    run_study(small, tmp_path, workers=1)
    assert (tmp_path / "parts" / "mine.json").read_text() == "{}"


def test_foreign_and_damaged_summaries_are_one_sentence(tmp_path):
    for text, sentence in (("{", "it is no JSON"), ("{}", "in the format of this version")):
        (tmp_path / "summary.json").write_text(text)
        with pytest.raises(CarouselError, match=sentence):
            run_study(ASKED, tmp_path, workers=1)
    small = replace(ASKED, users=3, axes=("swap-cost",), severities=(1.0,))
    assert not run_study(small, tmp_path, force=True, workers=1).kept, "they may be replaced"
    for file in (tmp_path / "summary.json", tmp_path / "results.parquet"):
        file.unlink()
    (tmp_path / "results.parquet").write_bytes(b"somebody's")
    with pytest.raises(CarouselError, match=r"it has no summary\.json"):
        run_study(ASKED, tmp_path, workers=1)


COMMAND = [
    *("generalise", "uniform", "loop", "Boredom", "--axis", "hazard", "--axis", "swap-cost"),
    *("--severity", "0", "--severity", "0.5", "--severity", "1", "--users", "40"),
    *("--set", CHANGES[0]),
]


def children_of(pid: int) -> list[int]:
    found = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def ended(pid: int) -> bool:
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    # a zombie has ended, and waits for somebody to take note
    return state in ("", "Z")


def waited(condition, seconds: float) -> bool:
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.01)
    return condition()


@pytest.mark.slow
def test_two_processes_killed_while_they_play_end_and_their_work_is_gone_on_with(whole, tmp_path):
    out = tmp_path / "out"
    arguments = [sys.executable, "-m", "carousel_agents.cli", *COMMAND, "--out", str(out)]
    process = subprocess.Popen(arguments, stderr=subprocess.DEVNULL)
    # generous where the machine is busy: imports alone may take a minute then
    assert waited(lambda: list(out.glob("parts/*.rows.json")), 300)
    workers = children_of(process.pid)
    process.kill()
    process.wait()
    # whoever works for it ends with it, and lets go of the folder
    assert waited(lambda: all(map(ended, workers)), 120)
    outcome = run_study(ASKED, out, workers=1)
    assert outcome.rows.equals(whole[1].rows)


def test_the_command_prints_figures_put_together(whole, capsys, tmp_path):
    out = tmp_path / "study"
    typed = [*COMMAND, "--out", str(out), "--workers", "1"]
    app([*typed, "--json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert pl.read_parquet(out / "results.parquet").equals(whole[1].rows)
    assert len(document["rows"]) == len(whole[1].rows)
    wanted = {
        *("axis", "kind", "regime", "severity", "distance_nats", "score", "score_low"),
        *("score_high", "engagement", "value", "blind", "users", "seeds", "router", "role"),
    }
    assert all(wanted <= set(row) for row in document["rows"])
    assert {row["router"] for row in document["routers"]} >= {"uniform", "frozen-loop"}
    app(typed, standalone_mode=False)
    assert "held these results already" in capsys.readouterr().out


def test_seeds_and_controls_come_from_folders(tmp_path, capsys):
    target = SHORT.replace(swap_cost=SHORT.swap_cost + 0.6)
    for folder, population in (("ours", SHORT), ("there", target)):
        for seed in (0, 1):
            path = tmp_path / folder / f"seed-{seed}" / "policy.safetensors"
            path.parent.mkdir(parents=True)
            make_file(population, hidden=4 + seed, training={"seed": seed}).save(path)
    typed = [
        *("generalise", str(tmp_path / "ours"), "Boredom", "--set", CHANGES[0], "--users", "20"),
        *("--axis", "swap-cost", "--severity", "0", "--severity", "1", "--workers", "1"),
        *("--control", str(tmp_path / "there"), "--out", str(tmp_path / "out"), "--json"),
    ]
    app(typed, standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    ppo = [row for row in document["rows"] if row["router"] == "ppo"]
    assert [(row["trained_on"], row["severity"], row["seeds"]) for row in ppo] == [
        ("source", 0.0, 2),
        ("source", 1.0, 2),
        ("target", 1.0, 2),
    ]
    (gap,) = document["gaps"]
    parts = gap["difficulty"] + gap["learnability"] + gap["shift"]
    assert gap["total"] == pytest.approx(parts)
    assert gap["shift_low"] <= gap["shift"] <= gap["shift_high"]


def test_a_page_is_written_for_a_single_router(tmp_path):
    small = replace(ASKED, routers=("loop",), users=3, axes=("swap-cost",), severities=(0.0, 1.0))
    run_study(small, tmp_path, workers=1)
    assert "<table" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["Boredom"], 2, "give one router or more"),
        (["lop", "Boredom"], 2, "neither a file nor a registered router"),
        (["loop", "Boredom", "--axis", "gravity"], 2, "shift 'gravity' is unknown"),
        (["loop", "Boredom", "--severity", "2"], 1, "severity of hazard is 2.0"),
        (["loop", "Boredom", "--users", "0"], 1, "users is 0"),
        (["loop", "Boredom", "--workers", "0"], 1, "workers is 0"),
        (["loop", "Boredom", "--control", "nowhere"], 1, "control 'nowhere' is neither"),
    ],
)
def test_bad_requests_are_one_sentence_and_leave_nothing(
    tmp_path, monkeypatch, capsys, arguments, code, sentence
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["carousel", "generalise", *arguments, "--out", "out"])
    heard = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        signal.signal(signal.SIGINT, heard)
    assert ended.value.code == code
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []
