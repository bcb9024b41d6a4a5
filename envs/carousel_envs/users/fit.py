"""How well personas fit users: the sigmoid of how closely traits match tastes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Population


def trait_fit(population: Population) -> NDArray[np.float64]:
    """sigmoid(taste_sharpness * cos(taste, traits) + taste_bias), shape (archetypes, personas)."""
    tastes = np.array(population.archetypes)
    traits = np.array([persona.traits for persona in population.cast])
    # only the direction of a taste matters; its length may be anything
    tastes = tastes / np.maximum(np.abs(tastes).max(axis=1, keepdims=True), 1e-300)
    norms = np.outer(np.linalg.norm(tastes, axis=1), np.linalg.norm(traits, axis=1))
    cosines = np.divide(tastes @ traits.T, norms, out=np.zeros_like(norms), where=norms > 0)
    logits = population.taste_sharpness * cosines + population.taste_bias
    # tanh form of the sigmoid: no overflow at either end
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits)))
