"""Regimes: users inside a hole, in a corner never seen, beyond the range, and no others."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, Population
from carousel_envs.reference import solve
from carousel_envs.reference.solve import relaxed
from carousel_envs.shifts import SEVERITIES, SHIFTS
from carousel_envs.users.table import user_table
from support.env_helpers import busy
from support.matrix import most_later
from support.properties import examples
from support.solved import assert_ordered

LOW, HOLE_LOW, HOLE_HIGH, HIGH = HAZARD = (0.02, 0.06, 0.10, 0.14)
BORED_LOW, BORED_HIGH = BORED = (0.1, 0.35)
TRAINING = Population.preset("Boredom").replace(
    boredom_hazard=HAZARD,
    engagement_bored=BORED,
    pair=("boredom_hazard", "engagement_bored"),
    pair_share=0.0,
    n_users=4000,
)
ROUNDED = 1e-5


def drawn(population):
    """Hazard and engagement of bored users, shape (users,) each."""
    table = user_table(population)
    return table.hazard[:, 0], table.engagement[:, 0, 1]


def quantities(population):
    hazard, bored = drawn(population)
    upper = (hazard > HOLE_HIGH - ROUNDED) & (bored > sum(BORED) / 2 - ROUNDED)
    return {
        "in_hole": np.mean((hazard > HOLE_LOW + ROUNDED) & (hazard < HOLE_HIGH - ROUNDED)),
        "in_corner": np.mean(upper),
        "beyond": np.mean((hazard > HIGH + ROUNDED) | (bored > BORED_HIGH + ROUNDED)),
    }


def test_nobody_of_training_is_where_training_has_nobody():
    assert set(quantities(TRAINING).values()) == {0.0}


@pytest.mark.parametrize("axis", ["inside-hole", "unseen-corner", "beyond-ranges"])
def test_severity_moves_more_and_more_users_there_until_all_are(axis):
    shift = SHIFTS[axis]
    ((quantity, direction),) = shift.expected.items()
    assert direction == "rises"
    found = [quantities(shift.apply(TRAINING, s))[quantity] for s in SEVERITIES]
    assert found[0] == 0.0
    assert (np.diff(found) > 0.0).all()
    assert found[-1] > 0.999, "but for those on the very edge"


def test_users_of_a_hole_fill_it_evenly():
    untied = TRAINING.replace(pair=None)
    hazard, bored = drawn(SHIFTS["inside-hole"].apply(untied, 1.0))
    quartiles = np.quantile(hazard, [0.25, 0.5, 0.75])
    assert quartiles == pytest.approx([0.07, 0.08, 0.09], abs=0.002)
    assert bored == pytest.approx(drawn(untied)[1]), "only what has a hole moves"


def test_regimes_are_told_apart():
    regimes = {SHIFTS[axis].regime for axis in ("inside-hole", "unseen-corner", "beyond-ranges")}
    assert regimes == {"interpolation", "combinatorial", "extrapolation"}


@given(share=st.floats(0, 1), seed=st.integers(0, 2**32))
@examples(20)
def test_a_tied_pair_is_even_within_the_corner_and_outside(share, seed):
    population = Population.preset("Boredom").replace(
        boredom_hazard=(0.0, 1.0),
        engagement_bored=(0.0, 0.7),
        pair=("engagement_bored", "boredom_hazard"),
        pair_share=share,
        n_users=4000,
        users_seed=seed,
    )
    hazard, bored = drawn(population)
    bored = bored / 0.7
    quarters = np.array(
        [
            np.mean((hazard >= i) & (hazard < i + 0.5) & (bored >= j) & (bored < j + 0.5))
            for i in (0.0, 0.5)
            for j in (0.0, 0.5)
        ]
    )
    rest = (1.0 - share) / 3.0
    assert quarters == pytest.approx([rest, rest, rest, share], abs=0.045)
    for low_or_high in (hazard, bored):
        inside = low_or_high % 0.5
        assert np.mean(inside) == pytest.approx(0.25, abs=0.015)


def test_the_same_users_move_as_the_share_grows():
    some, more = (drawn(TRAINING.replace(pair_share=share)) for share in (0.3, 0.6))
    moved = some[0] != more[0]
    assert 0.0 < moved.mean() < 0.4
    there = (some[0] >= HOLE_HIGH) & (some[1] >= sum(BORED) / 2)
    assert (some[0][there] == more[0][there]).all(), "who is in the corner stays"


def test_a_population_without_ranges_has_none_of_these_axes():
    plain = Population.preset("Boredom")
    assert SHIFTS["inside-hole"].obstacle(plain) == "no range of this population has a hole"
    assert SHIFTS["unseen-corner"].obstacle(plain) == "it ties no pair of ranges"
    assert SHIFTS["beyond-ranges"].obstacle(plain) == "it has no ranges"
    wide = plain.replace(boredom_hazard=(0.1, 0.8))
    assert SHIFTS["beyond-ranges"].obstacle(wide).startswith("beyond its ranges boredom_hazard is")
    half = TRAINING.replace(pair_share=0.5)
    assert "already" in SHIFTS["unseen-corner"].obstacle(half)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pair": ("boredom_hazard", "swap_cost")}, "pair names 'swap_cost'; it may name"),
        ({"pair": ("boredom_hazard", "leave_bored")}, "leave_bored, which is a number"),
        ({"pair": ("boredom_hazard", "boredom_hazard")}, "pair names boredom_hazard twice"),
        ({"pair_share": 1.5}, "pair_share is 1.5"),
        ({"pair": "boredom_hazard"}, "pair is 'boredom_hazard'"),
        ({"pair": ("boredom_hazard",)}, "pair is"),
    ],
)
def test_a_pair_that_makes_no_sense_is_one_sentence(changes, sentence):
    with pytest.raises(CarouselError, match=sentence) as told:
        TRAINING.replace(**changes)
    assert "\n" not in str(told.value)


def test_without_a_pair_nothing_changes():
    assert (
        user_table(Population.preset("Taste")).fingerprint
        == user_table(Population.preset("Taste").replace(pair=None)).fingerprint
    )


@pytest.mark.parametrize(
    ("removed", "kept"),
    most_later(
        [("satiation_gain", "leave_bored"), ("farewell_bored", "leave_bored")],
        lambda removed, _: removed == "farewell_bored",
    ),
)
def test_users_without_satiation_are_the_same_users(removed, kept):
    population = busy(
        session_length=4,
        n_users=12,
        shows=("farewell",),
        farewell_fresh=0.0,
        farewell_bored=(0.1, 0.3),
        leave_bored=(0.05, 0.2),
        satiation_gain=(0.1, 0.5),
        pair=(removed, kept),
        pair_share=0.0,
    )
    bare = relaxed(population)
    assert not bare.has_satiation
    np.testing.assert_array_equal(user_table(bare).farewell, user_table(population).farewell)
    np.testing.assert_array_equal(user_table(bare).leave, user_table(population).leave)
    assert_ordered(solve(population))
