"""Results of several folders on one page: rows of one router belong together in any folder."""

import polars as pl
import pytest

from carousel_agents.generalisation import statistics
from carousel_agents.generalisation.improvement import YARDSTICKS
from carousel_agents.report import aggregate, write, write_page
from carousel_agents.report.folders import read_studies, titles
from carousel_envs import CarouselError
from support.page_reader import Page
from support.study_example import SMALL, study_rows, study_summary, write_study

AXES = ("hazard", "patience")


@pytest.fixture(autouse=True)
def short_plotly(monkeypatch):
    """Plotly's five megabytes replaced by a word: what these tests look at lies around them."""
    monkeypatch.setattr(write, "plotly_javascript", lambda: "var Plotly;")


def on_axis(axis, seeds=range(6), **changes):
    """Rows of a study of one axis by some seeds of ppo, without the question of users."""
    rows = study_rows(routers=("ppo",), seeds=6, axes=(axis,))
    rows = [row for row in rows if row["axis"] == axis and row.get("trained_on") != "target"]
    met = [row for row in rows if row["role"] != "learned" or row["training_seed"] in seeds]
    return [{**row, **changes} if row["role"] == "learned" else row for row in met]


def written(tmp_path, *studies, summaries=({}, {})):
    return [
        write_study(tmp_path / f"study-{i}", rows, study_summary(axes=AXES) | summary)
        for i, (rows, summary) in enumerate(zip(studies, summaries, strict=True))
    ]


def page_of(folders):
    return Page(write_page(folders).read_text(encoding="utf-8"))


def refused(folders):
    with pytest.raises(CarouselError) as caught:
        write_page(folders)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def cards(page):
    return sum(attrs.get("class") == "card headline" for _, attrs in page.tags)


def routers_in(page, table):
    return [line[0] for line in page.tables[f"environment-0-{table}-table"][1:]]


def test_one_environment_from_two_folders_shares_a_section(tmp_path):
    rows = study_rows(**{**SMALL, "routers": ("ppo", "dqn")})
    folders = [
        write_study(tmp_path / name, [row for row in rows if row["router"] != other])
        for name, other in (("ppo", "dqn"), ("dqn", "ppo"))
    ]
    page = page_of(folders)
    assert "environment-1-head" not in page.text
    names = routers_in(page, "training")
    assert len(names) == len(set(names))
    assert {"ppo", "dqn", "optimal"} <= set(names)


def test_policies_under_two_paths_on_axes_of_their_own_are_one_router(tmp_path):
    """As if they had met both axes in one study."""
    there = [
        {**row, "policy": f"/elsewhere/{row['policy']}"} if row["role"] == "learned" else row
        for row in on_axis("patience")
    ]
    folders = written(tmp_path, on_axis("hazard"), there)
    page = page_of(folders)
    assert cards(page) == 1
    assert routers_in(page, "training").count("ppo") == 1
    assert "6 seeds" in page.text["environment-0"]
    (study,) = read_studies(folders)
    together = written(tmp_path / "one", [*on_axis("hazard"), *on_axis("patience")], summaries=[{}])
    (whole,) = read_studies(together)
    for of in (aggregate.regimes, aggregate.seed_points, aggregate.improvements):
        assert of(study.rows) == of(whole.rows)
    assert not any(record["partly"] for record in aggregate.regimes(study.rows))


def test_seeds_of_two_folders_are_one_router_but_no_replicates_under_shift(tmp_path):
    """Three seeds met one axis and three the other: in training they are six of one kind, over
    shifts there is nothing that all met, and an axis has its own three."""
    folders = written(
        tmp_path, on_axis("hazard", seeds=range(3)), on_axis("patience", seeds=range(3, 6))
    )
    page = page_of(folders)
    assert cards(page) == 1
    words = " ".join(page.text["environment-0"].split())
    assert "score on the training users, 6 seeds" in words
    assert "none of 8 met by all seeds" in words
    (study,) = read_studies(folders)
    found = {(r["regime"], r["router"]): r for r in aggregate.regimes(study.rows)}
    assert found["training", "ppo"]["seeds"] == 6
    away = found["extrapolation", "ppo"]
    assert (away["populations"], away["partly"], away["score"]) == (0, 8, None)
    better = aggregate.improvements(study.rows)
    assert [(r["over"], r["axis"], r["seeds"]) for r in better] == [
        (over, axis, 3) for over in YARDSTICKS for axis in ("hazard", "patience")
    ]
    points = aggregate.seed_points(study.rows)
    assert [point["training_seed"] for point in points] == list(range(6))
    assert {point["shifted"] for point in points} == {None}


def test_a_curve_starts_once_and_from_the_seeds_that_go_on(tmp_path):
    rows = [*on_axis("hazard", seeds=range(3)), *on_axis("patience", seeds=range(3, 6))]
    (study,) = read_studies(written(tmp_path, rows, summaries=[{}]))
    found = aggregate.records(aggregate.starts(study.rows))
    ours = {r["axis"]: r for r in found if r["router"] == "ppo"}
    assert set(ours) == set(AXES)
    for axis, seeds in (("hazard", range(3)), ("patience", range(3, 6))):
        start = study.rows.filter(
            (pl.col("axis") == axis) & (pl.col("severity") == 0) & (pl.col("router") == "ppo")
        )
        assert sorted(start["training_seed"]) == list(seeds)
        assert ours[axis]["score"] == pytest.approx(statistics.iqm(start["score"].to_list()))
    # whoever plays the training users alone has no curve
    assert not {"loop", "open-loop"} & {record["router"] for record in found}


def test_seeds_that_met_one_axis_more_are_averaged_where_all_were(tmp_path):
    folders = written(tmp_path, on_axis("hazard"), on_axis("patience", seeds=range(3)))
    words = " ".join(page_of(folders).text["environment-0"].split())
    assert "4 of 8, which all seeds met" in words
    (study,) = read_studies(folders)
    (alone,) = read_studies(folders[:1])
    kept = [
        [record for record in aggregate.regimes(part.rows) if record["router"] == "ppo"]
        for part in (study, alone)
    ]
    assert [record | {"partly": 0} for record in kept[0]] == kept[1]


def test_other_policies_of_the_same_name_are_refused(tmp_path):
    """The training users are the same under every axis, and so must be what a run did with them."""
    other = on_axis("patience")
    for row in other:
        if row["role"] == "learned":
            row |= {"score": 0.1, "engagement": 1.0}
    words = refused(written(tmp_path, on_axis("hazard"), other))
    assert "router 'ppo' of seed 0 has two different results" in words
    assert "axis hazard, severity 0 and axis patience, severity 0, in" in words


def test_other_policies_that_met_nobody_in_common_are_refused_by_their_files(tmp_path):
    def told(digest, folder):
        entry = {"router": "ppo", "training_seed": 4, "policy": f"{folder}/ppo", "sha256": digest}
        return {"routers": [entry, entry | {"control": True, "sha256": folder}]}

    rows = [[row for row in on_axis(axis) if row["severity"]] for axis in AXES]
    same = written(tmp_path, *rows, summaries=(told("a", "one"), told("a", "other")))
    assert cards(page_of(same)) == 0
    other = written(tmp_path, *rows, summaries=(told("a", "one"), told("b", "other")))
    words = refused(other)
    assert "router 'ppo' of seed 4 is two different policies, 'one/ppo' and 'other/ppo'" in words


def test_sections_of_one_environment_are_told_apart_by_what_is_changed(tmp_path):
    first = on_axis("hazard")
    other = [{**row, "source": "other"} for row in on_axis("patience")]
    changed = {"population": {"fit": 0.5, "personas": ["alice", "bob"], "pair": ["a", "b"]}}
    folders = written(tmp_path, first, other, summaries=({}, changed))
    assert titles(read_studies(folders)) == [
        "Carousel/Boredom-v0",
        "Carousel/Boredom-v0, other fit, pair",
    ]
    html = write_page(folders).read_text(encoding="utf-8")
    # in the contents, in its finding and above the section
    assert html.count(">Carousel/Boredom-v0, other fit, pair<") == 3
