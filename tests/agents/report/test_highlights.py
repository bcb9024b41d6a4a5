"""What the page says first is true of the rows, whatever they hold."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_agents.report import write, write_page
from carousel_agents.report.highlights import NAMED, findings
from carousel_agents.report.records import Look
from support.page_reader import Page
from support.study_example import BOREDOM, frame, study_rows, study_summary, write_study

LOOKS = {"ppo": Look("learned", "#000000", "solid", "circle", 2.0)}
SCORES = st.one_of(st.none(), st.integers(-300, 150).map(lambda cents: cents / 100 + 0.001))
CURVES = st.dictionaries(st.sampled_from("abcdefgh"), st.lists(SCORES, min_size=1, max_size=4))


def words_on(start, curves):
    """The sentence on a router that scores `start` in training and these numbers along axes."""
    rows = [
        {"router": "ppo", "axis": axis, "severity": (i + 1) / 4, "score": score}
        for axis, scores in curves.items()
        for i, score in enumerate(scores)
    ]
    rows.append({"router": "other", "axis": "z", "severity": 1.0, "score": -9.0})
    summary = {"routers": [{"router": "ppo", "score": start}], "rows": rows}
    (finding,) = findings(summary, LOOKS, [])
    return finding["words"]


@given(SCORES.filter(lambda score: score is not None), CURVES)
def test_a_sentence_counts_and_names_what_the_rows_say(start, curves):
    words = words_on(start, curves)
    shown = re.match(r"scores (\S+?)[,\s]", words)[1].replace("\N{MINUS SIGN}", "-")
    assert float(shown) == pytest.approx(start, abs=0.0051)
    known = {axis: [s for s in scores if s is not None] for axis, scores in curves.items()}
    cents = {axis: min(round(100 * s) for s in scores) for axis, scores in known.items() if scores}
    if not cents:
        assert words.endswith("It has no score under any shift.")
        return
    kept = sum(round(100 * start) - worst <= 10 for worst in cents.values())
    assert f"no more than 0.1 on {kept or 'none'} of {len(cents)} ax" in words
    without = len(curves) - len(cents)
    rest = f"; on {without} more it has no score." if without else "."
    assert words.endswith(rest)
    words = words.removesuffix(rest)
    below = {axis for axis, worst in cents.items() if worst < 0}
    listed = re.search(r"below 0 on (.*)$", words)[1]
    if not below or (len(below) == len(cents) > 1):
        assert listed == ("each of them" if below else "none")
        return
    named = re.split(r", | and ", listed)
    more = int(named.pop().removesuffix(" more")) if listed.endswith(" more") else 0
    assert set(named) <= below
    assert len(named) + more == len(below)
    assert len(named) == min(len(below), NAMED)
    # the worst first
    assert [cents[axis] for axis in named] == sorted(cents.values())[: len(named)]


@pytest.mark.parametrize(
    ("start", "curves", "words"),
    [
        (
            0.94,
            {"a": [0.84], "b": [0.83, -0.2], "c": [0.9, -0.5]},
            (
                "scores 0.94 on the training users. Under shift it loses no more than 0.1 on 1 of "
                "3 axes and falls below 0 on c and b."
            ),
        ),
        (
            -1.15,
            {"a": [-1.2], "b": [0.2]},
            (
                "scores \N{MINUS SIGN}1.15 on the training users, less than a fixed schedule of "
                "personas would. Under shift it loses no more than 0.1 on 2 of 2 axes and is "
                "below 0 on a."
            ),
        ),
        (
            0.5,
            {"a": [0.5], "b": [None], "c": [None, None]},
            (
                "scores 0.50 on the training users. Under shift it loses no more than 0.1 on 1 of "
                "1 axis and falls below 0 on none; on 2 more it has no score."
            ),
        ),
        (
            None,
            {"a": [-0.3], "b": [-0.1]},
            (
                "has no score on the training users: listening to them is worth nothing. Under "
                "shift it is below 0 on each of 2 axes."
            ),
        ),
        (
            None,
            {"a": [0.3]},
            (
                "has no score on the training users: listening to them is worth nothing. Under "
                "shift it is below 0 on none."
            ),
        ),
    ],
)
def test_sentences(start, curves, words):
    assert words_on(start, curves) == words


def test_scores_between_bounds_are_said_to_be_the_highest():
    row = {"router": "ppo", "axis": "a", "severity": 1.0, "score": 0.9, "tier": "bounds"}
    summary = {"routers": [{"router": "ppo", "score": 0.9, "tier": "bounds"}], "rows": [row]}
    (finding,) = findings(summary, LOOKS, [])
    assert finding["words"].endswith("these are the highest scores it allows.")
    exact = {"routers": summary["routers"], "rows": [{**row, "tier": "exact"}]}
    exact["routers"] = [{"router": "ppo", "score": 0.9, "tier": "exact"}]
    assert "highest" not in findings(exact, LOOKS, [])[0]["words"]


@pytest.fixture
def short_plotly(monkeypatch):
    monkeypatch.setattr(write, "plotly_javascript", lambda: "var Plotly;")


def test_the_page_says_it_next_to_the_number(tmp_path, short_plotly):
    axes = ("hazard", "patience", "cue-reversal", "hazard+cue-noise")
    rows = study_rows(routers=("ppo", "dqn"), seeds=1, axes=axes)
    page = Page(write_page([write_study(tmp_path / "study", rows)]).read_text(encoding="utf-8"))
    told = " ".join(page.text["what-happened"].split())
    known = frame(rows).filter(pl.col("trained_on") == "source", pl.col("axis") != "users")
    for router in ("ppo", "dqn"):
        own = known.filter(pl.col("router") == router)
        start = own.filter(pl.col("severity") == 0)["score"][0]
        worst = own.group_by("axis").agg(pl.col("score").min()).sort("score")
        kept = worst.filter(pl.col("score").round(2) >= round(start, 2) - 0.1001).height
        below = worst.filter(pl.col("score").round(2) < 0)["axis"].to_list()
        assert below
        listed = " and ".join([*([", ".join(below[:-1])] if below[1:] else []), below[-1]])
        assert (
            f"{start:.2f} On {BOREDOM}, {router} scores {start:.2f} on the training users. Under "
            f"shift it loses no more than 0.1 on {kept} of {len(worst)} axes and falls below 0 on "
            f"{listed}." in told
        )


def test_of_users_trained_on_alone_it_says_what_more_of_them_bring(tmp_path, short_plotly):
    rows = [row for row in study_rows(routers=("ppo",), seeds=1) if row["axis"] == "users"]
    page = Page(write_page([write_study(tmp_path / "study", rows)]).read_text(encoding="utf-8"))
    new = {
        row["users_trained"]: row["score"]
        for row in rows
        if row["overlap"] == 0 and row["router"] == "ppo"
    }
    assert (
        f"ppo scores {new[10]:.2f} on new users after training on 10, and {new[10_000]:.2f} after "
        "training on 10,000." in " ".join(page.text["what-happened"].split())
    )


def test_what_does_not_apply_stands_folded_at_the_end(tmp_path, short_plotly):
    rows = study_rows(routers=("ppo",), seeds=1, axes=("hazard",))
    summary = study_summary(axes=("hazard",), not_applicable={"a": "no", "b": "neither"})
    folder = write_study(tmp_path / "study", rows, summary)
    text = write_page([folder]).read_text(encoding="utf-8")
    section = text[text.index('id="environment-0"') : text.index('id="reproduce"')]
    folded = section.index("<summary>2 axes that do not apply here</summary>")
    assert folded > section.index('id="environment-0-rows-table"')
    assert "<summary>1 router that makes no sense here</summary>" in section


@pytest.mark.parametrize(("seeds", "drawn"), [(1, False), (2, True)])
def test_runs_are_drawn_seed_by_seed_where_there_are_several(tmp_path, short_plotly, seeds, drawn):
    rows = study_rows(routers=("ppo",), seeds=seeds, axes=("hazard",))
    folder = write_study(tmp_path / "study", rows, study_summary(axes=("hazard",)))
    assert ("Seed by seed" in write_page([folder]).read_text(encoding="utf-8")) is drawn
