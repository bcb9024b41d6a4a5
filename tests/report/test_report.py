"""The page escapes what it is given, needs nothing but itself, and shows every number it got."""

import copy
import json
import math
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from report_example import Page, entry, example

from carousel_agents.report import figures, page, panels, records, write_report
from carousel_envs.errors import CarouselError

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>&amp;'\"<!--"


def spread(data, words):
    """The same data with words added to every text, keys of open mappings included."""
    if isinstance(data, dict):
        return {
            key: value if key in ("role", "tier") else spread(value, words)
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [spread(value, words) for value in data]
    return data + words if isinstance(data, str) else data


@pytest.fixture(scope="module")
def short_plotly():
    """Plotly's five megabytes replaced by a word: what most tests look at lies around them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "_plotly", lambda: "var Plotly;")
        yield


@pytest.fixture
def render(short_plotly, tmp_path):
    def rendered(summary):
        write_report(summary, tmp_path / "report.html")
        return Page((tmp_path / "report.html").read_text(encoding="utf-8"))

    return rendered


def pictures(shown):
    return json.loads(shown.text["figures"])


# -- one file -------------------------------------------------------------------------------------


def test_page_is_self_contained(tmp_path):
    write_report(example(), tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    shown = Page(html)
    for tag, attrs in shown.tags:
        for key in ("src", "srcset", "data", "action", "poster", "href", "xlink:href"):
            if key in attrs:
                assert attrs[key].startswith(("#", "data:")), (tag, attrs)
    assert "@import" not in shown.text["style"]
    assert "url(" not in shown.text["style"]
    policies = [a["content"] for t, a in shown.tags if t == "meta" and "http-equiv" in a]
    assert policies[0].startswith("default-src 'none'")
    assert html.count("Plotly, Inc.") >= 1
    assert html.count("plotly.js v") == 1


def test_every_anchor_has_a_target(render):
    shown = render(example())
    names = [attrs["id"] for _, attrs in shown.tags if "id" in attrs]
    assert len(names) == len(set(names))
    targets = {a["href"][1:] for t, a in shown.tags if t == "a"}
    targets |= {a["aria-labelledby"] for _, a in shown.tags if "aria-labelledby" in a}
    assert targets <= set(names)


def test_same_summary_gives_the_same_page(render, tmp_path):
    render(example())
    first = (tmp_path / "report.html").read_bytes()
    render(example())
    assert (tmp_path / "report.html").read_bytes() == first


# -- escaping -------------------------------------------------------------------------------------


def test_hostile_text_stays_text(render):
    summary = spread(example(), HOSTILE)
    for key in ("population", "versions", "not_applicable"):
        summary[key][HOSTILE] = HOSTILE
    summary["reference"]["thresholds"][HOSTILE] = [0.5]
    plain, shown = render(example()), render(summary)
    assert shown.count("script") == plain.count("script") == 4
    assert shown.count("img") == 0
    assert shown.text["h1"] == example()["title"] + HOSTILE
    assert shown.tables["training-table"][1][0] == "ppo" + HOSTILE
    assert not [attrs for _, attrs in shown.tags if any(key.startswith("on") for key in attrs)]
    assert "<" not in shown.text["figures"]


def test_hostile_text_stays_text_in_figures(render):
    # plotly reads tags in hover text, tick labels and names
    for picture in pictures(render(spread(example(), HOSTILE))).values():
        for figure in picture.values():
            ticks = figure["layout"]["yaxis"].get("ticktext", [])
            hovers = [words for trace in figure["data"] for words in trace.get("hovertext", [])]
            names = [trace.get("name", "") for trace in figure["data"]]
            for words in [*ticks, *hovers, *names]:
                for known in ("<b>", "</b>", "<br>"):
                    words = words.replace(known, "")
                assert "<" not in words


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_router_name_reads_as_given(render, words):
    summary = {"schema": 1, "routers": [entry(words, "learned", 0.5)], "rows": []}
    assert render(summary).tables["training-table"][1][0] == words


# -- the file is whole or untouched ---------------------------------------------------------------


def test_report_replaces_a_page_and_leaves_nothing_else(render, tmp_path):
    (tmp_path / "report.html").write_text("old")
    render(example())
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


@pytest.mark.parametrize("broken", ["write_bytes", "replace"])
def test_failure_keeps_the_old_page(short_plotly, tmp_path, monkeypatch, broken):
    path = tmp_path / "report.html"
    path.write_text("old")
    write = Path.write_bytes

    def fail(self, data):
        if broken == "write_bytes":
            write(self, data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, broken, fail)
    with pytest.raises(CarouselError, match="No space left"):
        write_report(example(), path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_no_place_for_a_page(short_plotly, tmp_path):
    (tmp_path / "folder").mkdir()
    with pytest.raises(CarouselError, match="cannot be written"):
        write_report(example(), tmp_path / "folder")
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


@pytest.mark.parametrize("schema", [None, 2, "1"])
def test_another_schema_is_refused(tmp_path, schema):
    with pytest.raises(CarouselError, match=r"schema is .*; a report is made from 1"):
        write_report({**example(), "schema": schema}, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


def test_summary_is_left_as_it_was(render):
    summary = example()
    render(summary)
    assert summary == example()


# -- tables ---------------------------------------------------------------------------------------


def test_every_router_and_row_is_in_the_tables(render):
    summary, shown = example(), render(example())
    heads, *found = shown.tables["training-table"]
    assert heads[:4] == ["router", "role", "score", "engagement"]
    assert [(row[0], row[1]) for row in found] == [
        (r["router"], r["role"]) for r in summary["routers"]
    ]
    assert found[0][2] == "0.90 [0.88, 0.92]"
    assert found[0][3] == "23.60 [23.54, 23.66]"
    heads, *found = shown.tables["rows-table"]
    expected = [(r["axis"], f"{r['severity']:g}", r["router"]) for r in summary["rows"]]
    assert [tuple(row[:3]) for row in found] == expected
    assert {len(row) for row in found} == {len(heads)}


def test_tables_sort_by_number_and_from_the_keyboard(render):
    shown = render(example())
    sortable = [a for t, a in shown.tags if t == "table" and a.get("class") == "sortable"]
    heads = [attrs for tag, attrs in shown.tags if tag == "th" and "aria-sort" in attrs]
    buttons = [attrs for tag, attrs in shown.tags if tag == "button" and "data-router" not in attrs]
    assert len(sortable) == 2
    assert len(heads) == len(buttons) == sum(len(shown.tables[a["id"]][0]) for a in sortable)
    values = [
        attrs["data-value"] for tag, attrs in shown.tags if tag == "td" and "data-value" in attrs
    ]
    assert float(values[2]) == example()["routers"][0]["score"]


def test_commands_versions_population_and_fingerprint_are_given(render):
    summary, shown = example(), render(example())
    assert shown.text["pre"].count("carousel evaluate") == len(summary["routers"] + summary["axes"])
    assert "carousel demo" in shown.text["pre"]
    pairs = dict(row for row in shown.tables[""] if len(row) == 2)
    assert pairs["python"] == "3.11.7"
    assert pairs["cues"] == "[[[0.5, 0.5], [0.1, 0.9]]]"
    assert pairs["Any persona, uniformly"] == "5.000 (s.e. 0.012)"
    assert "f1n9e2" in shown.text["footer"]


def test_heat_map_shows_the_learned_router(render):
    shown = render(example())
    assert "Score of ppo by axis and severity" in shown.text["caption"]
    rows = [row for row in shown.tables[""] if row[0] in ("hazard", "cue-noise")]
    minus = "\N{MINUS SIGN}"
    assert [row[1][:4] for row in rows] == ["0.90", "0.90"]
    assert rows[0][3].startswith(f"{minus}2.50")


# -- figures --------------------------------------------------------------------------------------


def test_every_figure_has_words_and_a_place(render):
    shown = render(example())
    drawn = pictures(shown)
    places = [attrs["data-figure"] for _, attrs in shown.tags if "data-figure" in attrs]
    assert sorted(places) == sorted(drawn) == ["axis-0", "axis-1", "rule", "training"]
    for picture in drawn.values():
        assert set(picture) == {"score", "engagement"}
        assert all(figure["label"] for figure in picture.values())
    assert "ppo 0.90" in drawn["axis-0"]["score"]["label"]


def test_scores_far_below_are_arrows_at_the_edge(render):
    figure = pictures(render(example()))["axis-0"]["score"]
    low, high = figure["layout"]["yaxis"]["range"]
    assert figures.FLOOR - 0.3 < low < figures.FLOOR
    assert 1.0 < high < 1.3
    (arrow,) = [t for t in figure["data"] if t["marker"]["symbol"] == "triangle-down"]
    assert arrow["text"] == ["\N{MINUS SIGN}2.5"]
    assert low < arrow["y"][0] < high
    (line,) = [t for t in figure["data"] if t.get("meta") == "ppo" and t["mode"] == "lines+markers"]
    assert line["y"] == pytest.approx([0.9, -0.8, -2.5])


def test_a_baseline_off_the_scale_throughout_is_named_and_not_drawn(render):
    shown = render(example())
    assert "not drawn as scores: uniform" in shown.text["shifts"]
    drawn = pictures(shown)["axis-0"]
    assert "uniform" not in {trace.get("meta") for trace in drawn["score"]["data"]}
    assert "uniform" in {trace.get("meta") for trace in drawn["engagement"]["data"]}


def test_a_baseline_far_below_takes_no_room(render):
    summary = example()
    summary["rows"] = [row for row in summary["rows"] if row["role"] != "learned"]
    low, _ = pictures(render(summary))["axis-0"]["score"]["layout"]["yaxis"]["range"]
    assert -0.2 < low < 0


def test_engagement_is_drawn_with_optimum_and_blind(render):
    drawn = pictures(render(example()))["axis-0"]["engagement"]
    references = [trace for trace in drawn["data"] if "meta" not in trace]
    assert [trace["y"] for trace in references] == [[24.0] * 3, [20.0] * 3]
    assert {trace["line"]["dash"] for trace in references} == {"dot"}


def test_missing_scores_are_gaps_and_shaded(render):
    summary = example()
    for row in summary["rows"]:
        if row["severity"] == 1:
            row |= {"score": None, "score_low": None, "score_high": None}
    drawn = pictures(render(summary))["axis-0"]["score"]
    assert "no score" in [words["text"] for words in drawn["layout"]["annotations"]]
    lines = [trace for trace in drawn["data"] if trace["mode"] == "lines+markers"]
    assert lines
    assert all(trace["y"][2] is None for trace in lines)


def test_training_is_severity_zero_where_no_row_says_so(render):
    summary = example()
    summary["rows"] = [row for row in summary["rows"] if row["severity"] > 0]
    for trace in pictures(render(summary))["axis-0"]["score"]["data"]:
        if trace["mode"] == "lines+markers":
            assert trace["x"] == [0, 0.5, 1]


def test_roles_differ_in_colour_dash_and_symbol():
    looks = records.looks(example())
    main = [look for look in looks.values() if look.role != "baseline"]
    for field in ("color", "dash", "symbol"):
        assert len({getattr(look, field) for look in main}) == len(main) == 3
    assert next(iter(looks)) == "ppo"


def test_routers_of_one_role_are_told_apart():
    summary = example()
    summary["routers"] += [entry("rppo", "learned", 0.8), entry("open-loop", "baseline", 0.0)]
    looks = records.looks(summary)
    assert looks["ppo"].symbol != looks["rppo"].symbol
    assert looks["uniform"].symbol != looks["open-loop"].symbol


def test_bounds_are_explained_where_there_are_any(render):
    assert "lower bound" not in render(example()).text["main"]
    summary = example()
    for row in summary["rows"]:
        if row["axis"] == "hazard":
            row |= {"tier": "bounds", "value_upper": 24.5}
    shown = render(summary)
    assert "relative to the lower bound" in " ".join(shown.text["main"].split())
    assert shown.count("abbr") == 1
    assert len([t for t in pictures(shown)["axis-0"]["engagement"]["data"] if "meta" not in t]) == 3


# -- what may be missing --------------------------------------------------------------------------


def test_a_summary_of_nothing_is_a_page(render):
    shown = render({"schema": 1})
    assert "No router was evaluated." in shown.text["training"]
    assert "figures" not in shown.text


@pytest.mark.parametrize("key", [key for key in example() if key != "schema"])
def test_any_part_may_be_missing(render, key):
    summary = example()
    summary["rows"] = summary["rows"][:5]
    del summary[key]
    assert "None" not in render(summary).text["body"]


def test_every_part_may_be_null(render):
    assert render({**dict.fromkeys(example()), "schema": 1}).text == render({"schema": 1}).text


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_any_number_may_be_missing(render, nothing):
    summary = example()
    for record in [*summary["routers"], *summary["rows"]]:
        for key, value in record.items():
            if isinstance(value, float) and key != "severity":
                record[key] = nothing
    shown = render(summary)
    cells = [cell for rows in shown.tables.values() for row in rows for cell in row]
    assert not {"nan", "None", "inf"} & set(cells)
    assert shown.tables["rows-table"][1][4] == records.DASH
    assert "NaN" not in shown.text["figures"]
    # nothing but engagement is left to start with
    checked = [a["value"] for t, a in shown.tags if t == "input" and "checked" in a]
    assert set(checked) == {"engagement"}


def test_without_a_learned_router_the_frozen_one_is_mapped(render):
    summary = example()
    for key in ("routers", "rows"):
        summary[key] = [r for r in summary[key] if r["role"] not in ("learned", "optimal")]
    shown = render({**summary, "training": None})
    assert "Score of loop by axis and severity" in shown.text["caption"]
    assert "trained with" not in shown.text["reproduce"]


def test_one_axis_gives_one_panel(render):
    summary = example()
    summary["rows"] = [row for row in summary["rows"] if row["axis"] == "hazard"]
    shown = render({**summary, "axes": []})
    assert sorted(pictures(shown)) == ["axis-0", "rule", "training"]
    assert "hazard" in shown.text["h3"]


def test_panels_leave_their_rows_alone():
    summary = example()
    before = copy.deepcopy(summary)
    panels.panels(summary, records.looks(summary))
    assert summary == before
