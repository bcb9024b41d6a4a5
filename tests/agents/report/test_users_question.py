"""How many users training needs, of rows as `carousel users-seen` leaves them."""

import json

import pytest

from carousel_agents.report import write, write_page
from support.page_reader import Page
from support.study_example import (
    BOREDOM,
    base,
    learned,
    played,
    study_rows,
    study_summary,
    write_study,
)

RANGES = "00a11ce0"
SIZES = (10, 100, 1000)
TABLE = 50


@pytest.fixture(autouse=True)
def short_plotly(monkeypatch):
    """Plotly's five megabytes replaced by a word: what these tests look at lies around them."""
    monkeypatch.setattr(write, "plotly_javascript", lambda: "var Plotly;")


def users_rows(beside=None, sizes=SIZES, **changes):
    """Two seeds of ppo, and one scripted router beside them."""
    rows = []
    for n in sizes:
        for severity, overlap in ((0.0, min(n, TABLE)), (1.0, 0)):
            shared = base(BOREDOM, "users", severity) | {
                "source": RANGES,
                "regime": "interpolation" if severity else "training",
                "target": "00000002" if severity else f"1{min(n, TABLE):07d}",
            }
            for seed in range(2):
                score = 0.95 - severity * 5 / n - seed / 100
                rows.append(learned(shared, "ppo", seed, score, users=n, overlap=overlap))
            if beside:
                own = {"overlap": overlap, "users_trained": n, **changes}
                rows.append(played(shared, *beside, 0.9 - severity / 100 - 1 / n, **own))
    return rows


def page_of(tmp_path, *studies):
    folders = [
        write_study(tmp_path / f"study-{i}", rows, study_summary(axes=()))
        for i, rows in enumerate(studies)
    ]
    return Page(write_page(folders).read_text(encoding="utf-8"))


def lines_of(page, router, place=0):
    traces = json.loads(page.text["figures"])[f"{place}-users"]["figure"]["data"]
    return [t for t in traces if t["mode"] == "lines+markers" and t["meta"] == router]


def test_a_folder_of_users_alone_is_one_section_with_its_curves(tmp_path):
    page = page_of(tmp_path, users_rows())
    assert "environment-1-head" not in page.text
    new, seen = lines_of(page, "ppo")
    assert (new["line"]["dash"], seen["line"]["dash"]) == ("dash", "solid")
    for line in (new, seen):
        assert line["x"] == list(SIZES)
    assert new["y"] == pytest.approx([0.445, 0.895, 0.94])
    assert seen["y"] == pytest.approx([0.945] * 3)
    words = " ".join(page.text["environment-0"].split())
    assert "users from the ranges of 00a11ce0" in words
    assert "No router was played" not in words
    assert "learn nothing" not in words
    assert [a["data-router"] for _, a in page.tags if "data-router" in a] == ["ppo"]
    assert len(page.tables["environment-0-users-table"]) == 1 + 2 * len(SIZES)


@pytest.mark.parametrize(
    ("beside", "changes"),
    [
        (("frozen-loop", "frozen"), {"trained_on": "source"}),
        (("loop", "baseline"), {"trained_on": None}),
    ],
)
def test_who_learns_nothing_is_a_dashed_reference(tmp_path, beside, changes):
    page = page_of(tmp_path, users_rows(beside, **changes))
    found = lines_of(page, beside[0])
    assert [(line["line"]["dash"], line["x"]) for line in found] == 2 * [("dash", list(SIZES))]
    assert found[0]["y"] == pytest.approx([0.79, 0.88, 0.889])
    assert found[0]["marker"]["symbol"] == f"{found[1]['marker']['symbol']}-open"
    assert all(line["line"]["width"] < 2 for line in found)
    assert [line["line"]["dash"] for line in lines_of(page, "ppo")] == ["dash", "solid"]
    assert "learn nothing" in page.text["environment-0"]


def test_who_names_no_number_of_users_is_a_level_line(tmp_path):
    rows = users_rows(("loop", "baseline"), trained_on=None, users_trained=None)
    page = page_of(tmp_path, rows)
    found = lines_of(page, "loop")
    assert found
    for line in found:
        assert line["x"] == list(SIZES)
        assert len(set(line["y"])) == 1
        assert line["line"]["dash"] == "dash"
    assert all(line["x"] == list(SIZES) for line in lines_of(page, "ppo"))


def test_users_seen_twice_are_shown_once(tmp_path):
    rows = users_rows(("frozen-loop", "frozen"), trained_on="source")
    assert page_of(tmp_path / "a", rows, rows).tables == page_of(tmp_path / "b", rows).tables


def test_numbers_of_users_in_two_folders_are_one_curve(tmp_path):
    loop = ("frozen-loop", "frozen")
    few, many = (users_rows(loop, sizes, trained_on="source") for sizes in (SIZES[:1], SIZES[1:]))
    page = page_of(tmp_path, few, many)
    assert "environment-1-head" not in page.text
    for router in ("ppo", "frozen-loop"):
        assert [line["x"] for line in lines_of(page, router)] == 2 * [list(SIZES)]


def test_the_users_question_does_not_change_the_shift_results(tmp_path):
    rows = [row for row in study_rows(routers=("ppo",), seeds=2) if row["axis"] != "users"]
    asked = [{**row, "source": rows[0]["source"]} for row in users_rows(("loop", "baseline"))]
    without, page = page_of(tmp_path / "a", rows), page_of(tmp_path / "b", rows, asked)
    told = {name: table for name, table in page.tables.items() if not name.endswith("users-table")}
    assert told == without.tables
    assert "No router was played" not in page.text["environment-0"]
    assert len(lines_of(page, "ppo")) == len(lines_of(page, "loop")) == 2
