"""A gap splits in three, without a remainder, and each part is what was planted."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_agents.generalisation.gap_parts import gaps, split
from carousel_envs import CarouselError
from support.results_rows import frame, row

figures = st.floats(-1e3, 1e3)


def groups(n: int):
    return st.lists(st.tuples(figures, figures), min_size=1, max_size=n)


@given(figures, figures, groups(6), st.lists(figures, min_size=1, max_size=6))
def test_the_parts_add_up_to_the_total_whatever_the_numbers(j_0, j_t, source, control):
    gap = split(
        value_source=j_0,
        value_target=j_t,
        trained_on_source=[home for home, _ in source],
        met_on_target=[away for _, away in source],
        trained_on_target=control,
        resamples=100,
    )
    parts = (gap.difficulty, gap.learnability, gap.shift)
    assert math.isclose(math.fsum(parts), gap.total, abs_tol=1e-9)
    mean = np.mean([home for home, _ in source]) - np.mean([away for _, away in source])
    assert gap.total == pytest.approx(mean, abs=1e-9)


def planted(**changes):
    return split(
        **{
            "value_source": 20.0,
            "value_target": 17.0,
            "trained_on_source": [19.0, 19.0],
            "met_on_target": [13.0, 13.0],
            "trained_on_target": [15.5, 15.5],
            **changes,
        }
    )


def test_planted_parts_are_found():
    gap = planted()
    assert (gap.total, gap.difficulty, gap.learnability, gap.shift) == (6.0, 3.0, 0.5, 2.5)
    # equal policies leave nothing to doubt
    assert gap.intervals == {
        "total": (6.0, 6.0),
        "difficulty": (3.0, 3.0),
        "learnability": (0.5, 0.5),
        "shift": (2.5, 2.5),
    }


def test_who_does_as_well_as_those_trained_there_has_no_shift():
    gap = planted(met_on_target=[15.1, 14.3], trained_on_target=[15.1, 14.3])
    assert gap.shift == 0.0
    low, high = gap.intervals["shift"]
    assert low < 0.0 < high


def test_a_task_of_another_value_alone_is_difficulty_alone():
    """All attain the optimum wherever they are: only the optimum moved."""
    gap = planted(
        trained_on_source=[20.0] * 3, met_on_target=[17.0] * 3, trained_on_target=[17.0] * 2
    )
    assert (gap.difficulty, gap.learnability, gap.shift) == (3.0, 0.0, 0.0)


def test_a_policy_brings_along_both_its_figures():
    """What policies lose is the same for each, so its mean is certain though they differ."""
    gap = planted(trained_on_source=[18.0, 12.0, 15.0], met_on_target=[16.0, 10.0, 13.0])
    assert gap.intervals["total"] == (2.0, 2.0)
    low, high = gap.intervals["shift"]
    assert high - low > 2.0


def test_the_two_groups_are_drawn_apart():
    """With groups of three normal numbers the interval is that of a difference of two means."""
    rng = np.random.default_rng(0)
    ours, theirs = rng.normal(size=200), rng.normal(size=100)
    gap = planted(trained_on_source=ours, met_on_target=ours, trained_on_target=theirs)
    low, high = gap.intervals["shift"]
    error = math.sqrt(ours.var() / 200 + theirs.var() / 100)
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("alone", ["source", "target"])
def test_a_single_policy_tells_no_interval(alone: str):
    one = (
        {"trained_on_source": [19.0], "met_on_target": [13.0]}
        if alone == "source"
        else {"trained_on_target": [15.5]}
    )
    gap = planted(**one)
    assert gap.intervals is None
    assert gap.row()["shift_low"] is None
    assert gap.shift == 2.5


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"met_on_target": [1.0]}, "shape \\(2,\\) and met_on_target \\(1,\\)"),
        ({"trained_on_target": []}, "trained_on_target has shape \\(0,\\)"),
        ({"trained_on_source": [], "met_on_target": []}, "the same policies"),
        ({"resamples": 1}, "resamples is 1"),
    ],
)
def test_bad_groups_are_one_sentence(changes, sentence: str):
    with pytest.raises(CarouselError, match=sentence):
        planted(**changes)


def rows_of_a_study():
    rows = []
    for seed, (home, away) in enumerate([(19.0, 13.0), (18.0, 12.0), (20.0, 14.0)]):
        rows.append(row(seed=seed, engagement=home))
        rows.append(row(seed=seed, engagement=away, severity=1.0, value=17.0))
    for seed, there in enumerate([15.0, 16.0]):
        own = {"trained_on": "target", "policy": f"control-{seed}"}
        rows.append(row(seed=seed, engagement=there, severity=1.0, value=17.0, **own))
    rows.append(row("dqn", 0, 11.0))
    rows.append(row("frozen-loop", None, 11.0, role="frozen", severity=1.0))
    return rows


def test_rows_give_a_gap_for_every_router_with_controls():
    (found,) = gaps(frame(*rows_of_a_study()))
    told = {name: found[name] for name in ("router", "axis", "severity", "regime", "tier")}
    assert told == {
        "router": "ppo",
        "axis": "hazard",
        "severity": 1.0,
        "regime": "extrapolation",
        "tier": "exact",
    }
    assert (found["source_policies"], found["target_policies"]) == (3, 2)
    assert (found["total"], found["difficulty"]) == (6.0, 3.0)
    assert (found["learnability"], found["shift"]) == (0.5, 2.5)
    assert found["shift_low"] < 2.5 < found["shift_high"]


def test_the_order_of_rows_does_not_matter():
    rows = rows_of_a_study()
    assert gaps(frame(*reversed(rows))) == gaps(frame(*rows))


def test_controls_alone_have_no_gap():
    rows = [one for one in rows_of_a_study() if one["trained_on"] == "target"]
    assert gaps(frame(*rows)) == []


def without(seed, severity):
    """The rows without those of one training on source or target."""
    return [
        one
        for one in rows_of_a_study()
        if (one["policy"], one["severity"]) != (f"ppo/seed-{seed}", severity)
    ]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (without(1, 0.0), "training seed 1 of router 'ppo' at severity 1 of hazard is missing at"),
        (without(2, 1.0), "training seed 2 of router 'ppo' at severity 0 of hazard is missing at"),
        (
            [*rows_of_a_study(), row(seed=2, engagement=3.0, policy="other")],
            "training seed 2 of router 'ppo' at severity 0 of hazard has two different results",
        ),
    ],
)
def test_policies_that_were_not_met_at_both_or_twice_are_named(rows, sentence):
    with pytest.raises(CarouselError, match=sentence):
        gaps(frame(*rows))


@pytest.mark.parametrize("severity", [0.0, 1.0])
def test_controls_beside_policies_that_were_not_at_both_ends_have_no_gap(severity):
    rows = [
        one
        for one in rows_of_a_study()
        if one["trained_on"] == "target" or one["severity"] == severity
    ]
    assert gaps(frame(*rows)) == []


@pytest.mark.parametrize(
    ("home", "away", "tier"),
    [
        ("exact", "exact", "exact"),
        ("bounds", "exact", "bounds"),
        ("exact", "bounds", "bounds"),
        ("bounds", "bounds", "bounds"),
    ],
)
def test_a_gap_is_known_between_bounds_where_one_of_its_references_is(home, away, tier):
    rows = [{**one, "tier": away if one["severity"] else home} for one in rows_of_a_study()]
    (found,) = gaps(frame(*rows))
    assert found["tier"] == tier


def test_two_folders_may_name_the_same_policies_by_different_paths():
    rows = rows_of_a_study()
    elsewhere = [{**one, "policy": f"/elsewhere/{one['policy']}"} for one in rows]
    # the one has the training users, the other the target; or both have both
    apart = [one if one["severity"] else other for one, other in zip(rows, elsewhere, strict=True)]
    assert gaps(frame(*apart)) == gaps(frame(*rows))
    assert gaps(frame(*rows, *elsewhere)) == gaps(frame(*rows))


def test_policies_without_a_seed_are_told_apart_by_their_paths():
    rows = [
        {**one, "training_seed": None} if one["trained_on"] == "source" else one
        for one in rows_of_a_study()
    ]
    (found,) = gaps(frame(*rows))
    assert (found["source_policies"], found["total"]) == (3, 6.0)
