"""Rows put together: seeds are the unit, and a population counts once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_agents.generalisation import statistics
from carousel_agents.generalisation.improvement import by_router, improvement
from carousel_agents.generalisation.score_table import (
    between_levels,
    beyond_levels,
    held_out,
    on_levels,
)
from carousel_agents.generalisation.summary import (
    aggregated,
    over_populations,
    profile,
    regret_over,
    scores,
    worst_decile,
)
from carousel_envs import CarouselError
from support.properties import examples
from support.results_rows import frame, row

SEEDS = (12.0, 18.0, 15.0, 19.0)


def several(**changes):
    return [row(seed=i, engagement=x, **changes) for i, x in enumerate(SEEDS)]


def test_seeds_are_one_row_with_the_interquartile_mean_and_its_interval():
    (found,) = aggregated(frame(*several()))
    assert found["seeds"] == 4
    assert found["engagement"] == pytest.approx(statistics.iqm(SEEDS)) == 16.5
    assert (found["engagement_low"], found["engagement_high"]) == statistics.interval([SEEDS])
    assert found["score"] == pytest.approx(0.65)
    assert found["score_low"] == pytest.approx((found["engagement_low"] - 10) / 10)


@examples(25)  # each draws ten thousand resamples
@given(st.lists(st.floats(0, 30), min_size=2, max_size=7))
def test_score_and_engagement_stay_on_one_scale(values):
    """The interquartile mean goes with any change of scale, and a score is one."""
    rows = [row(seed=i, engagement=x) for i, x in enumerate(values)]
    (found,) = aggregated(frame(*rows))
    assert found["score"] == pytest.approx((found["engagement"] - 10) / 10, abs=1e-9)
    assert found["score_low"] == pytest.approx((found["engagement_low"] - 10) / 10, abs=1e-9)
    assert found["score_high"] == pytest.approx((found["engagement_high"] - 10) / 10, abs=1e-9)


def test_a_single_policy_keeps_its_interval_over_sessions():
    (found,) = aggregated(frame(row()))
    assert (found["score_low"], found["score_high"]) == (0.4, 0.6)
    assert found["engagement_high"] - found["engagement"] == pytest.approx(0.98, abs=1e-3)
    assert found["seeds"] == 1


def test_groups_are_by_router_training_axis_and_severity_in_order():
    rows = frame(
        *several(),
        *several(severity=1.0),
        row(seed=9, severity=1.0, trained_on="target"),
        row("loop", None, role="baseline", trained_on=None),
        row("uniform", None, role="baseline", trained_on=None),
    )
    found = [(r["router"], r["trained_on"], r["severity"], r["seeds"]) for r in aggregated(rows)]
    assert found == [
        ("ppo", "source", 0.0, 4),
        ("ppo", "source", 1.0, 4),
        ("ppo", "target", 1.0, 1),
        ("loop", None, 0.0, 1),
        ("uniform", None, 0.0, 1),
    ]


def test_where_there_is_no_score_there_is_none_for_the_group_either():
    (found,) = aggregated(frame(*several(score=None)))
    assert found["score"] is found["score_low"] is found["score_at_least"] is None
    assert found["engagement"] == 16.5


def on_targets(engagements, seeds=1, **changes):
    """A router on populations of these engagements, seeds further apart by 0.1."""
    return [
        row(seed=seed, engagement=x + seed / 10, severity=(i + 1) / 100, **changes)
        for i, x in enumerate(engagements)
        for seed in range(seeds)
    ]


def test_the_worst_decile_is_the_mean_of_the_worst_tenth_of_populations():
    rows = frame(*on_targets(range(10, 30)))
    found = worst_decile(rows, "ppo")
    assert found["worst_decile"] == pytest.approx(0.05)
    assert found["populations"] == 20
    assert found["worst_decile_low"] is None


def test_the_worst_decile_of_seeds_is_of_their_interquartile_means():
    rows = frame(*on_targets(range(10, 30), seeds=4))
    found = worst_decile(rows, "ppo")
    assert found["worst_decile"] == pytest.approx(0.05 + 0.015)
    # all populations rank the seeds alike: the interval is that of one population
    low, high = statistics.interval([np.arange(4) / 100])
    assert found["worst_decile_low"] == pytest.approx(0.05 + low)
    assert found["worst_decile_high"] == pytest.approx(0.05 + high)


def test_the_training_users_count_once_however_many_axes_there_are():
    rows = frame(
        *several(axis="hazard"), *several(axis="swap-cost"), *several(axis="patience", severity=1.0)
    )
    found = scores(rows, "ppo")
    assert list(found) == ["source", "patience=1.0"]
    assert all(len(values) == 4 for values in found.values())


def test_a_profile_is_the_share_of_scores_above():
    rows = frame(*on_targets([10, 15, 20, 25]))
    np.testing.assert_allclose(profile(rows, "ppo", [-1, 0.2, 0.7, 2]), [1, 0.75, 0.5, 0])


def test_improvement_counts_pairs_on_common_populations():
    loop = {"router": "frozen-loop", "role": "frozen", "policy": "frozen-loop"}
    ours, theirs = on_targets([10, 15, 20]), on_targets([12, 15])
    rows = frame(*ours, *(one | loop for one in theirs))
    found = improvement(rows, "ppo")
    assert (found["improvement"], found["populations"]) == ((0 + 0.5) / 2, 2)
    assert improvement(rows, "frozen-loop", "ppo")["improvement"] == pytest.approx(0.75)
    alone = frame(*on_targets([10]), *(one | loop | {"target": "other"} for one in theirs))
    with pytest.raises(CarouselError, match="no population in common"):
        improvement(alone, "ppo")


def test_routers_that_met_every_user_have_one_row():
    loop = {"router": "frozen-loop", "role": "frozen", "policy": "frozen-loop"}
    elsewhere = row("loop", None, role="baseline", trained_on=None, severity=0.01)
    ours, theirs = on_targets([10, 15], seeds=2), on_targets([12, 14])
    found = by_router(frame(*ours, elsewhere, *(one | loop for one in theirs)))
    assert [(r["router"], r["seeds"], r["populations"]) for r in found] == [
        ("ppo", 2, 2),
        ("frozen-loop", 1, 2),
    ]
    assert found[0]["improvement_over_frozen_loop"] == 0.5
    assert found[1]["improvement_over_frozen_loop"] is None


def test_training_users_are_no_shift():
    """Bad or good as it is on them, it counts in no figure that is told of shifts."""
    loop = {"router": "frozen-loop", "role": "frozen", "policy": "frozen-loop"}
    ours, theirs = on_targets([16, 18], seeds=2), on_targets([12, 17])
    rows = frame(*ours, *(one | loop for one in theirs))
    for at_home in (0.0, 19.0):
        start = [row(seed=seed, engagement=at_home) for seed in range(2)]
        more = frame(*start, *ours, start[0] | loop, *(one | loop for one in theirs))
        assert worst_decile(more, "ppo") == worst_decile(rows, "ppo")
        assert worst_decile(more, "ppo")["populations"] == 2
        assert improvement(more, "ppo") == improvement(rows, "ppo")
        assert profile(more, "ppo", [0.7]) == profile(rows, "ppo", [0.7]) == 0.5
        assert by_router(more) == by_router(rows)


def test_a_population_under_two_axes_counts_once_everywhere():
    ours = on_targets([10, 15, 20], seeds=3)
    (found,) = over_populations(frame(*ours))
    again = [one | {"axis": "another", "target": one["target"]} for one in ours[:3]]
    assert over_populations(frame(*ours, *again)) == [found]
    assert found["score"] == pytest.approx(0.5 + 0.01)
    assert (found["worst"], found["worst_axis"]) == (pytest.approx(0.01), "hazard")


def test_what_some_policies_did_not_meet_counts_for_none():
    """Seeds 0 and 1 met three populations, seed 2 only the first and the last."""
    ours = on_targets([10, 15, 20], seeds=3)
    (found,) = over_populations(frame(*(one for one in ours if one["engagement"] != 15.2)))
    assert (found["populations"], found["partly"], found["seeds"]) == (2, 1, 3)
    assert found["score"] == pytest.approx(0.51)
    whole = over_populations(frame(*(one for one in ours if one["severity"] != 0.02)))
    assert [found | {"partly": 0}] == whole


def test_policies_without_a_population_in_common_are_not_put_together():
    ours = on_targets([10, 15], seeds=2)
    apart = [ours[0], ours[3]]
    (found,) = over_populations(frame(*apart))
    assert (found["seeds"], found["populations"], found["partly"]) == (2, 0, 2)
    assert found["score"] is found["worst"] is found["worst_decile_low"] is None
    with pytest.raises(CarouselError, match="the 2 policies of router 'ppo' met no population in"):
        worst_decile(frame(*apart), "ppo")


def test_a_policy_that_never_met_the_other_router_is_passed_over():
    loop = {"router": "frozen-loop", "role": "frozen", "policy": "frozen-loop"}
    ours = on_targets([10, 15], seeds=2)
    elsewhere = row(seed=2, severity=0.5)
    rows = frame(*ours, elsewhere, *(one | loop for one in on_targets([9, 16])))
    found = improvement(rows, "ppo")
    assert (found["improvement"], found["seeds"], found["populations"]) == (0.5, 2, 2)


def test_one_policy_under_two_paths_is_one():
    here = on_targets([10, 15], seeds=2)
    there = [one | {"policy": f"/runs/{one['policy']}"} for one in here]
    rows = frame(here[0], here[1], there[2], there[3], *here)
    assert over_populations(rows) == over_populations(frame(*here))


def test_missing_rows_are_one_sentence():
    rows = frame(*on_targets([10, 15], seeds=2))
    with pytest.raises(CarouselError, match="no row tells a score of router 'dqn'"):
        scores(rows, "dqn")


# -- levels that a router was trained on -----------------------------------------------------------


def with_levels():
    """Two policies that trained on hazard=1, and a frozen router; regrets can be read off."""
    known = {"trained_on": "level", "regime": "level"}
    return frame(
        *(
            row("trained", seed, 20.0 - regret, severity=1.0, axis=axis, regret=regret, **changes)
            for axis, changes, regrets in (
                ("hazard", known, (1.0, 2.0)),
                ("swap-cost", {}, (3.0, 6.0)),
                ("patience", {}, (5.0, 4.0)),
            )
            for seed, regret in enumerate(regrets)
        ),
        *(
            row(
                "frozen-optimal",
                None,
                20.0 - regret,
                severity=1.0,
                axis=axis,
                regret=regret,
                role="frozen",
                policy="frozen-optimal",
            )
            for axis, regret in (("hazard", 4.0), ("swap-cost", 2.0), ("patience", 4.5))
        ),
        row("trained", 0, severity=0.0, regret=9.0),
    )


def test_levels_do_not_count_among_shifts_that_a_policy_never_saw():
    rows = with_levels()
    away = scores(rows.filter(rows["severity"] > 0), "trained")
    assert list(away) == ["swap-cost=1.0", "patience=1.0"]
    assert list(scores(rows, "trained", "level")) == ["hazard=1.0"]
    own = [row for row in by_router(rows) if row["router"] == "trained"]
    assert [(row["trained_on"], row["populations"]) for row in own] == [("level", 1), ("source", 2)]
    # behind at swap-cost, ahead at patience with one of two
    beats = improvement(rows, "trained", "frozen-optimal")
    assert (beats["improvement"], beats["populations"]) == (0.25, 2)


def test_everybody_is_compared_on_levels_and_on_what_is_held_out():
    """Between levels of an axis is not beyond them, nor a shift of another kind."""
    rows = with_levels()
    known, others = on_levels(rows), held_out(rows)
    milder = row("trained", 0, 19.5, severity=0.5, axis="hazard", regret=0.5)
    more = frame(*rows.to_dicts(), milder)
    # the level of one axis may stand on another: what lies further there is beyond it
    again = {**row("trained", 0, severity=0.75, axis="noise"), "target": "hazard=1.0"}
    further = row("trained", 0, severity=1.0, axis="noise")
    nearer = row("trained", 0, severity=0.5, axis="noise")
    # and what lies between levels there may stand elsewhere, too
    elsewhere = {**row("trained", 0, severity=1.0, axis="elsewhere"), "target": "noise=0.5"}
    more = frame(*rows.to_dicts(), milder, again, further, nearer, elsewhere)
    assert between_levels(more).to_dicts() == frame(milder, nearer).to_dicts()
    beyond = {"swap-cost=1.0", "patience=1.0", "noise=1.0"}
    assert {*beyond_levels(more)["target"]} == beyond
    assert between_levels(rows).is_empty()
    assert known["target"].unique().to_list() == ["hazard=1.0"]
    assert {*others["target"]} == {"swap-cost=1.0", "patience=1.0", "source"}
    assert len(known) + len(others) == len(rows)
    for router, figures in {
        "trained": (1.5, 1.5, 4.5, 5.5),
        "frozen-optimal": (4, 4, 3.25, 4.5),
    }.items():
        on, off = (regret_over(part, router) for part in (known, others))
        found = (on["regret_mean"], on["regret_most"], off["regret_mean"], off["regret_most"])
        assert found == figures
        assert (on["populations"], off["populations"]) == (1, 2)
        assert (off["regret_most_low"] is None) == (off["seeds"] == 1)
    plain = rows.filter(rows["trained_on"] == "source")
    assert held_out(plain).equals(plain)
    assert on_levels(plain).is_empty()
