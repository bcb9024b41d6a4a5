"""Figures that sentences name: each is what the rows say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from carousel_agents.generalisation.gap_parts import gaps
from carousel_agents.report.claims import CLAIMS, said
from support.study_example import frame, study_rows


@pytest.fixture(scope="module")
def rows():
    return frame(study_rows(routers=("ppo",), seeds=4))


def test_a_number_is_said_with_its_interval_and_a_real_minus():
    assert said({"x": -0.126, "x_low": -0.2, "x_high": 0.0}, "x") == (
        "\u22120.13 (\u22120.20 to 0.00)"
    )
    assert said({"x": -0.001, "x_low": None, "x_high": None}, "x") == "0.00"
    assert said({}, "x") == "none"


def test_a_score_and_a_regret_are_those_of_the_condition(rows):
    assert CLAIMS["score"](rows, "frozen-loop", "hazard", "1").startswith("0.48 ")
    # the scale is 4
    assert CLAIMS["regret"](rows, "frozen-loop", "hazard", "1").startswith("2.08 ")
    assert CLAIMS["score"](rows, "frozen-loop", "hazard", "0").startswith("0.98 ")


def test_likeness_is_the_correlation_over_populations(rows):
    away = rows.filter(pl.col("severity") > 0, pl.col("axis") != "users")
    own = {
        name: away.filter(pl.col("router") == name, pl.col("trained_on") == "source")
        for name in ("ppo", "frozen-loop", "frozen-optimal")
    }
    theirs = dict(own["frozen-loop"].unique("target").select("target", "score").iter_rows())
    each = []
    for seed in range(4):
        ours = own["ppo"].filter(pl.col("training_seed") == seed).unique("target")
        pairs = [(s, theirs[t]) for t, s in ours.select("target", "score").iter_rows()]
        each.append(np.corrcoef(np.array(pairs).T)[0, 1])
    middle = np.sort(each)[1:3].mean()
    assert CLAIMS["likeness"](rows, "ppo", "frozen-loop").startswith(f"{middle:.2f} (")
    assert CLAIMS["beats"](rows, "ppo", "frozen-optimal").startswith("0.")


def test_distance_and_loss_are_compared_by_rank(rows):
    """Where the loss is the distance itself, whatever its scale, the correlation is 1."""
    exact = rows.with_columns(
        score=pl.when(pl.col("router") == "ppo")
        .then(-(pl.col("distance_nats") ** 3))
        .otherwise(pl.col("score"))
    )
    assert CLAIMS["distance_and_loss"](exact, "ppo") == "1.00 (1.00 to 1.00)"


def test_users_are_those_trained_on(rows):
    assert CLAIMS["memorised"](rows, "frozen-loop", "10") == "0.00"
    assert CLAIMS["on_new_users"](rows, "ppo", "10000").startswith("0.9")


def test_one_axis_or_all_but_one_can_be_asked_for(rows):
    assert CLAIMS["beats"](rows, "frozen-optimal", "frozen-loop", "hazard") == "1.00"
    whole, part = (
        CLAIMS["likeness"](rows, "ppo", "frozen-loop", *more) for more in ((), ("cue-reversal",))
    )
    assert whole != part
    assert CLAIMS["distance_and_loss"](rows, "ppo", "hazard") == "1.00 (1.00 to 1.00)"


def test_the_ends_of_the_seeds_and_their_swaps_are_those_of_the_rows(rows):
    own = rows.filter(
        (pl.col("router") == "ppo") & (pl.col("axis") == "hazard") & (pl.col("severity") == 1.0),
        pl.col("trained_on") == "source",
    )
    ends = f"{own['score'].min():.2f} to {own['score'].max():.2f}"
    assert CLAIMS["least_and_most"](rows, "ppo", "hazard", "1") == ends
    assert CLAIMS["mean"](rows, "swaps", "ppo", "hazard", "1") == f"{own['swaps'].mean():.2f}"
    ours = rows.filter(pl.col("router") == "ppo", pl.col("trained_on") != "target")
    assert CLAIMS["most"](rows, "swaps", "ppo") == f"{ours['swaps'].max():.2f}"
    ours = ours.filter(pl.col("axis") == "hazard")
    assert CLAIMS["most"](rows, "swaps", "ppo", "hazard") == f"{ours['swaps'].max():.2f}"


def test_regret_is_said_for_levels_and_for_what_is_held_out(rows):
    """The frozen loop, whose one run is on all, and a router that trained on hazard."""
    own = (pl.col("router") == "ppo") & (pl.col("axis") == "hazard") & (pl.col("severity") > 0)
    trained = rows.with_columns(
        trained_on=pl.when(own).then(pl.lit("level")).otherwise(pl.col("trained_on"))
    )
    loop = rows.filter(pl.col("router") == "frozen-loop", pl.col("severity") > 0)
    loop = loop.filter(pl.col("axis") != "users").unique("target")
    hazard = pl.col("axis") == "hazard"
    for part, own in (("levels", loop.filter(hazard)), ("held-out", loop.filter(~hazard))):
        said_mean, said_most = (
            CLAIMS[name](trained, "frozen-loop", part)
            for name in ("mean_regret", "greatest_regret")
        )
        assert (said_mean, said_most) == (
            f"{own['regret'].mean():.2f}",
            f"{own['regret'].max():.2f}",
        )
    assert CLAIMS["mean_regret"](trained, "ppo", "levels") != CLAIMS["mean_regret"](trained, "ppo")
    everywhere, elsewhere = (CLAIMS["worst_tenth"](part, "ppo") for part in (rows, trained))
    assert everywhere != elsewhere


def test_a_gap_is_said_in_its_parts(rows):
    (whole,) = (g for g in gaps(rows) if (g["axis"], g["severity"]) == ("cue-reversal", 1.0))
    for part in ("total", "difficulty", "learnability", "shift"):
        figure = CLAIMS["gap"](rows, "ppo", "cue-reversal", "1", part)
        assert figure == said(whole, part) != "none"


def by_target(rows, router):
    """Figures of one router's seeds, by population and seed."""
    own = rows.filter(pl.col("router") == router, pl.col("trained_on") == "source")
    own = own.filter(pl.col("axis") != "users").unique(["target", "training_seed"])
    return {
        name: {
            (target, seed): x
            for target, seed, x in own.select("target", "training_seed", name).iter_rows()
        }
        for name in ("score", "regret")
    }


def test_regret_beside_another_is_the_difference_of_means(rows):
    ours, theirs = (by_target(rows, name)["regret"] for name in ("ppo", "frozen-optimal"))
    shown = {target for target, _ in ours if target != "5072ce00"}
    known = {target: x for (target, _), x in theirs.items()}
    each = [np.mean([ours[target, seed] - known[target] for target in shown]) for seed in range(4)]
    middle = np.sort(each)[1:3].mean()
    found = CLAIMS["more_regret"](rows, "ppo", "frozen-optimal")
    assert found.startswith(f"{middle:.2f} (")
    # with itself: no difference, and an interval that says how far it may be by chance
    same = CLAIMS["more_regret"](rows, "ppo", "ppo")
    assert same.startswith("0.00 (\u2212")
    assert CLAIMS["more_regret"](rows, "frozen-loop", "frozen-loop") == "0.00"
    at_home = np.mean([ours["5072ce00", seed] for seed in range(4)]) - known["5072ce00"]
    extra = np.array(each) - np.array([ours["5072ce00", s] - known["5072ce00"] for s in range(4)])
    found = CLAIMS["extra_regret"](rows, "ppo", "frozen-optimal")
    assert found.startswith(f"{np.sort(extra)[1:3].mean():.2f} (")
    assert CLAIMS["extra_regret"](rows, "frozen-loop", "frozen-loop") == "0.00"
    found = CLAIMS["more_regret"](rows, "ppo", "frozen-optimal", "training")
    assert abs(float(found.split()[0].replace("\u2212", "-")) - at_home) < 0.1


def test_falls_are_compared_population_by_population(rows):
    ours, theirs = (by_target(rows, name)["score"] for name in ("ppo", "frozen-optimal"))
    home = "5072ce00"
    known = {target: x for (target, _), x in theirs.items()}
    each = [
        np.mean(
            [
                abs((ours[home, seed] - ours[target, seed]) - (known[home] - known[target]))
                for target in known
                if target != home
            ]
        )
        for seed in range(4)
    ]
    middle = np.sort(each)[1:3].mean()
    assert CLAIMS["apart"](rows, "ppo", "frozen-optimal").startswith(f"{middle:.2f} (")
    assert CLAIMS["apart"](rows, "frozen-loop", "frozen-loop") == "0.00"


def test_axes_can_be_left_out(rows):
    loop = rows.filter(pl.col("router") == "frozen-loop", pl.col("severity") > 0)
    loop = loop.filter(~pl.col("axis").is_in(["users", "hazard", "patience"])).unique("target")
    some = CLAIMS["mean_regret"](rows, "frozen-loop", "held-out", "hazard,patience")
    assert some == f"{loop['regret'].mean():.2f}"
    more = CLAIMS["more_regret"](rows, "ppo", "frozen-loop", "held-out", "hazard,patience")
    assert more != CLAIMS["more_regret"](rows, "ppo", "frozen-loop")


def test_controls_are_those_trained_under_the_shift(rows):
    there = rows.filter(
        pl.col("router") == "ppo",
        pl.col("axis") == "hazard",
        pl.col("severity") == 1.0,
        pl.col("trained_on") == "target",
    )
    regrets = ", ".join(f"{x:.2f}" for x in sorted(there["regret"]))
    assert CLAIMS["controls_regret"](rows, "ppo", "hazard", "1") == regrets
    middle = float(np.mean(sorted(there["score"])[1:3]))
    assert len(there) == 4
    assert CLAIMS["control"](rows, "ppo", "hazard", "1").startswith(f"{middle:.2f} (")
