"""SplitMix64 as published, and addressable streams on top of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from carousel_envs.compiled import rng

MASK = 2**64 - 1
PUBLISHED = {
    1234567: (
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ),
    0: (16294208416658607535, 7960286522194355700, 487617019471545679, 17909611376780542444),
}
"""First outputs of the generator: rosettacode.org/wiki/Pseudo-random_numbers/Splitmix64 for
1234567; Vigna's splitmix64.c (prng.di.unimi.it) for 0."""


def splitmix64(seed: int, count: int) -> list[int]:
    """The generator in whole numbers, as in Vigna's splitmix64.c."""
    words = []
    for _ in range(count):
        seed = (seed + 0x9E3779B97F4A7C15) & MASK
        z = seed
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        words.append(z ^ (z >> 31))
    return words


@pytest.mark.parametrize("seed", PUBLISHED)
def test_words_are_the_published_outputs_of_splitmix64(seed):
    expected = PUBLISHED[seed]
    counters = np.arange(1, len(expected) + 1, dtype=np.uint64)
    words = rng.mixed(np.uint64(seed) + counters * rng.GOLDEN)
    assert words.tolist() == list(expected)
    assert splitmix64(seed, len(expected)) == list(expected)


@given(st.integers(0, MASK))
def test_mixes_agree_with_whole_numbers(z):
    expected = splitmix64((z - 0x9E3779B97F4A7C15) & MASK, 1)[0]
    words = np.array([[z], [0]], dtype=np.uint64)
    assert rng.mixed(words).tolist() == [[expected], [0]]
    assert words.tolist() == [[z], [0]], "what is given stays as it is"


def test_the_mix_never_maps_two_words_to_one():
    words = np.concatenate(
        [np.arange(200_000, dtype=np.uint64), np.uint64(1) << np.arange(20, 64, dtype=np.uint64)]
    )
    assert len(np.unique(rng.mixed(words))) == len(words)


@given(st.integers(0, 2**63 - 1000), st.integers(1, 50), st.integers(0, 49))
def test_a_lane_is_the_first_lane_of_a_shifted_seed(seed, lanes, lane):
    lane %= lanes
    assert rng.lane_keys(seed, lanes)[lane] == rng.lane_keys(seed + lane, 1)[0]


def test_lanes_and_episodes_have_keys_of_their_own():
    lanes = rng.lane_keys(0, 2000)
    keys = np.concatenate([rng.episode_keys(lanes, np.array([e])) for e in range(20)])
    assert len(np.unique(keys)) == len(keys)


@given(st.integers(0, 2**63 - 1), st.integers(1, 40), st.integers(1, 8))
@example(2**63 - 1, 3, 3)
def test_tables_of_uniforms_begin_with_smaller_ones(seed, rows, columns):
    table = rng.uniforms(seed, rows, columns)
    assert table.shape == (rows, columns)
    assert ((table >= 0.0) & (table < 1.0)).all()
    larger = rng.uniforms(seed, rows + 7, columns + 3)
    np.testing.assert_array_equal(larger[:rows, :columns], table)


@pytest.mark.parametrize("seed", [0, 1, 2**40 + 3])
def test_uniforms_are_uniform_and_uncorrelated(seed):
    table = rng.uniforms(seed, 40_000, 4)
    n = table.size
    assert abs(table.mean() - 0.5) < 5 / np.sqrt(12 * n)
    assert abs((table**2).mean() - 1 / 3) < 5 * np.sqrt(4 / 45 / n)
    counts = np.histogram(table, bins=100, range=(0.0, 1.0))[0]
    chi_square = ((counts - n / 100) ** 2 / (n / 100)).sum()
    assert abs(chi_square - 99) < 5 * np.sqrt(2 * 99)
    correlations = np.corrcoef(table.T)[~np.eye(4, dtype=bool)]
    assert np.abs(correlations).max() < 5 / np.sqrt(len(table))
    neighbours = np.corrcoef(table[:-1, 0], table[1:, 0])[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(len(table))


def test_seeds_give_unrelated_tables():
    one, other = rng.uniforms(0, 20_000, 1)[:, 0], rng.uniforms(1, 20_000, 1)[:, 0]
    assert abs(np.corrcoef(one, other)[0, 1]) < 5 / np.sqrt(20_000)


@given(st.integers(0, 2**63 - 1), st.integers(0, 1000))
def test_hashed_uniforms_are_the_stream_of_each_key(key, counter):
    value = rng.hash_uniforms(np.array([key], dtype=np.uint64), counter)[0]
    word = splitmix64(key, counter + 1)[-1]
    assert value == (word >> 11) * 2.0**-53
