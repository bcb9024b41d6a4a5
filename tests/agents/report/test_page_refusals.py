"""What no page is made from: each gets one sentence, and nothing is written or replaced."""

import hashlib
import json

import polars as pl
import pytest

from carousel_agents.report import write_page
from carousel_envs import CarouselError
from support.command_line import carousel
from support.study_example import SMALL, frame, small, study_rows, study_summary, write_study


def refused(folders, out=None):
    with pytest.raises(CarouselError) as caught:
        write_page(folders, out)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_folders_that_hold_no_results_are_refused(tmp_path):
    assert "no folder is given" in refused([])
    assert "is not a folder" in refused([tmp_path / "nowhere"])
    assert "holds no results.parquet" in refused([tmp_path])
    folder = small(tmp_path / "study")
    (folder / "summary.json").unlink()
    assert "holds no summary.json" in refused([folder])
    assert not list(tmp_path.rglob("report.html"))


@pytest.mark.parametrize("damage", ["nothing", "words", "cut", "bitten"])
def test_damaged_rows_are_refused(tmp_path, damage):
    path = small(tmp_path) / "results.parquet"
    whole = path.read_bytes()
    bitten = whole[:-500] + bytes(300) + whole[-200:]
    path.write_bytes(
        {"nothing": b"", "words": b"rows", "cut": whole[:-9], "bitten": bitten}[damage]
    )
    assert "results.parquet is damaged or not Parquet" in refused([tmp_path])


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", '{"axes": 3}', '{"axes": [3]}'])
def test_damaged_summaries_are_refused(tmp_path, text):
    (small(tmp_path) / "summary.json").write_text(text)
    assert "summary.json" in refused([tmp_path])


def test_another_schema_is_refused(tmp_path):
    rows = frame(study_rows(**SMALL))
    small(tmp_path)
    for other, words in (
        (rows.drop("score"), "column 'score' is missing"),
        (
            rows.with_columns(pl.col("seed").cast(pl.Float64)),
            "column 'seed' is Float64; it must be",
        ),
        (rows.with_columns(more=1), "column 'more' is not in it"),
        (rows.head(0), "holds no rows"),
        (rows.with_columns(axis=pl.lit(None, pl.String)), "a row without axis"),
    ):
        other.write_parquet(tmp_path / "results.parquet")
        assert words in refused([tmp_path])


def test_rows_of_which_the_summary_does_not_tell_are_refused(tmp_path):
    """As they lie there when a study is repeated and stopped before its end."""
    folder = small(tmp_path)
    content = (folder / "results.parquet").read_bytes()
    summary = study_summary(results_sha256=hashlib.sha256(content).hexdigest())
    write = (folder / "summary.json").write_text
    write(json.dumps(summary))
    assert write_page([folder]).exists()
    write(json.dumps(summary | {"results_sha256": "0" * 64}))
    words = refused([folder])
    assert "tells of other rows than those in" in words
    assert "run its command again" in words


def test_two_results_for_one_question_are_refused(tmp_path):
    one = small(tmp_path / "one")
    rows = study_rows(**SMALL)
    rows[0] |= {"score": 0.1, "policy": "elsewhere"}
    other = write_study(tmp_path / "other", rows)
    words = refused([one, other])
    assert "router 'ppo' of seed 0 has two different results" in words
    assert "axis hazard, severity 0" in words


def test_other_sessions_do_not_stand_side_by_side(tmp_path):
    folders = [small(tmp_path / "one"), small(tmp_path / "other", seed=7)]
    assert "2000 sessions, seed 0 and 2000 sessions, seed 7" in refused(folders)


def test_a_page_replaces_no_results(tmp_path):
    folder = small(tmp_path)
    before = (folder / "results.parquet").read_bytes()
    assert "must end in .html" in refused([folder], folder / "results.parquet")
    assert (folder / "results.parquet").read_bytes() == before


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    folder = small(tmp_path / "study")
    (tmp_path / "taken.html").mkdir()
    assert "it is a folder" in refused([folder], tmp_path / "taken.html")
    assert "cannot be written" in refused([folder], folder / "summary.json" / "page.html")


# -- the command -----------------------------------------------------------------------------------


def test_the_command_writes_a_page_or_says_why_not(tmp_path):
    folder = small(tmp_path / "study")
    done = carousel("report", str(folder))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"wrote {folder / 'report.html'}\n"
    assert "carousel report" in (folder / "report.html").read_text(encoding="utf-8")
    done = carousel("report", str(folder), str(tmp_path / "nowhere"))
    assert done.returncode == 1
    assert done.stderr == f"carousel: {tmp_path / 'nowhere'} is not a folder\n"
