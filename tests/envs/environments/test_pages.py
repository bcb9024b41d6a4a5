"""The pages of the environments: complete, right to the last figure, and rendered as they stand."""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import pytest

from carousel_envs import Population, Questions, environment_ids
from carousel_envs.shifts import SHIFTS
from carousel_envs.shifts import questions as question_shifts
from support import page_rules
from support.matrix import most_later
from support.presets import solved_soon

_SCRIPT = Path(__file__).parents[3] / "docs" / "render.py"
_SPEC = importlib.util.spec_from_file_location("docs_render", _SCRIPT)
render = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(render)

NAMES = tuple(render.short(env_id) for env_id in environment_ids())


def doc(name: str) -> str:
    return render.docstring(render.scalar_class(f"Carousel/{name}-v0"))


@cache
def facts(name: str) -> page_rules.Facts:
    return page_rules.Facts.of(name)


# the figures of Welfare take long
@pytest.mark.parametrize(
    "name", most_later(NAMES, lambda name: name != "Welfare" and solved_soon(name))
)
def test_a_page_says_everything_and_nothing_wrong(name):
    assert page_rules.problems(doc(name), facts(name)) == []


def test_the_page_of_shifts_is_current_and_names_every_axis():
    page = (render.FOLDER.parent / "shifts.md").read_text(encoding="utf-8")
    assert page == render.catalogue(), "run make docs"
    for name in (*SHIFTS, *question_shifts.SHIFTS):
        assert page.count(f"\n| `{name}` |") == 1


def test_the_page_of_populations_is_current_and_names_every_field():
    page = (render.FOLDER.parent / "population.md").read_text(encoding="utf-8")
    assert page == render.populations(), "run make docs"
    users, questions = page.split("## Questions")
    for text, cls in ((users, Population), (questions, Questions)):
        assert all(text.count(f"\n| `{name}` | ") == 1 for name in cls.model_fields)


@pytest.mark.parametrize("env_id", environment_ids())
def test_the_rendered_page_is_current(env_id):
    path = render.FOLDER / render.file_name(env_id)
    assert path.read_text(encoding="utf-8") == render.page(env_id), "run make docs"


@pytest.mark.slow
def test_the_rendered_index_is_current():
    figures = {env_id: facts(render.short(env_id)).figures for env_id in environment_ids()}
    assert render.stale(render.FOLDER, render.rendered(figures)) == [], "run make docs"


# -- faults planted in a page ---------------------------------------------------------------------

BOREDOM = [
    ("## Sources\n", "## Literature\n", "sections are"),
    ("## Shifts\n", "Shifts\n", "sections are"),
    ("v0: first.", "", "Version history is empty"),
    ("v0: first.", "first.", "Version history: it must begin with v0"),
    ("When to swap: the loop itself.", "When to swap", "the page must begin with one sentence"),
    ("`sentiment`, ", "", "Observation: column sentiment is not named"),
    ("`persona_*`", "`persona_al*`", "Observation: column persona_bob is not named"),
    ("`session_gone`", "`session_gone`, `gone`", "Observation: there is no column gone"),
    ("| share of the session gone | 0 to 1 |", "| share | |", "Observation: no values are given"),
    ("(15,)", "(16,)", "Observation: the shape must be given as (15,)"),
    ("`Discrete(4)`", "`Discrete`", "Actions: it does not say Discrete(4)"),
    ("`refused`", "refused", "Reward: info key refused is not mentioned"),
    ("the option `user`", "hand", "Start: it does not say option `user`"),
    ("`session_length` turns.", "40 turns.", "End: it does not say `session_length`"),
    ("(`leave_bored`)", "", "End: it does not say `leave_bored`"),
    ("| 0.04 |", "| 0.05 |", "Population: boredom_hazard is 0.05; the preset has 0.04"),
    ("| 0.7, 0.2 |", "| 0.2, 0.7 |", "Population: engagement_fresh, engagement_bored is 0.2, 0.7"),
    ("| `swap_cost` | 0.8 |\n", "", "Population: swap_cost is not given; the preset has 0.8"),
    ("| `swap_cost`", "| `cost`", "Population: there is no field cost"),
    ("0.38, 0.4, 0.22", "0.38, 0.2, 0.42", "Population: cues[2] is 0.12, 0.33, 0.55; 0.38, 0.2,"),
    ("| `cues[3]` | 0.25, 0.4, 0.35; 0.65, 0.28, 0.07 |\n", "", "Population: cues is not given"),
    ("Exact:", "Here:", "References: the tier must be named: exact"),
    ("| 24.43 |", "| 24.44 |", "References: value is 24.44; solve says 24.43"),
    ("| uniform |", "| random |", "References: the rows of"),
    ("reference Boredom`", "reference Taste`", "References: there must be one table headed"),
    ("`hazard`, ", "", "Shifts: hazard applies but is not listed"),
    ("`hazard`, ", "`hazard`, `farewells`, ", "Shifts: farewells is listed but does not apply"),
]


@pytest.mark.parametrize(("right", "wrong", "complaint"), BOREDOM)
def test_a_fault_in_a_page_is_found(right, wrong, complaint):
    page = doc("Boredom")
    assert right in page, "the fault must be planted somewhere"
    found = page_rules.problems(page.replace(right, wrong), facts("Boredom"))
    assert any(problem.startswith(complaint) for problem in found), found


def test_what_is_as_elsewhere_must_be_so():
    page = doc("Welfare")
    right, wrong = "`cues` are as in `Boredom`", "`hook` are as in `Boredom`"
    assert right in page
    known = facts("Welfare")
    told = page_rules.sections(page.replace(right, wrong))["Population"]
    assert any(x.startswith("cues is not given") for x in page_rules._population(told, known))
    without = "\n".join(line for line in told.splitlines() if not line.startswith("| `hook`"))
    assert any(x.startswith("hook is not given") for x in page_rules._population(without, known))


def test_a_simulated_figure_needs_its_standard_error():
    told = page_rules.sections(doc("Taste"))["References"]
    known = facts("Taste")
    found = page_rules._references(told.replace("0.03", "0.3"), known)
    assert found == ["myopic is simulated; its standard error, 0.03, is not given"]


def test_a_wrong_table_of_fits_is_found():
    told = page_rules.sections(doc("Taste"))["Population"]
    known = facts("Taste")
    wrong = told.replace("| archetype 0 | 0.", "| archetype 0 | 1.")
    assert page_rules._population(told, known) == []
    assert any(x.startswith("the fits are") for x in page_rules._population(wrong, known))


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    most_later(
        [
            ("Welfare", "| weight 1.00 | 9.91 |", "| weight 1.00 | 9.90 |"),
            ("Recall", "| 14.06 | 0.0 % | 1.3 % |", "| 14.06 | 0.0 % | 1.4 % |"),
        ],
        lambda name, *_: name == "Recall",
    ),
)
def test_a_wrong_figure_beyond_the_gate_is_found(name, right, wrong):
    told = page_rules.sections(doc(name))["References"]
    assert right in told
    assert page_rules._references(told, facts(name)) == []
    found = page_rules._references(told.replace(right, wrong), facts(name))
    assert len(found) == 1
    assert "is none of" in found[0]


# -- the script -----------------------------------------------------------------------------------


@pytest.fixture
def solved(monkeypatch):
    """The script with figures that cost nothing."""
    known = {"tier": "exact", **dict.fromkeys(render.FIGURES, 1.0)}
    monkeypatch.setattr(render, "solved", lambda: dict.fromkeys(environment_ids(), known))


def test_written_once_nothing_is_stale(solved, tmp_path, capsys):
    folder = tmp_path / "environments"
    assert render.main(["--check"], folder) == 1
    assert "README.md is stale" in capsys.readouterr().err
    assert render.main([], folder) == 0
    assert render.main(["--check"], folder) == 0
    assert render.stale(folder, render.rendered(render.solved())) == []


def test_what_was_changed_by_hand_or_left_over_is_stale_and_put_right(solved, tmp_path, capsys):
    assert render.main([], tmp_path) == 0
    (tmp_path / "boredom.md").write_text("mine", encoding="utf-8")
    (tmp_path / "gone.md").write_text("old", encoding="utf-8")
    capsys.readouterr()
    assert render.main(["--check"], tmp_path) == 1
    said = capsys.readouterr().err
    assert "boredom.md" in said
    assert "gone.md" in said
    assert "README.md" not in said
    assert render.main([], tmp_path) == 0
    assert render.main(["--check"], tmp_path) == 0
    assert not (tmp_path / "gone.md").exists()
