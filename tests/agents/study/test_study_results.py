"""The study that the docs show: what must hold of its rows, whatever was learnt."""

from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from carousel_agents.generalisation.gap_parts import gaps
from carousel_agents.generalisation.schema import SCHEMA
from carousel_agents.report.claims import CLAIMS
from carousel_agents.report.folders import read_studies

RESULTS = Path(__file__).parents[3] / "docs" / "results"
FOLDER = RESULTS / "generalisation"
ENVIRONMENTS = ("Boredom", "Taste", "Satiation", "Welfare", "Unmask", "Recall")
STUDIES = (*ENVIRONMENTS, "ranges", "users")
LEARNED = ("ppo-tuned", "dqn-tuned", "recurrent-ppo-tuned")


@pytest.fixture(scope="module")
def studies():
    return {name: pl.read_parquet(FOLDER / name / "results.parquet") for name in STUDIES}


@pytest.fixture(params=ENVIRONMENTS)
def rows(request, studies):
    return studies[request.param]


def test_the_page_reads_what_is_kept():
    # format, digests of the rows, and whether studies go together
    read_studies([FOLDER / name for name in STUDIES])


def test_rows_are_of_the_schema(studies):
    assert all(rows.schema == SCHEMA for rows in studies.values())


def test_ten_seeds_of_every_learned_router_met_every_population(rows):
    own = rows.filter(pl.col("role") == "learned", pl.col("trained_on") != "target")
    names = set(own["router"])
    assert names >= {*LEARNED, "maskable-ppo-tuned.regret", "maskable-recurrent-ppo-tuned.regret"}
    seeds = own.group_by("router", "axis", "severity").agg(pl.col("training_seed").sort())
    assert all(each.to_list() == list(range(100, 110)) for each in seeds["training_seed"])
    everywhere = rows.select("axis", "severity").n_unique()
    met = seeds.filter(~pl.col("router").str.ends_with("-masked"))
    assert (met.group_by("router").len()["len"] == everywhere).all()


def test_the_optimum_scores_one_where_the_reference_is_exact(studies):
    for rows in studies.values():
        best = rows.filter((pl.col("router") == "optimal") & (pl.col("tier") == "exact"))
        apart = (best["engagement"] - best["value"]).abs()
        assert (apart <= 4.5 * best["engagement_se"] + 1e-9).all()


def test_uniform_choice_scores_nothing_and_nobody_exceeds_the_upper_bound(rows):
    uniform = rows.filter(pl.col("router") == "uniform")["score"].drop_nulls()
    assert len(uniform) > 0
    assert (uniform <= 0).all()
    room = rows["value_upper"] + 4.5 * rows["engagement_se"]
    assert (rows["engagement"] <= room).all()


def test_the_frozen_loop_is_the_loop_at_home_and_falls_off_it(studies):
    rows = studies["Boredom"]
    home = rows.filter(pl.col("severity") == 0)
    same = home.filter(pl.col("router").is_in(["loop", "frozen-loop"]))["engagement"]
    assert same.n_unique() == 1
    for axis in ("hazard", "cue-noise", "cue-reversal", "swap-cost"):
        away = rows.filter((pl.col("severity") == 1) & (pl.col("axis") == axis))
        loop, best = (away.filter(pl.col("router") == r) for r in ("frozen-loop", "optimal"))
        assert loop["score_high"].item() < best["score_low"].item()


@pytest.mark.parametrize("name", ["Boredom", "Taste"])
def test_learned_routers_fall_where_the_frozen_optimum_falls(studies, name):
    """They are more like it than like the frozen loop, and seldom ahead of it."""
    rows = studies[name]

    def number(text: str) -> float:
        return float(text.partition(" ")[0].replace("\N{MINUS SIGN}", "-"))

    for router in LEARNED:
        alike, less = (
            number(CLAIMS["likeness"](rows, router, over))
            for over in ("frozen-optimal", "frozen-loop")
        )
        assert alike > 0.75
        assert alike > less + 0.05
        assert number(CLAIMS["beats"](rows, router, "frozen-optimal")) < 0.35


def test_what_holds_by_construction_holds(studies):
    for rows in studies.values():
        home = rows.filter(pl.col("severity") == 0)
        masked = home.filter(pl.col("router").str.ends_with("-masked"))
        figures = dict(
            home.filter(~pl.col("router").str.ends_with("-masked"))
            .select("policy", "engagement")
            .iter_rows()
        )
        for policy, engagement in masked.select("policy", "engagement").iter_rows():
            assert figures[policy] == engagement
    # no observation shows the price of a swap: what a frozen router does moves with none
    costs = studies["Boredom"].filter(
        (pl.col("axis") == "swap-cost") & (pl.col("role") == "learned"),
        pl.col("trained_on") == "source",
    )
    assert (costs.group_by("policy").agg(pl.col("swaps").n_unique())["swaps"] == 1).all()


def test_nobody_is_clearly_above_a_lower_bound(studies):
    for name, rows in studies.items():
        above = rows.filter(
            (pl.col("engagement") - 4.5 * pl.col("engagement_se") > pl.col("value"))
            & (pl.col("role") != "optimal")
        )
        found = set(above.select("router", "trained_on", "axis", "severity").iter_rows())
        # the page names the one exception: policies better than any that the reference knows
        known = {("ppo-tuned", "target", "swap-cost", 1.0)} if name == "Satiation" else set()
        assert found == known, (name, found)


def test_distances_are_nothing_at_home_and_grow_with_severity(rows):
    for axis in rows.partition_by("axis"):
        one = axis.unique("severity").sort("severity")
        nats, error = (one[name].to_list() for name in ("distance_nats", "distance_se"))
        assert nats[0] == 0.0
        known = [(x, e) for x, e in zip(nats, error, strict=True) if x is not None]
        for (near, e), (far, f) in pairwise(known):
            assert near <= far + 3 * (e**2 + f**2) ** 0.5


def test_every_axis_has_controls_at_its_end(rows):
    found = gaps(rows)
    ends = {gap["axis"] for gap in found if gap["severity"] == 1.0}
    assert ends == set(rows["axis"])
    assert {gap["router"] for gap in found} == {"ppo-tuned"}
    assert {(gap["source_policies"], gap["target_policies"]) for gap in found} == {(10, 10)}


def test_new_users_are_nobody_of_training(studies):
    rows = studies["users"]
    assert (rows.filter(pl.col("severity") == 1)["overlap"] == 0).all()
    assert (rows.filter(pl.col("severity") == 0)["overlap"] > 0).all()
    learned = rows.filter(pl.col("role") == "learned")
    assert set(learned["users_trained"]) == {10, 100, 1000, 10_000}
