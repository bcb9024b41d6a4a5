"""The problem of several hidden kinds of user, and its decisions and transitions.

The state within a kind is the mood before a pick; where users say goodbye, it also says whether the
user has just done so, which is observed. States are then numbered mood + 2 goodbye.
"""

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
    def start(self) -> NDArray[np.float64]:
        """Belief before the session, shape (kinds, states)."""
        belief = np.zeros((len(self.weights), self.n_states))
        belief[:, 0] = self.weights / self.weights.sum()
        return belief

    @property
    def n_states(self) -> int:
        """States of a kind: 2, or 4 where users say goodbye."""
        return 2 if self.farewell is None else 4

    @property
    def keeps(self) -> NDArray[np.float64]:
        """P(the user stays for the turn), shape (goodbyes, K)."""
        ones = np.ones((1, self.fit.shape[1]))
        return ones if self.hook is None else np.stack([ones[0], self.hook])


def persona_decisions(problem: KindsProblem) -> Decisions:
    """Modes 0 to K - 1: the current persona; mode K: none yet. Moves 0 to K - 1: the persona stays;
    K to 2 K - 1: it takes over; 2 K to 3 K - 1: it begins."""
    fit, n_k = problem.fit, problem.fit.shape[1]
    options = np.empty((n_k + 1, n_k), dtype=np.int64)
    for k in range(n_k):
        options[k] = [k, *(n_k + a for a in range(n_k) if a != k)]
    options[n_k] = 2 * n_k + np.arange(n_k)
    engages = (problem.engagement + problem.pays[:, None]).transpose(1, 0, 2)
    lands = (fit.T * engages[:, :, 0] + (1.0 - fit.T) * engages[:, :, 1])[:, :, None]
    # a swap is paid for even if the user goes
    stays, begins = (
        np.concatenate([kept[:, None, None] * reward for kept in problem.keeps], axis=2)
        for reward in (engages, lands.repeat(2, axis=2))
    )
    return Decisions(
        options=options,
        to=np.tile(np.arange(n_k), 3),
        reward=np.concatenate([stays, begins - problem.swap_cost, begins]),
        layers=problem.length,
        discount=1.0,
    )


def persona_follows(problem: KindsProblem, cues: NDArray[np.float64]) -> NDArray[np.float64]:
    """P(engagement and symbol, state at the next pick | kind, state, move), shape (3 K, Z, kinds,
    states, states), for the moves of `persona_decisions` and cues of shape (2, symbols). Z is 2
    symbols, those without engagement first; where users say goodbye all of these come twice, first
    without one."""
    fit, hazard = problem.fit, problem.hazard
    q = problem.engagement.transpose(1, 0, 2)[:, None]
    like = np.concatenate([(1.0 - q) * cues.T[None, :, None], q * cues.T[None, :, None]], axis=1)
    turn = np.zeros((*hazard.T.shape, 2, 2))
    turn[:, :, 0, 0], turn[:, :, 0, 1], turn[:, :, 1, 1] = 1.0 - hazard.T, hazard.T, 1.0
    stays = like[..., None] * (turn * (1.0 - problem.leave)[None, :, :, None])[:, None]
    if problem.farewell is not None:
        says = (1.0 - problem.farewell, problem.farewell)
        stays = np.concatenate([chance[None, None, :, :, None] * stays for chance in says], axis=1)
    drawn = np.stack([fit.T, 1.0 - fit.T], axis=2)
    begins = np.einsum("kam,kzamn->kzan", drawn, stays)[:, :, :, None].repeat(2, axis=3)
    moves = [_between_states(problem, part) for part in (stays, begins)]
    return np.concatenate([moves[0], moves[1], moves[1]])


def _between_states(problem: KindsProblem, moods: NDArray[np.float64]) -> NDArray[np.float64]:
    """Transitions between moods, whose later symbols come with a goodbye, as transitions between
    states, in which a user who has said goodbye may go at the pick."""
    keeps = problem.keeps
    n_states, symbols = 2 * len(keeps), moods.shape[1] // len(keeps)
    whole = np.zeros((*moods.shape[:3], n_states, n_states))
    for said, kept in enumerate(keeps):
        for says in range(len(keeps)):
            some = slice(says * symbols, (says + 1) * symbols)
            before, after = slice(2 * said, 2 * said + 2), slice(2 * says, 2 * says + 2)
            whole[:, some, :, before, after] = kept[:, None, None, None, None] * moods[:, some]
    return whole
