"""Pages: links lead somewhere, code runs, and figures are those of the rows."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from carousel_agents.generalisation.summary import aggregated
from carousel_envs import environment_ids

ROOT = Path(__file__).parents[1]
PAGES = [
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/**/*.md")
    for path in sorted(ROOT.glob(pattern))
]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_within_the_checkout_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"https?:|mailto:", target):
            path, _, anchor = target.partition("#")
            found = (page.parent / path).resolve() if path else page
            assert found.exists(), f"{page.name}: {target}"
            if anchor and found.suffix == ".md":
                heads = re.findall(r"(?m)^#+ (.*)$", found.read_text(encoding="utf-8"))
                slugs = [re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads]
                assert anchor in slugs, f"{page.name}: {target}"


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"]({page.name})" in index, page.name


def test_the_lines_of_python_in_the_readme_run(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out.startswith("Evaluation(score ")


def test_the_readme_is_one_screen():
    assert len(README.splitlines()) <= 60
    assert len(re.findall(r"(?m)^- ", README)) == 5


def test_the_figures_under_the_picture_are_those_of_the_rows():
    rows = aggregated(pl.read_parquet(ROOT / "docs/results/generalisation/Boredom/results.parquet"))

    def told(router: str, severity: float, digits: int, name: str = "score") -> str:
        (row,) = [
            row
            for row in rows
            if (row["router"], row["axis"], row["severity"]) == (router, "cue-reversal", severity)
            and row["trained_on"] == "source"
        ]
        figure, low, high = (f"{row[name + end]:.{digits}f}" for end in ("", "_low", "_high"))
        return f"{figure} ({low} to {high})"

    # a line may end within a figure
    text = " ".join(README.replace("\N{MINUS SIGN}", "-").split())
    assert told("ppo-tuned", 0.0, 3) in text
    for router in ("ppo-tuned", "frozen-optimal", "frozen-loop", "frozen-tally"):
        assert told(router, 1.0, 2) in text
    for severity in (0.0, 1.0):
        assert told("ppo-tuned", severity, 2, "regret") in text
    assert (
        pl.read_parquet(ROOT / "docs/results/generalisation/Boredom/results.parquet")
        .filter(pl.col("router") == "ppo-tuned", pl.col("trained_on") == "source")["training_seed"]
        .n_unique()
        == 10
    )


def test_what_the_architecture_names_is_there():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = [ROOT / "envs" / "carousel_envs", ROOT / "agents" / "carousel_agents"]
    named = re.findall(r"`([\w/]+\.py)(?:: ([\w.]+))?`", text)
    assert len(named) > 30
    for path, name in named:
        files = [p / path for p in packages if (p / path).exists()]
        # within a sentence on a room, a file is named by its last part
        files = files or [f for p in packages for f in p.rglob(path)]
        assert files, path
        if name:
            defined = rf"(?m)^\s*(?:def|class) {name.split('.')[-1]}\b"
            assert any(re.search(defined, f.read_text(encoding="utf-8")) for f in files), name


def test_every_room_says_what_lives_there():
    for package in ("envs/carousel_envs", "agents/carousel_agents"):
        for init in (ROOT / package).rglob("__init__.py"):
            assert init.read_text(encoding="utf-8").startswith('"""'), init


def test_the_readme_counts_the_environments():
    words = {9: "nine", 10: "ten", 11: "eleven", 12: "twelve"}
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"(docs/environments/README.md): {words[len(environment_ids())]}, each" in text
