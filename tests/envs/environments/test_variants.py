"""Variants of environments: what they share with what they vary, and what they are for."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_envs import Population, any_population
from carousel_envs.reference import solve
from carousel_envs.reference.known_user.memoryless import best_memoryless
from carousel_envs.spec import ENVIRONMENTS
from carousel_envs.users.cues import cue_table
from support.presets import variants


@pytest.mark.parametrize("which", range(3))
def test_a_variant_differs_in_few_fields_and_names_what_it_varies(which):
    name = variants()[which]
    one, other = any_population(name), any_population(ENVIRONMENTS[name].variant_of)
    differing = [
        field for field in type(one).model_fields if getattr(one, field) != getattr(other, field)
    ]
    assert 1 <= len(differing) <= 2


@pytest.mark.parametrize(("name", "left"), [("Boredom", 0.5), ("Taste", 0.7)])
def test_faint_cues_are_garbled_ones(name, left):
    """Each is a mixture of the clear cue and of one that says nothing: so they tell less."""
    clear, faint = (Population.preset(preset) for preset in (name, f"{name}Faint"))
    for cues in zip(clear.cues, faint.cues, strict=True):
        before, after = (np.array(rows) for rows in cues)
        middle = before.mean(axis=0)
        np.testing.assert_allclose(after, middle + left * (before - middle), atol=0.011)
    assert cue_table(clear).levels.shape == cue_table(faint).levels.shape


def test_without_memory_boredom_is_nearly_mastered_and_its_faint_variant_is_not():
    shares = {}
    for name in ("Boredom", "BoredomFaint"):
        population = Population.preset(name)
        value, _ = best_memoryless(population)
        shares[name] = solve(population).score(value)
    assert shares == pytest.approx({"Boredom": 0.962, "BoredomFaint": 0.870}, abs=5e-4)
