"""A turn with several hidden kinds of user, and what is heard in it.

Cues speak of the mood alone. So the belief after a turn lies, for any cue, on one line: with X_m
the part of the belief whose mood in the turn was m, moved on to the next pick, a symbol with
P(symbol | mood) = c_m leads to c_0 X_0 + c_1 X_1, in proportion to (1 - p) X_0 + p X_1 for
p = c_1 / (c_0 + c_1). Any value along it is a convex function of p, however many symbols there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .kinds_problem import KindsProblem


class Turns(NamedTuple):
    """Turns as kernels take them. Beliefs have shape (D,), D = 2 kinds, number 2 kind + mood.

    Attributes:
        reward: of a turn, shape (K, D).
        heard: P(engagement and goodbye | kind, mood, persona), shape (K, 2 goodbyes, D): for each
            goodbye first without engagement.
        moves: P(mood at the next pick | mood), 1 - sum: the user leaves, shape (K, D, 2).
        fresh: P(fresh after a persona takes over), shape (K, kinds).
        keeps: P(the user stays for the turn), shape (goodbyes, K).
        swap_cost: paid for a swap, even if the user goes.
        odds: p of each cue symbol, ascending, shape (Z,).
        mass: c_0 and c_1 of all symbols before, shape (2, Z + 1).
        length: turns.
    """

    reward: NDArray[np.float64]
    heard: NDArray[np.float64]
    moves: NDArray[np.float64]
    fresh: NDArray[np.float64]
    keeps: NDArray[np.float64]
    swap_cost: float
    odds: NDArray[np.float64]
    mass: NDArray[np.float64]
    length: int

    @classmethod
    def of(cls, problem: KindsProblem) -> Turns:
        """The turns of a problem."""
        n_kinds, n_k = problem.fit.shape
        engages = problem.engagement.transpose(1, 0, 2).reshape(n_k, -1)
        heard = np.stack([1.0 - engages, engages], axis=1)
        if problem.farewell is not None:
            says = problem.farewell.reshape(-1)
            heard = np.concatenate([(1.0 - says) * heard, says * heard], axis=1)
        moves = np.zeros((n_k, n_kinds, 2, 2))
        moves[:, :, 0, 0], moves[:, :, 0, 1] = 1.0 - problem.hazard.T, problem.hazard.T
        moves[:, :, 1, 1] = 1.0
        moves *= 1.0 - problem.leave[None, :, :, None]
        cues = problem.cues[:, problem.cues.sum(axis=0) > 0.0]
        odds, which = np.unique(cues[1] / cues.sum(axis=0), return_inverse=True)
        mass = np.zeros((2, len(odds) + 1))
        np.add.at(mass.T, which.ravel() + 1, cues.T)
        return cls(
            reward=np.ascontiguousarray(engages + problem.pays[:, None]),
            heard=np.ascontiguousarray(heard),
            moves=np.ascontiguousarray(moves.reshape(n_k, -1, 2)),
            fresh=np.ascontiguousarray(problem.fit.T),
            keeps=problem.keeps,
            swap_cost=float(problem.swap_cost),
            odds=odds,
            mass=np.cumsum(mass, axis=1),
            length=problem.length,
        )


@part
def hear(turns, persona, heard, belief, ends):  # type: ignore[no-untyped-def]
    """Write both ends of the line of beliefs after a turn, X_0 and X_1, shape (2, D)."""
    for a in range(belief.shape[0] // 2):
        for m in range(2):
            d = 2 * a + m
            share = belief[d] * turns.heard[persona, heard, d]
            for n in range(2):
                ends[m, 2 * a + n] = share * turns.moves[persona, d, n]


@part
def take_over(turns, persona, kinds, belief):  # type: ignore[no-untyped-def]
    """Write the belief at the turn in which a persona takes over, from shares of kinds."""
    for a in range(kinds.shape[0]):
        belief[2 * a] = kinds[a] * turns.fresh[persona, a]
        belief[2 * a + 1] = kinds[a] * (1.0 - turns.fresh[persona, a])
