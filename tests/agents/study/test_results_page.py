"""The page of the learned routers is what its JSON says, and nothing else."""

import importlib.util
import json
from pathlib import Path

import polars as pl
import pytest

from carousel_agents.benchmark.markdown import cells
from carousel_agents.benchmark.store import RunStore
from carousel_agents.benchmark.table import table
from carousel_agents.report import markdown
from support.filled import filled, run
from support.results_rows import frame, row
from support.study_example import study_rows

DOCS = Path(__file__).parents[3] / "docs"
_SPEC = importlib.util.spec_from_file_location("docs_render_results", DOCS / "render.py")
render = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(render)


@pytest.mark.slow
def test_the_committed_page_is_current():
    assert render.main(["--check"]) == 0, "run make docs"


@pytest.fixture
def results(tmp_path):
    filled(tmp_path / "runs", run(0), run(1), command="carousel grid x.toml --out runs")
    document = table(RunStore(tmp_path / "runs"), "carousel table runs --json")
    (tmp_path / "learners.json").write_text(json.dumps(document))
    return tmp_path


def test_the_page_says_what_the_json_says_and_with_which_commands(results):
    document = json.loads((results / "learners.json").read_text())
    page = render.learners(results)["learners.md"]
    for known in document["environments"][0]["rows"]:
        assert "| " + " | ".join(cells(known, code="`")).replace(",", " ") + " |\n" in page
    assert (
        "carousel grid x.toml --out runs\n"
        "carousel table runs --json > docs/results/learners.json\n```" in page
    )
    assert f"numpy {document['versions']['numpy']}" in page
    assert f"{document['machines'][0]['cores']} cores" in page
    assert "x library default" not in page


def test_another_figure_in_the_json_is_another_page(results):
    file = results / "learners.json"
    page = render.learners(results)["learners.md"]
    document = json.loads(file.read_text())
    document["environments"][0]["rows"][-1]["score"] -= 1.0
    file.write_text(json.dumps(document))
    (results / "learners.md").write_text(page)
    assert render.stale(results, render.learners(results)) == ["learners.md"]


def test_speeds_against_library_defaults_come_from_their_own_file(results):
    rows = [{"algorithm": "ppo", "ratio": 12.34}]
    (results / "training.json").write_text(json.dumps({"rows": rows}))
    page = render.learners(results)["learners.md"]
    (line,) = (line for line in page.splitlines() if line.startswith("| `ppo`"))
    assert line.split(" | ")[5] == "12.3"
    assert "python benchmarks/training.py > docs/results/training.json" in page


def test_without_results_there_is_no_page(tmp_path):
    assert render.learners(tmp_path) == {}


def test_tables_of_a_study_are_made_anew_between_their_marks(tmp_path):
    rows = frame(row(engagement=19.0), row(engagement=15.0, severity=1.0))
    study = tmp_path / "generalisation" / "Boredom"
    study.mkdir(parents=True)
    rows.write_parquet(study / "results.parquet")
    page = tmp_path / "generalisation.md"
    mark = "<!-- table by_severity Boredom -->"
    page.write_text(f"Words.\n\n{mark}\nold\n<!-- end -->\n\nMore words.\n")
    written = render.generalisation(tmp_path)["generalisation.md"]
    assert written == (
        f"Words.\n\n{mark}\n\n{markdown.by_severity(rows)}\n\n<!-- end -->\n\nMore words.\n"
    )
    assert "0.50" in written
    page.write_text(written)
    assert render.generalisation(tmp_path)["generalisation.md"] == written


def test_every_environment_of_the_study_has_a_page_with_its_tables(tmp_path):
    rows = frame(*study_rows(seeds=3)).filter(pl.col("axis") != "users")
    level = (pl.col("router") == "ppo") & (pl.col("severity") == 1) & (pl.col("axis") == "hazard")
    known = level & (pl.col("trained_on") == "source")
    plain, rows = (
        rows,
        rows.with_columns(
            trained_on=pl.when(known).then(pl.lit("level")).otherwise(pl.col("trained_on"))
        ),
    )
    for study in ("Taste", "ranges"):
        folder = tmp_path / "generalisation" / study
        folder.mkdir(parents=True)
        rows.write_parquet(folder / "results.parquet")
    pages = render.studies(tmp_path)
    assert list(pages) == ["Taste.md"]
    assert pages["Taste.md"].startswith("<!-- Generated")
    for make in (markdown.targets, markdown.by_levels, markdown.over_all, markdown.gaps_in_three):
        assert f"\n\n{make(rows)}\n" in pages["Taste.md"]
    assert "{" not in pages["Taste.md"]
    assert "![" not in pages["Taste.md"], "there are no pictures"
    assert "Kept from" not in pages["Taste.md"], "nobody was masked"
    (tmp_path / "generalisation" / "Taste-levels.svg").touch()
    plain.write_parquet(tmp_path / "generalisation" / "Taste" / "results.parquet")
    render.read_rows.cache_clear()
    again = render.studies(tmp_path)["Taste.md"]
    assert "## Levels" in pages["Taste.md"]
    assert "## Levels" not in again
    assert "(Taste-levels.svg)" in again
