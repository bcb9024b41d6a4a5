"""The problem of several hidden kinds of user.

The state within a kind is the mood before a pick; where users say goodbye, it also says whether the
user has just done so, which is observed. States are then numbered mood + 2 goodbye.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..model import Model


class KindsProblem(NamedTuple):
    """Kinds of user and the personas that are available.

    Attributes:
        fit, hazard: shape (kinds, K).
        engagement: shape (kinds, K, 2): fresh, bored.
        pays: reward of a turn beyond engagement, shape (K,).
        leave: shape (kinds, 2): fresh, bored.
        weights: share of each kind, shape (kinds,).
        cues: P(symbol | mood), shape (2, symbols).
        length, swap_cost: T and c.
        farewell: P(goodbye after a turn), shape (kinds, 2): fresh, bored; None: nobody says it.
        hook: P(a goodbye is prevented), shape (K,); None where there are none.
    """

    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    engagement: NDArray[np.float64]
    pays: NDArray[np.float64]
    leave: NDArray[np.float64]
    weights: NDArray[np.float64]
    cues: NDArray[np.float64]
    length: int
    swap_cost: float
    farewell: NDArray[np.float64] | None = None
    hook: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, model: Model, context: int, present: NDArray[np.int64]) -> KindsProblem:
        """The problem of one visible context of a model, with the kinds that occur in it."""
        kinds = np.flatnonzero(model.joint[:, context])
        weights = model.joint[kinds, context]
        goodbyes = model.has_farewells
        return cls(
            fit=model.fit[np.ix_(kinds, present)],
            hazard=model.hazard[np.ix_(kinds, present)],
            engagement=model.engagement[np.ix_(kinds, present)],
            pays=model.pays[present],
            leave=model.leave[kinds],
            weights=weights / weights.sum(),
            cues=model.cues,
            length=model.length,
            swap_cost=model.swap_cost,
            farewell=model.farewell[kinds] if goodbyes else None,
            hook=model.hook[present] if goodbyes else None,
        )

    @property
    def keeps(self) -> NDArray[np.float64]:
        """P(the user stays for the turn), shape (goodbyes, K)."""
        ones = np.ones((1, self.fit.shape[1]))
        return ones if self.hook is None else np.stack([ones[0], self.hook])
