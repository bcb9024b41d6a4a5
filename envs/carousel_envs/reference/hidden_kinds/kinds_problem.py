"""The problem of several hidden kinds of user, and its decisions and transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .decisions import Decisions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model


class KindsProblem(NamedTuple):
    """Kinds of user and the personas that are available.

    Attributes:
        fit, hazard: shape (kinds, K).
        engagement: shape (kinds, K, 2): fresh, bored.
        leave: shape (kinds, 2): fresh, bored.
        weights: share of each kind, shape (kinds,).
        cues: P(symbol | mood), shape (2, symbols).
        length, swap_cost: T and c.
    """

    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    engagement: NDArray[np.float64]
    leave: NDArray[np.float64]
    weights: NDArray[np.float64]
    cues: NDArray[np.float64]
    length: int
    swap_cost: float

    @classmethod
    def of(cls, model: Model, context: int, present: NDArray[np.int64]) -> KindsProblem:
        """The problem of one visible context of a model, with the kinds that occur in it."""
        kinds = np.flatnonzero(model.joint[:, context])
        weights = model.joint[kinds, context]
        return cls(
            fit=model.fit[np.ix_(kinds, present)],
            hazard=model.hazard[np.ix_(kinds, present)],
            engagement=model.engagement[np.ix_(kinds, present)],
            leave=model.leave[kinds],
            weights=weights / weights.sum(),
            cues=model.cues,
            length=model.length,
            swap_cost=model.swap_cost,
        )

    @property
    def start(self) -> NDArray[np.float64]:
        """Belief before the session, shape (kinds, 2)."""
        weights = self.weights / self.weights.sum()
        return np.stack([weights, np.zeros(len(weights))], axis=1)


def persona_decisions(problem: KindsProblem) -> Decisions:
    """Modes 0 to K - 1: the current persona; mode K: none yet. Moves 0 to K - 1: the persona stays;
    K to 2 K - 1: it takes over; 2 K to 3 K - 1: it begins."""
    fit, n_k = problem.fit, problem.fit.shape[1]
    options = np.empty((n_k + 1, n_k), dtype=np.int64)
    for k in range(n_k):
        options[k] = [k, *(n_k + a for a in range(n_k) if a != k)]
    options[n_k] = 2 * n_k + np.arange(n_k)
    stays = problem.engagement.transpose(1, 0, 2)
    begins = (fit.T * stays[:, :, 0] + (1.0 - fit.T) * stays[:, :, 1])[:, :, None].repeat(2, axis=2)
    return Decisions(
        options=options,
        to=np.tile(np.arange(n_k), 3),
        reward=np.concatenate([stays, begins - problem.swap_cost, begins]),
        layers=problem.length,
        discount=1.0,
    )


def persona_follows(problem: KindsProblem, cues: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(engagement and symbol, mood at the next pick | kind, mood, move), shape (3 K, 2 symbols,
    kinds, 2, 2), for the moves of `persona_decisions` and cues of shape (2, symbols); symbols
    without engagement come first."""
    fit, hazard = problem.fit, problem.hazard
    q = problem.engagement.transpose(1, 0, 2)[:, None]
    like = np.concatenate([(1.0 - q) * cues.T[None, :, None], q * cues.T[None, :, None]], axis=1)
    turn = np.zeros((*hazard.T.shape, 2, 2))
    turn[:, :, 0, 0], turn[:, :, 0, 1], turn[:, :, 1, 1] = 1.0 - hazard.T, hazard.T, 1.0
    stays = like[..., None] * (turn * (1.0 - problem.leave)[None, :, :, None])[:, None]
    drawn = np.stack([fit.T, 1.0 - fit.T], axis=2)
    begins = np.einsum("kam,kzamn->kzan", drawn, stays)[:, :, :, None].repeat(2, axis=3)
    return np.concatenate([stays, begins, begins])
