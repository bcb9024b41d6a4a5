"""The table of all claims: scripts that fail are named, and none that is done runs again."""

import json

import pytest

import bench

ROW = {
    "what": "ours / theirs",
    "measured": 2.5,
    "lowest": 2.0,
    "highest": 3.0,
    "unit": "x",
    "at_least": 2.0,
    "at_most": None,
    "met": True,
}


@pytest.fixture
def benchmarks(tmp_path, monkeypatch):
    """A folder of scripts, one that measures and one that fails."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    missed = {**ROW, "what": "slow", "measured": 1.5, "met": False}
    document = json.dumps({"claim": "", "rows": [ROW, missed]})
    (folder / "good.py").write_text(
        "import pathlib\n"
        "with pathlib.Path('times').open('a') as file: file.write('x')\n"
        f"print({document!r})\n"
    )
    (folder / "bad.py").write_text("import sys\nsys.exit('the disk is on fire')\n")
    (folder / "odd.py").write_text("print('no document')\n")
    return folder


def run(benchmarks, *names, given=()):
    return bench.main([*given, "--out", "out"], here=benchmarks, scripts=names)


def test_the_table_shows_what_is_wanted_beside_what_was_measured(benchmarks, capsys):
    assert run(benchmarks, "good") == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "2.5 x 2 to 3 >= 2 yes" in told
    assert "1.5 x 2 to 3 >= 2 MISSED" in told
    assert "1 of 2 claims held" in told


def test_the_table_is_written_as_a_page_if_nothing_failed(benchmarks, tmp_path):
    page = tmp_path / "speed.md"
    assert run(benchmarks, "good", "bad", given=["--page", str(page)]) == 1
    assert not page.exists()
    assert run(benchmarks, "good", given=["--page", str(page)]) == 0
    assert "| good | ours / theirs | 2.5 x | 2 to 3 | >= 2 | yes |" in page.read_text()


def test_a_script_that_fails_is_named_and_the_others_are_shown(benchmarks, capsys):
    assert run(benchmarks, "bad", "good", "odd") == 1
    told = capsys.readouterr()
    out = " ".join(told.out.split())
    assert "bad: failed: exit status 1: the disk is on fire" in told.err
    assert out.count("FAILED") == 2
    assert "1 of 2 claims held" in out
    assert "2 of 3 scripts failed" in told.err
    assert not (benchmarks.parent / "out" / "bad.json").exists()


def test_what_was_measured_on_the_same_sources_is_not_measured_again(benchmarks):
    times = benchmarks.parent / "times"
    for _ in range(3):
        assert run(benchmarks, "good") == 0
    assert times.read_text() == "x"
    assert run(benchmarks, "good", given=["--force"]) == 0
    assert times.read_text() == "xx"
    (benchmarks / "another.py").write_text("")
    assert run(benchmarks, "good") == 0
    assert times.read_text() == "xxx"


@pytest.mark.sampled(2)
@pytest.mark.parametrize("content", ["", "{", "[]", '{"state": 1, "rows": 2}'])
def test_a_damaged_document_is_measured_again(benchmarks, content):
    assert run(benchmarks, "good") == 0
    path = benchmarks.parent / "out" / "good.json"
    whole = json.loads(path.read_text())
    path.write_text(content.replace("1", json.dumps(whole["state"])))
    assert run(benchmarks, "good") == 0
    assert json.loads(path.read_text())["rows"] == whole["rows"]
    assert (benchmarks.parent / "times").read_text() == "xx"


def test_a_place_that_cannot_be_written_is_one_sentence(benchmarks, capsys):
    (benchmarks.parent / "out").write_text("a file")
    with pytest.raises(SystemExit) as ended:
        run(benchmarks, "good")
    assert ended.value.code == 2
    assert "cannot be written" in capsys.readouterr().err.splitlines()[-1]


def test_every_script_that_is_run_is_there():
    assert all((bench.HERE / f"{name}.py").exists() for name in (*bench.SCRIPTS, bench.PEER))
