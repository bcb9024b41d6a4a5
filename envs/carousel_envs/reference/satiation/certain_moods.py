"""Populations whose moods are certain, so that satiation alone varies over a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .problem import SatiationProblem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model


def moods_are_certain(model: Model) -> bool:
    """Whether every kind of user is either always fresh or always bored with each persona, and is
    equally likely to leave in both moods: then nothing but the kind is hidden."""
    fresh, bored = model.fit == 1.0, model.fit == 0.0
    settled = (bored | (fresh & (model.hazard == 0.0))).all()
    return bool(settled and (model.leave[:, 0] == model.leave[:, 1]).all())


def certain_engagement(model: Model) -> NDArray[np.float64]:
    """Probability of engagement with a rested persona where moods are certain, shape (types, K)."""
    fresh = model.fit == 1.0
    return np.where(fresh, model.engagement[:, :, 0], model.engagement[:, :, 1])


def tops(model: Model) -> NDArray[np.float64]:
    """Largest satiation that each kind of user can reach, shape (types,)."""
    return np.maximum(model.memory / (1.0 - model.memory), 1e-6)


def known_kind(model: Model, kind: int, present: NDArray[np.int64]) -> SatiationProblem:
    """The problem of one kind of user and the personas `present`."""
    return SatiationProblem(
        certain_engagement(model)[kind, present],
        model.gain[kind, present],
        float(model.memory[kind]),
        float(model.leave[kind, 0]),
        model.length,
        model.swap_cost,
    )


def average_user(
    model: Model, weights: NDArray[np.float64], present: NDArray[np.int64]
) -> SatiationProblem:
    """A user with the mean parameters of a crowd: the best schedule for one suits the other."""
    share = weights / weights.sum()
    return SatiationProblem(
        share @ certain_engagement(model)[:, present],
        share @ model.gain[:, present],
        float(share @ model.memory),
        float(share @ model.leave[:, 0]),
        model.length,
        model.swap_cost,
    )
