"""One kind of user and a set of actions: the problem that a router with a known user faces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...compiled.compiler import njit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..model import Model


class BeliefProblem(NamedTuple):
    """One kind of user and the actions that are available.

    Attributes:
        fit, hazard: shape (K,).
        reward: expected reward of a turn, shape (K, 2): fresh, bored.
        leave: shape (2,).
        likelihood: P(z | action, mood), shape (K, 2, Z), rows sum to 1.
        goodbye: whether z includes a goodbye, int64, shape (Z,).
        hook: P(a farewell is prevented), shape (K,).
        length: turns T.
        swap_cost: cost c.
        kept_loss: reward lost when a farewell is prevented.
    """

    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    reward: NDArray[np.float64]
    leave: NDArray[np.float64]
    likelihood: NDArray[np.float64]
    goodbye: NDArray[np.int64]
    hook: NDArray[np.float64]
    length: int
    swap_cost: float
    kept_loss: float = 0.0

    @classmethod
    def of(cls, model: Model, kind: int, present: NDArray[np.integer]) -> BeliefProblem:
        """The problem of engaging one kind of user of a model (satiation left out) with the actions
        `present`."""
        likelihood, goodbye = model.symbols(kind)
        return cls(
            fit=model.fit[kind, present],
            hazard=model.hazard[kind, present],
            reward=model.worth[kind, present],
            leave=model.leave[kind],
            likelihood=likelihood[present],
            goodbye=goodbye,
            hook=model.hook[present],
            length=model.length,
            swap_cost=model.swap_cost,
        )

    def take(self, kept: NDArray[np.integer]) -> BeliefProblem:
        """The problem with only these actions."""
        return self._replace(
            fit=self.fit[kept],
            hazard=self.hazard[kept],
            reward=self.reward[kept],
            likelihood=self.likelihood[kept],
            hook=self.hook[kept],
        )


@njit
def posterior(problem, k, p, z):  # type: ignore[no-untyped-def]
    """P(symbol z and the user stays) after a turn with persona k at P(bored) = p, and P(bored) at
    the next pick; zeros where z is impossible."""
    fresh = (1.0 - p) * problem.likelihood[k, 0, z] * (1.0 - problem.leave[0])
    bored = p * problem.likelihood[k, 1, z] * (1.0 - problem.leave[1])
    total = fresh + bored
    if total <= 0.0:
        return 0.0, 0.0
    return total, (bored + fresh * problem.hazard[k]) / total
