"""`Model.merged`: fewer kinds of user, each the mean of those it stands for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_envs import Population
from carousel_envs.reference.model import Model
from support.properties import examples
from support.strategies import populations

PROBABILITIES = ("fit", "hazard", "engagement", "leave", "farewell", "memory")


def in_sum(model: Model, name: str) -> np.ndarray:
    """A field summed over users."""
    return np.tensordot(model.weights, getattr(model, name), axes=1)


def test_a_column_that_is_constant_but_for_rounding_is_never_split():
    # the gains are alike in all users, and the computed deviation of some of them is 1e-14
    population = Population.preset("Satiation").replace(
        n_users=1000,
        users_seed=531,
        leave_fresh=0.0,
        leave_bored=(0.1, 0.3),
        satiation_gain=6.77,
        satiation_memory=0.58,
        satiation_wear=(2.4, 9.3, 3.9, 2.3, 8.5, 1.4),
    )
    model = Model.of(population)
    merged = model.merged(32)
    assert merged.n_types == 32
    # what does differ is split: fit, and how likely bored users leave
    assert len(np.unique(merged.leave[:, 1])) > 8
    assert (merged.gain == model.gain[0]).all()


def test_kinds_that_differ_by_a_rounding_are_split_into_two_that_are_not_empty():
    population = Population.preset("Boredom").replace(
        satiation_gain=(0.3, float(np.nextafter(0.3, 1.0))), satiation_memory=0.5, n_users=50
    )
    model = Model.of(population)
    assert model.n_types == 2
    assert model.merged(2) is model
    np.testing.assert_allclose(model.merged(1).gain, 0.3, rtol=1e-15)


def test_a_mean_of_probabilities_is_no_more_than_the_greatest():
    population = Population.preset("Taste").replace(
        engagement_fresh=1.0, archetype_weights=(0.37, 0.21, 0.29, 0.13)
    )
    assert (Model.of(population).merged(1).engagement <= 1.0).all()


@pytest.mark.parametrize("which", range(4))
def test_archetypes_without_users_are_no_kinds(which):
    weights = np.zeros(4)
    weights[which] = 0.5
    population = Population.preset("Taste").replace(archetype_weights=weights, n_users=30)
    merged = Model.of(population).merged(1)
    assert merged.weights.tolist() == pytest.approx([1.0])
    np.testing.assert_array_equal(merged.fit[0], Model.of(population).fit.mean(axis=0))


@examples(40)
@given(populations(), st.integers(1, 40))
def test_merged_kinds_are_as_many_as_asked_for_and_mean_the_same(population, limit):
    model = Model.of(population)
    merged = model.merged(limit)
    assert merged.n_types == min(limit, model.n_types)
    assert (merged.weights > 0).all()
    np.testing.assert_allclose(merged.joint.sum(axis=0), model.joint.sum(axis=0))
    for name in (*PROBABILITIES, "gain"):
        np.testing.assert_allclose(in_sum(merged, name), in_sum(model, name), atol=1e-9)
        numbers = getattr(merged, name)
        assert (numbers >= 0).all()
        assert name == "gain" or (numbers <= 1).all()
