"""The joint cue table: exact integer probabilities, drawn by alias without remainder."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from carousel_envs.users.cues import cue_table
from carousel_envs.users.table import UNIT
from support.env_helpers import CUES, drawn_symbols, plain
from support.properties import examples
from support.strategies import cue_rows, cue_tables

ZEROES = (((1.0, 0.0, 0.0), (0.0, 0.5, 0.5)), ((0.0, 1.0), (1.0, 0.0)))
MANY_LEVELS = ((tuple([1 / 64] * 64), tuple(np.arange(1, 65) / 2080)),) * 2


def assert_exact(cues) -> None:
    table = cue_table(plain(cues=cues))
    symbols = int(np.prod([len(cue[0]) for cue in cues], dtype=np.int64))
    assert table.counts.shape == (2, symbols)
    assert table.levels.shape == (symbols, len(cues))
    np.testing.assert_array_equal(table.counts.sum(axis=1), [UNIT, UNIT])
    np.testing.assert_array_equal(table.probability * UNIT, table.counts)
    for mood in range(2):
        drawn = np.bincount(drawn_symbols(table.alias[mood]), minlength=symbols)
        np.testing.assert_array_equal(drawn, table.counts[mood])
        for symbol, levels in enumerate(table.levels.astype(int)):
            product = np.prod([cue[mood][x] for cue, x in zip(cues, levels, strict=True)])
            assert abs(table.counts[mood, symbol] - product * UNIT) <= 1.0 + 1e-6
            if product == 0.0:
                assert table.counts[mood, symbol] == 0


@given(cue_tables())
@example(())
@example((((0.25, 0.75), (0.5, 0.5)),))
@example(ZEROES)
@example(CUES)
@examples(60)
def test_every_draw_lands_so_that_the_counts_come_out_exactly(cues):
    assert_exact(cues)


@given(st.integers(2, 200).flatmap(lambda n: st.tuples(cue_rows(n), cue_rows(n))))
@examples(30)
def test_one_cue_of_many_levels_comes_out_exactly(cue):
    assert_exact((cue,))


def test_the_largest_table_that_is_allowed_comes_out_exactly():
    assert_exact(MANY_LEVELS)


@given(cue_tables())
@examples(60)
def test_strides_and_levels_are_inverse(cues):
    table = cue_table(plain(cues=cues))
    symbols = np.arange(len(table.levels))
    np.testing.assert_array_equal(table.levels.astype(np.int64) @ table.strides, symbols)
    combinations = {tuple(row) for row in table.levels.astype(int).tolist()}
    assert combinations == set(itertools.product(*(range(len(cue[0])) for cue in cues)))


def test_without_cues_there_is_one_empty_symbol():
    table = cue_table(plain(cues=()))
    assert table.levels.shape == (1, 0)
    assert table.strides.shape == (0,)
    np.testing.assert_array_equal(table.counts, [[UNIT], [UNIT]])


def test_counts_of_dyadic_probabilities_are_exact():
    table = cue_table(plain(cues=(((0.25, 0.75), (0.5, 0.5)), ((0.125, 0.875), (1.0, 0.0)))))
    np.testing.assert_array_equal(
        table.counts,
        np.array([[1 / 32, 7 / 32, 3 / 32, 21 / 32], [0.5, 0.0, 0.5, 0.0]]) * UNIT,
    )


@pytest.mark.parametrize("scale", [1 - 9e-7, 1 + 9e-7])
def test_rows_that_sum_to_one_only_nearly_are_scaled(scale):
    near = tuple(tuple(x * scale for x in row) for row in ((0.5, 0.5), (0.25, 0.75)))
    table = cue_table(plain(cues=(near,)))
    np.testing.assert_array_equal(table.counts, np.array([[0.5, 0.5], [0.25, 0.75]]) * UNIT)
