"""The exact value of uniform choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...users.table import BORED, FRESH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model


def uniform_value(model: Model) -> float:
    """Value of picking an available persona uniformly at random every turn (no satiation)."""
    total = 0.0
    for j, mask in enumerate(model.masks):
        present, met = np.flatnonzero(mask), np.flatnonzero(model.joint[:, j])
        here = np.ix_(met, present)
        worth, leave, farewell = model.worth[here], model.leave[met], model.farewell[met]
        share = 1.0 / len(present)
        fit, hazard = model.fit[here], model.hazard[here]
        redrawn = np.stack([fit, 1.0 - fit], axis=2)
        alive = redrawn * share
        goes = np.zeros_like(alive)
        value = np.zeros(len(met))
        for t in range(model.length):
            if t > 0:
                value -= model.swap_cost * alive.sum(axis=(1, 2)) * (1.0 - share)
                alive, goes = (_spread_evenly(mass, share, redrawn) for mass in (alive, goes))
            alive = alive - goes * (1.0 - model.hook[present])[:, None]
            value += np.einsum("nkm,nkm->n", alive, worth)
            alive = alive * (1.0 - leave)[:, None, :]
            goes = alive * farewell[:, None, :]
            for mass in (alive, goes):
                bored = mass[:, :, FRESH] * hazard
                mass[:, :, FRESH] -= bored
                mass[:, :, BORED] += bored
        total += float(model.joint[met, j] @ value)
    return total


def _spread_evenly(
    mass: NDArray[np.float64], share: float, redrawn: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Mass over (kind, persona, mood) after a uniform pick; `redrawn`: moods after a swap."""
    here = mass.sum(axis=2)
    # swaps to a: the mass at all other personas, each with probability 1 / present
    arriving = (here.sum(axis=1)[:, None] - here) * share
    return np.asarray(mass * share + arriving[:, :, None] * redrawn)
