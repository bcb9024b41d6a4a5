"""Compiled readings of observations, against what they say in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import CarouselError, Columns, Population
from carousel_envs.reference import Filter
from carousel_envs.reference.acting.open_loop import UniformPolicy
from carousel_envs.reference.acting.readings import current_persona, turns_played
from carousel_envs.reference.acting.unseeing import AnyActionPolicy

COLUMNS = Columns.of(Population.preset("Taste"))


@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_readings_are_those_of_numpy(seed, n):
    draw = np.random.default_rng(seed)
    shown = draw.integers(0, 2, size=(n, COLUMNS.width)).astype(np.float32)
    shown[:, COLUMNS.elapsed] = draw.random(n, dtype=np.float32)
    speaks = shown[:, COLUMNS.persona].argmax(axis=1)
    np.testing.assert_array_equal(current_persona(shown, COLUMNS), speaks)
    powers = 1 << np.arange(COLUMNS.n_actions)
    bits = (shown[:, COLUMNS.available] > 0.5) @ powers
    np.testing.assert_array_equal(COLUMNS.context(shown), bits)
    for length in (1, 7, 40):
        played = np.rint(shown[:, COLUMNS.elapsed] * length).astype(np.int64)
        np.testing.assert_array_equal(
            turns_played(shown, COLUMNS, length), np.minimum(played, length - 1)
        )


def test_uniform_picks_each_of_the_available_as_often():
    shown = np.zeros((60_000, COLUMNS.width), dtype=np.float32)
    there = [0, 2, 3]
    shown[:, [COLUMNS.available.start + k for k in there]] = 1.0
    policy = UniformPolicy(COLUMNS)
    picks, _ = policy.act(shown, policy.initial_state(len(shown), 0))
    counts = np.bincount(picks, minlength=COLUMNS.n_actions)
    assert set(np.flatnonzero(counts)) == set(there)
    # four standard errors
    assert abs(counts[there] - 20_000).max() < 4 * np.sqrt(60_000 * (1 / 3) * (2 / 3))


@pytest.mark.parametrize(
    "read",
    [
        COLUMNS.context,
        lambda shown: current_persona(shown, COLUMNS),
        lambda shown: turns_played(shown, COLUMNS, 40),
    ],
    ids=["context", "persona", "turns"],
)
def test_an_observation_of_too_few_columns_is_refused(read):
    with pytest.raises(CarouselError, match=f"shape .3, 6.; it must have {COLUMNS.width} columns"):
        read(np.ones((3, 6), dtype=np.float32))


def test_the_share_of_a_session_gone_is_read_as_one_of_its_turns():
    shown = np.zeros((4, COLUMNS.width), dtype=np.float32)
    shown[:, COLUMNS.elapsed] = [-40.0, np.nan, 0.5, 3.0]
    assert turns_played(shown, COLUMNS, 40).tolist() == [0, 0, 20, 39]


def test_a_played_turn_in_which_nobody_speaks_stays_inside_the_tables():
    known, shown = Filter(Population.preset("Taste")), np.zeros((3, COLUMNS.width), np.float32)
    shown[:, COLUMNS.streak] = 1.0
    belief = known.update(known.start(3), shown)
    np.testing.assert_allclose(belief.joint.sum(axis=(1, 2)), 1.0)


def test_anybody_is_sent_to_a_row_per_lane_of_the_state():
    policy = AnyActionPolicy(4)
    with pytest.raises(CarouselError, match="has 6 rows; it must have 3, one for each"):
        policy.act(np.zeros((6, 8), dtype=np.float32), policy.initial_state(3, 0))
