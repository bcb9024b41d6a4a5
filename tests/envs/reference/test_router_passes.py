"""Compiled decisions of routers at a belief, against the same decisions in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import Population
from carousel_envs.reference import Filter
from carousel_envs.reference.acting.filtering import Belief
from carousel_envs.reference.acting.myopic import MyopicPolicy
from carousel_envs.reference.satiation.certain_moods import tops
from carousel_envs.reference.satiation.whittle import CERTAIN, WhittlePolicy

# more than a block of lanes, and not a whole number of them
LANES = 300


def drawn(known, seed):
    """A random belief, and observations with some personas available and, mostly, one current."""
    draw, columns, model = np.random.default_rng(seed), known.columns, known.model
    joint = draw.dirichlet(np.ones(2 * model.n_types), LANES).reshape(LANES, model.n_types, 2)
    satiation = draw.random((LANES, model.n_types, model.n_actions))
    shown = np.zeros((LANES, columns.width), dtype=np.float32)
    shown[:, columns.available] = draw.random((LANES, columns.n_actions)) < 0.7
    shown[:, columns.available.start] = 1.0
    current = draw.integers(columns.n_actions, size=LANES)
    shown[:, columns.streak] = draw.integers(0, 4, size=LANES)
    begins = shown[:, columns.streak] == 0.0
    shown[~begins, columns.persona.start + current[~begins]] = 1.0
    shown[:, columns.elapsed] = draw.random(LANES)
    if columns.farewell is not None:
        shown[:, columns.farewell] = draw.integers(0, 2, size=LANES)
    # none yet: -1
    return joint, satiation, shown, np.where(begins, -1, current)


def moods(model, joint, current):
    """P(kind, mood) after each pick, shape (N, types, K, 2); staying leaves it unchanged."""
    kind = joint.sum(axis=2)[:, :, None]
    found = np.stack([kind * model.fit, kind * (1.0 - model.fit)], axis=3)
    for i in np.flatnonzero(current >= 0):
        found[i, :, current[i]] = joint[i]
    return found


def prices(model, current):
    """What picking each persona costs, (N, K)."""
    swaps = (current[:, None] >= 0) & (current[:, None] != np.arange(model.n_actions))
    return model.swap_cost * swaps


def assert_largest(picks, value, there):
    value = np.where(there, value, -np.inf)
    lanes = np.arange(LANES)
    assert there[lanes, picks].all()
    np.testing.assert_allclose(value[lanes, picks], value.max(axis=1), rtol=0.0, atol=1e-9)
    # lanes without a near tie leave no choice
    clear = np.diff(np.sort(value, axis=1)[:, -2:])[:, 0] > 1e-9
    assert clear.sum() > LANES / 2
    np.testing.assert_array_equal(picks[clear], value.argmax(axis=1)[clear])


@pytest.mark.parametrize("preset", ["Taste", "Satiation", "Welfare"])
def test_the_myopic_pick_is_worth_most_in_the_coming_turn(preset):
    known = Filter(Population.preset(preset))
    model, columns = known.model, known.columns
    joint, satiation, shown, current = drawn(known, 1)
    farewell = columns.farewell
    picks = MyopicPolicy(known).pick(shown, Belief(joint, satiation))
    lost = model.gain * satiation if model.has_satiation else np.zeros((LANES, 1, 1))
    chance = np.maximum(model.engagement[None] - lost[..., None], 0.0)
    earned = (moods(model, joint, current) * chance).sum(axis=(1, 3))
    if farewell is not None:
        earned *= np.where(shown[:, farewell, None] > 0.5, model.hook, 1.0)
    there = shown[:, columns.available] > 0.5
    assert_largest(picks, earned - prices(model, current), there)


def test_the_whittle_pick_has_the_largest_expected_index():
    population = Population.preset("Satiation").replace(session_length=6)
    known = Filter(population)
    known = Filter(population, known.model.merged(3))
    policy, model, columns = WhittlePolicy.of(known), known.model, known.columns
    joint, satiation, shown, current = drawn(known, 2)
    picks = policy.pick(shown, Belief(joint, satiation))
    turn = np.minimum(np.rint(shown[:, columns.elapsed] * model.length), model.length - 1)
    grid = np.linspace(0.0, 1.0, policy.index.shape[-1])
    value = np.zeros((LANES, model.n_actions))
    mass = moods(model, joint, current)
    for i, t in enumerate(turn.astype(np.int64)):
        for a, k, mood in np.ndindex(model.n_types, model.n_actions, 2):
            if mass[i, a, k, mood] > CERTAIN:
                row = policy.index[a, k, mood, t, int(current[i] in (-1, k))]
                share = satiation[i, a, k] / tops(model)[a]
                value[i, k] += mass[i, a, k, mood] * np.interp(share, grid, row)
    assert_largest(picks, value, shown[:, columns.available] > 0.5)
