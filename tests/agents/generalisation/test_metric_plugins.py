"""A plugin's metric goes through evaluation, results, summaries, tables and the page by itself."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from carousel_agents.commands import generalise as command
from carousel_agents.generalisation import ShiftStudy, aggregated, evaluate, generalise
from carousel_agents.generalisation.evaluate import STREAMS
from carousel_agents.generalisation.schema import COLUMNS, SCHEMA, columns, complete
from carousel_agents.report import write_page
from carousel_agents.study.shift_study import run_shift_study
from carousel_envs import CarouselError, Population
from carousel_envs.metrics import OWN, Metric, register
from carousel_envs.rollout import rollout
from support.command_line import carousel, result
from support.metric_plugins import LONGEST_RUN, NAMES, restored, write_plugin
from support.page_reader import Page

SHORT = Population.preset("Boredom").replace(session_length=8)
ASKED = ShiftStudy(
    ("uniform",),
    SHORT,
    "Carousel/Boredom-v0",
    users=40,
    axes=("hazard",),
    severities=(0.0, 1.0),
    changes=("session_length=8",),
)


@pytest.fixture(autouse=True)
def surroundings():
    with restored():
        yield


@pytest.fixture
def plugin(tmp_path, monkeypatch) -> Path:
    return write_plugin(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def older(tmp_path_factory) -> Path:
    """A study made without the plugin."""
    out = tmp_path_factory.mktemp("older")
    run_shift_study(ASKED, out, workers=1, page=write_page)
    return out


def test_the_plugin_is_one_short_file():
    assert len(LONGEST_RUN.splitlines()) < 80


def test_columns_are_those_of_before_and_the_plugin_s_come_last(plugin):
    before = list(COLUMNS)
    assert before[:2] == ["environment", "axis"]
    first = before.index("session_length")
    assert before[first : first + len(OWN)] == [metric.name for metric in OWN]
    assert before[first + len(OWN) :] == [
        *("tier", "value", "value_upper", "blind", "frozen_blind", "best_fixed", "uniform"),
        *("users", "seed"),
    ]
    now = columns()
    assert list(now) == [*before, *NAMES]
    assert now["longest_run"] == (
        pl.Float64(),
        "mean over sessions of the most turns in a row with one persona",
    )
    assert list(complete({"seed": 1})) == list(now)


def test_evaluation_has_it_in_totals_and_row(plugin):
    found = evaluate("uniform", SHORT, users=50, seed=3)
    assert tuple(found.totals) == NAMES
    row = found.row()
    assert [name for name in row if name in NAMES] == list(NAMES)
    assert 1.0 <= row["longest_run"] <= found.session_length
    assert f"longest_run {row['longest_run']:.3g}" in repr(found)


def test_a_metric_may_be_registered_in_the_same_process():
    register(Metric("turn_of_end", "mean turn of the end", lambda turn: turn.number, "last"))
    with pytest.raises(CarouselError, match="turn of metric 'turn_of_end' has shape"):
        evaluate("uniform", SHORT, users=5)
    source = lambda turn: np.full(len(turn.reward), turn.number)  # noqa: E731
    register(Metric("turn_of_end", "mean turn of the end", source, "last", dtype=np.int64))
    found = evaluate("uniform", SHORT, users=5)
    assert found.totals == {"turn_of_end": found.session_length - 1}
    suite = generalise(
        ShiftStudy(
            ("uniform",), SHORT, users=5, axes=("hazard",), severities=(0.0,), companions=False
        )
    )
    assert [row["turn_of_end"] for row in suite.rows] == [found.totals["turn_of_end"]]


def test_a_metric_that_no_session_has_is_null():
    none = Metric("never", "never there", lambda turn: np.full(len(turn.reward), np.nan))
    register(none)
    found = evaluate("uniform", SHORT, users=5)
    assert found.row()["never"] is None
    assert "never none" in repr(found)


@pytest.mark.parametrize("name", ["score", "value", "seeds", "env"])
def test_names_that_rows_use_otherwise_are_refused(name):
    register(Metric(name, "any", "swapped"))
    with pytest.raises(CarouselError, match=f"metric '{name}' has the name of another figure"):
        evaluate("uniform", SHORT, users=5)
    with pytest.raises(CarouselError, match=f"metric '{name}' has the name of another figure"):
        columns()


def test_the_command_line_prints_it(plugin):
    asked = ("evaluate", "uniform", "Boredom", "--set", "session_length=8", "--users", "50")
    found = result(*asked)
    expected = evaluate("uniform", SHORT, users=50).row()
    assert {name: found[name] for name in NAMES} == {name: expected[name] for name in NAMES}
    assert "longest_run" in carousel(*asked).stdout


def test_another_process_knows_it_from_its_environment(plugin, tmp_path):
    command = (sys.executable, "-m", "carousel_agents", "evaluate", "uniform", "Boredom", "--json")
    done = subprocess.run(
        (*command, "--users", "20", "--set", "session_length=8"), capture_output=True, check=True
    )
    played = rollout(SHORT, _router(), 20, STREAMS)
    assert json.loads(done.stdout)["longest_run"] == played.totals["longest_run"].mean()


def _router():
    from carousel_agents import scripted

    return scripted.make("uniform", SHORT)


@pytest.mark.slow
def test_a_study_in_worker_processes_has_its_column_and_says_what_it_means(
    plugin, tmp_path, capsys
):
    out = tmp_path / "study"
    outcome = run_shift_study(ASKED, out, workers=2, page=write_page)
    rows = pl.read_parquet(out / "results.parquet")
    assert rows.columns == [*COLUMNS, *NAMES]
    assert rows["longest_run"].null_count() == 0
    assert rows.equals(outcome.rows)
    meanings = {name: columns()[name][1] for name in NAMES}
    assert outcome.summary["request"]["metrics"] == meanings
    assert run_shift_study(ASKED, out, page=write_page).kept
    per_router = {row["router"]: row for row in aggregated(rows) if row["severity"] == 1.0}
    command._print(outcome.summary, rows)
    printed = capsys.readouterr().out
    assert "longest run" in printed
    page = Page((out / "report.html").read_text("utf-8"))
    for table in ("training", "rows"):
        heads, *lines = page.tables[f"environment-0-{table}-table"]
        assert heads[-2:] == ["longest run", "engaged late"]
    shown = {line[3]: line[-2:] for line in lines}
    uniform = per_router["uniform"]
    assert shown["uniform"] == [
        f"{uniform['longest_run']:.2f}",
        f"{uniform['engaged_late']:.1%}",
    ]
    assert f"“longest run”: {meanings['longest_run']}." in page.text["environment-0"]


@pytest.mark.slow
def test_results_of_workers_that_do_not_know_a_metric_are_refused(tmp_path):
    register(Metric("only_here", "any", "swapped"))
    with pytest.raises(CarouselError, match="metric 'only_here' is unknown to a worker process"):
        run_shift_study(ASKED, tmp_path / "study", workers=2, page=write_page)


def test_results_without_it_are_read_and_give_the_same_page(older, plugin, tmp_path):
    before = (older / "report.html").read_bytes()
    assert list(columns()) != list(SCHEMA), "the plugin is there"
    assert write_page([older]).read_bytes() == before
    rows = pl.read_parquet(older / "results.parquet")
    assert not {*NAMES} & set(aggregated(rows)[0])


def test_a_study_made_without_it_is_another_study(older, plugin):
    with pytest.raises(CarouselError, match=r"metrics\.longest_run is 'nothing' there, 'mean over"):
        run_shift_study(ASKED, older, workers=1, page=write_page)
