"""The page of results: all of it comes from the rows, and is told without pictures as well."""

import hashlib
import json
import math

import plotly.graph_objects as go
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.utils import PlotlyJSONEncoder

from carousel_agents.generalisation import statistics
from carousel_agents.generalisation.gap_parts import PARTS, gaps
from carousel_agents.generalisation.players import COMPANIONS
from carousel_agents.report import aggregate, diagrams, write, write_page
from carousel_agents.router import FROZEN
from support.page_reader import Page
from support.properties import examples
from support.study_example import (
    AXES,
    BOREDOM,
    CONTROLS,
    LEARNED,
    SMALL,
    TASTE,
    USERS_TRAINED,
    frame,
    small,
    study_rows,
    study_summary,
    write_study,
)

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&amp;'\"<!--"


@pytest.fixture(autouse=True)
def short_plotly(monkeypatch):
    """Plotly's five megabytes replaced by a word: what these tests look at lies around them."""
    monkeypatch.setattr(write, "plotly_javascript", lambda: "var Plotly;")


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """A page of two environments, read."""
    folder = tmp_path_factory.mktemp("studies")
    rows = study_rows(TASTE, ("ppo", "dqn"), 2, ("hazard", "patience"))
    folders = [
        write_study(folder / "boredom"),
        write_study(folder / "taste", rows, study_summary(TASTE, ("hazard", "patience"))),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "plotly_javascript", lambda: "var Plotly;")
        return Page(write_page(folders, folder / "page.html").read_text(encoding="utf-8"))


def pictures(page):
    return json.loads(page.text["figures"])


# -- what is on it ---------------------------------------------------------------------------------


def test_every_environment_has_a_section(shown):
    assert shown.text["environment-0-head"] == BOREDOM
    assert shown.text["environment-1-head"] == TASTE
    assert "2,000 sessions per condition" in shown.text["environment-0"]
    assert "relative to the lower bound" in " ".join(shown.text["content"].split())
    assert "†" in shown.text["environment-1"]
    assert "†" not in shown.text["environment-0"]


def test_every_figure_has_a_place_and_words(shown):
    drawn = pictures(shown)
    places = {a["data-figure"]: a for _, a in shown.tags if "data-figure" in a}
    assert set(places) == set(drawn)
    kinds = {"training", "regimes", "distance", "users", "seeds", "profile"}
    assert {f"0-{kind}" for kind in kinds} <= set(drawn)
    assert {f"0-axis-{i}" for i in range(len(AXES))} <= set(drawn)
    assert {f"0-gaps-{i}" for i in range(len(LEARNED))} <= set(drawn)
    for name, views in drawn.items():
        assert all(figure["label"] and figure["data"] for figure in views.values())
        first = next((view for view in ("score", "at severity 1") if view in views), "figure")
        assert places[name]["aria-label"] == views[first]["label"]
        assert places[name]["role"] == "img"


def test_plotly_knows_every_property_of_every_figure(shown):
    figures = [figure for views in pictures(shown).values() for figure in views.values()]
    assert len(figures) > 30
    for figure in figures:
        given = {"data": figure["data"], "layout": figure["layout"]}
        known = go.Figure(given).to_plotly_json()
        known["layout"].pop("template", None)
        assert json.loads(json.dumps(known, cls=PlotlyJSONEncoder)) == given
    figures[0]["data"][0]["colour"] = "red"
    with pytest.raises(ValueError, match="colour"):
        go.Figure(figures[0]["data"])


def test_page_fetches_nothing(shown):
    for tag, attrs in shown.tags:
        for key in ("src", "srcset", "data", "action", "poster", "href", "xlink:href"):
            if key in attrs:
                assert attrs[key].startswith(("#", "data:")), (tag, attrs)
    for words in ("@import", "url("):
        assert words not in shown.text["style"]
    policies = [a["content"] for t, a in shown.tags if t == "meta" and "http-equiv" in a]
    assert policies[0].startswith("default-src 'none'")


def test_every_anchor_has_a_target_and_every_name_is_its_own(shown):
    names = [attrs["id"] for _, attrs in shown.tags if "id" in attrs]
    assert len(names) == len(set(names))
    targets = {a["href"][1:] for t, a in shown.tags if t == "a"}
    targets |= {a["aria-labelledby"] for _, a in shown.tags if "aria-labelledby" in a}
    assert targets <= set(names)


def test_what_an_environment_counts_has_a_column_there_and_nowhere_else(shown, tmp_path):
    counts = {"kept": "goodbyes prevented", "unmasked": "unmasked", "deceived": "deceived"}
    assert not set(counts.values()) & set(shown.tables["environment-0-rows-table"][0])
    for column, name in counts.items():
        page = Page(write_page([small(tmp_path / column, **{column: 0.4375})]).read_text("utf-8"))
        for table in ("training", "rows"):
            heads, *lines = page.tables[f"environment-0-{table}-table"]
            assert heads[-1] == name
            assert {line[-1] for line in lines} == {"0.44"}


def test_every_learned_score_is_shown_with_companions(shown):
    section = shown.text["environment-0"]
    for name in LEARNED:
        assert name in section
    beside = section.count("Beside it, on the same users")
    assert beside == len(LEARNED)
    for name in ("optimum", "hand-written loop", "open-loop (blind)", "best constant", "uniform"):
        assert section.count(name) >= beside


def test_where_nobody_knows_the_optimum_none_is_named(tmp_path):
    page = Page(
        write_page([small(tmp_path, tier="best known", value_upper=None)]).read_text("utf-8")
    )
    heads = page.tables["environment-0-rows-table"][0]
    assert "best known" in heads
    assert "optimum" not in heads
    beside = page.text["environment-0"].split("Beside it, on the same users")[1]
    assert beside.strip().startswith("best known")
    labels = [
        note["text"] for view in pictures(page)["0-training"].values() for note in notes(view)
    ]
    assert "best known" in labels
    assert "optimum" not in labels


def notes(figure):
    return figure["layout"].get("annotations", [])


def test_tables_hold_numbers_to_sort_by(shown):
    heads, *rows = shown.tables["environment-0-rows-table"]
    conditions = len(AXES) * 4
    assert len(rows) == conditions * (len(LEARNED) + len(COMPANIONS))
    assert heads[:5] == ["axis", "severity", "regime", "router", "role"]
    cells = [a for t, a in shown.tags if t == "td" and a.get("class") == "numeric"]
    assert cells
    for cell in cells:
        assert cell["data-value"] == "" or math.isfinite(float(cell["data-value"]))


def test_what_was_left_out_is_listed_with_the_reason(shown):
    words = shown.text["environment-0"]
    assert "farewells: nobody says goodbye" in words
    assert "whittle: nobody tires of a persona" in words


def test_conditions_without_a_distance_are_listed_with_the_reason(shown):
    words = shown.text["environment-0"]
    assert "patience at 0.25, 0.5, 0.75, 1: session length differs" in words
    drawn = pictures(shown)["0-distance"]["figure"]
    hovers = [words for trace in drawn["data"] for words in trace["hovertext"]]
    frozen = sum(name.startswith(FROZEN) for name in COMPANIONS)
    assert len(hovers) == (len(AXES) - 2) * 4 * (len(LEARNED) + frozen)
    assert not any("patience" in hover for hover in hovers)


def test_distance_axis_shows_zero_and_keeps_the_order():
    places = [diagrams._place(nats) for nats in (-0.001, 0.0, 0.001, 0.1, 1.0, 100.0)]
    assert places[0] == places[1] == 0.0
    assert places[1:] == sorted(places[1:])
    assert len(set(places)) == 5


def test_training_users_and_new_users_have_a_line_each(shown):
    traces = pictures(shown)["0-users"]["figure"]["data"]
    lines = [t for t in traces if t["mode"] == "lines+markers" and t["meta"] in LEARNED]
    assert {(t["meta"], t["line"]["dash"]) for t in lines} == {
        (router, dash) for router in LEARNED for dash in ("solid", "dash")
    }
    for line in lines:
        assert line["x"] == list(USERS_TRAINED)


def test_seeds_have_a_point_each_and_two_views(shown):
    views = pictures(shown)["0-seeds"]
    assert set(views) == set(diagrams.SEED_VIEWS)
    for figure in views.values():
        points = [t for t in figure["data"] if t["mode"] == "markers"]
        assert [len(t["x"]) for t in points] == [10] * len(LEARNED)


def test_gaps_are_drawn_for_axes_with_controls(shown):
    _, *rows = shown.tables["environment-0-gaps-table"]
    assert {(row[0], row[1]) for row in rows} == {(r, a) for r in LEARNED for a in CONTROLS}


# -- what it is made of ----------------------------------------------------------------------------


def test_several_seeds_give_the_interquartile_mean_and_a_band():
    rows = frame(study_rows(**SMALL))
    found = aggregate.records(aggregate.shifted_rows(rows))
    record = next(r for r in found if r["router"] == "ppo")
    scores = rows.filter(
        (pl.col("router") == "ppo")
        & (pl.col("axis") == record["axis"])
        & (pl.col("severity") == record["severity"])
        & (pl.col("trained_on") == "source")
    )["score"].to_numpy()
    assert record["seeds"] == len(scores) == 3
    assert record["score"] == pytest.approx(statistics.iqm(scores))
    ends = statistics.interval([scores], resamples=aggregate.RESAMPLES)
    assert (record["score_low"], record["score_high"]) == ends
    alone = next(r for r in found if r["router"] == "optimal")
    assert alone["seeds"] == 1
    assert (alone["score_low"], alone["score_high"]) == (0.98, 1.02)


def test_severity_zero_counts_once_however_many_axes_repeat_it():
    found = aggregate.records(aggregate.training_rows(frame(study_rows(**SMALL))))
    assert {r["router"]: r["seeds"] for r in found}["ppo"] == 3
    assert len(found) == len({r["router"] for r in found})


def test_a_router_that_always_wins_improves_with_certainty():
    rows = frame(study_rows(**SMALL)).with_columns(
        pl.when(pl.col("role") == "learned").then(2.0).otherwise(pl.col("score")).alias("score")
    )
    found = aggregate.improvements(rows)
    assert {r["axis"] for r in found} == {"all", *SMALL["axes"]}
    for record in found:
        ends = (record["improvement_low"], record["improvement_high"])
        assert (record["improvement"], ends) == (1.0, (1.0, 1.0))


def test_a_router_against_itself_improves_half_the_time():
    rows = frame(study_rows(**SMALL))
    frozen = rows.filter(pl.col("router") == "frozen-loop")
    twin = frozen.with_columns(router=pl.lit("twin"), role=pl.lit("learned"))
    found = aggregate.improvements(pl.concat([frozen, twin]))
    assert {r["improvement"] for r in found} == {0.5}


def test_regimes_average_populations_before_seeds():
    rows = frame(study_rows(**SMALL))
    found = {(r["regime"], r["router"]): r for r in aggregate.regimes(rows)}
    assert found["combinatorial", "ppo"]["populations"] == 4
    assert found["extrapolation", "ppo"]["populations"] == 8
    assert found["training", "optimal"]["score"] == found["combinatorial", "optimal"]["score"] == 1


reals = st.floats(-50, 50).map(lambda x: round(x, 3))


@examples(25)
@given(
    values=st.tuples(reals, reals),
    source=st.lists(st.tuples(reals, reals), min_size=1, max_size=4),
    target=st.lists(reals, min_size=1, max_size=4),
)
def test_the_parts_of_a_gap_add_up(values, source, target):
    at_home = {"axis": "a", "kind": "mechanism", "router": "ppo", "role": "learned"}
    shared = {**at_home, "environment": "E", "source": "s", "tier": "exact"}
    rows = []
    for seed, (home, away) in enumerate(source):
        run = {**shared, "training_seed": seed, "trained_on": "source", "policy": f"p{seed}"}
        rows.append(
            {**run, "regime": "training", "severity": 0.0, "value": values[0], "engagement": home}
        )
        rows.append(
            {
                **run,
                "regime": "extrapolation",
                "severity": 1.0,
                "value": values[1],
                "engagement": away,
            }
        )
    for seed, there in enumerate(target):
        run = {**shared, "training_seed": seed, "trained_on": "target", "policy": f"t{seed}"}
        rows.append(
            {
                **run,
                "regime": "extrapolation",
                "severity": 1.0,
                "value": values[1],
                "engagement": there,
            }
        )
    (gap,) = gaps(frame(rows))
    lost = sum(a - b for a, b in source) / len(source)
    assert gap["total"] == pytest.approx(lost, abs=1e-9)
    assert sum(gap[part] for part in PARTS) == pytest.approx(gap["total"], abs=1e-9)
    assert gap["difficulty"] == values[0] - values[1]
    assert (gap["shift_low"] is None) == (min(len(source), len(target)) < 2)


# -- one file, the same each time ------------------------------------------------------------------


def test_same_rows_give_the_same_bytes(tmp_path):
    folder = small(tmp_path / "study")
    digests = {hashlib.sha256(write_page([folder]).read_bytes()).hexdigest() for _ in range(2)}
    assert len(digests) == 1
    assert (folder / "report.html").exists()


def test_hostile_text_stays_text(tmp_path):
    rows = study_rows(**SMALL)
    for row in rows:
        for key in ("environment", "axis", "kind", "distance_note", "policy"):
            row[key] += HOSTILE if row["axis"] != "users" or key == "environment" else ""
        row["router"] += HOSTILE if row["role"] == "learned" else ""
    summary = study_summary(axes=SMALL["axes"])
    summary |= dict.fromkeys(("command", "created"), HOSTILE)
    for key in ("population", "versions", "not_applicable"):
        summary[key] = {HOSTILE: HOSTILE}
    page = Page(write_page([write_study(tmp_path, rows, summary)]).read_text(encoding="utf-8"))
    plain = Page(write_page([small(tmp_path / "plain")]).read_text(encoding="utf-8"))
    assert page.count("script") == plain.count("script")
    assert page.count("img") == 0
    assert page.text["environment-0-head"] == BOREDOM + HOSTILE
    assert not [attrs for _, attrs in page.tags if any(key.startswith("on") for key in attrs)]
    assert "<" not in page.text["figures"]
    for views in pictures(page).values():
        for figure in views.values():
            ticks = figure["layout"]["yaxis"].get("ticktext", [])
            hovers = [words for trace in figure["data"] for words in trace.get("hovertext", [])]
            for words in [*ticks, *hovers]:
                for known in ("<b>", "</b>", "<br>"):
                    words = words.replace(known, "")
                assert "<" not in words


@pytest.mark.sampled(7)
@pytest.mark.parametrize(
    ("column", "nothing"),
    [
        *(("score", None), ("score", math.nan), ("value", math.inf), ("value", None)),
        *(("distance_nats", math.nan), ("engagement_se", None), ("left", -math.inf)),
    ],
)
def test_any_number_may_be_missing(tmp_path, column, nothing):
    text = write_page([small(tmp_path, **{column: nothing})]).read_text(encoding="utf-8")
    page = Page(text)
    cells = [cell for rows in page.tables.values() for row in rows for cell in row]
    assert not {"nan", "None", "inf"} & set(cells)
    assert "NaN" not in page.text["figures"]
    assert "Infinity" not in page.text["figures"]


@pytest.mark.sampled(4)
@pytest.mark.parametrize("role", ["learned", "frozen", "optimal", "baseline"])
def test_any_role_may_be_missing(tmp_path, role):
    rows = [row for row in study_rows(**SMALL) if row["role"] != role]
    page = Page(write_page([write_study(tmp_path, rows)]).read_text(encoding="utf-8"))
    assert ("Beside it" in page.text["environment-0"]) == (role != "learned")


def test_rows_without_shift_are_a_page(tmp_path):
    rows = [row for row in study_rows(**SMALL) if row["severity"] == 0]
    page = Page(write_page([write_study(tmp_path, rows, {})]).read_text(encoding="utf-8"))
    assert "No router was played under shift." in page.text["environment-0"]
