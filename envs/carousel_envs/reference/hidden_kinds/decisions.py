"""What the search solves: decisions, and two views of what follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...compiled.compiler import part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Decisions(NamedTuple):
    """Moves and their rewards.

    A *mode* is the observed part of the state (the current persona); a *move* is an action together
    with its effects, which several modes may share.

    Attributes:
        options: moves that are possible in each mode, -1 for none, shape (modes, options). Every
            mode has its first.
        to: mode that a move leads to, shape (moves,).
        reward: of a move, shape (moves, blocks, states).
        layers: number of decisions; 0 for an endless, discounted problem.
        discount: factor per decision.
    """

    options: NDArray[np.int64]
    to: NDArray[np.int64]
    reward: NDArray[np.float64]
    layers: int
    discount: float


class Problem(NamedTuple):
    """A POMDP whose hidden state is a pair (block, state in block); see `convex_bounds`.

    Transitions have shape (moves, observations, blocks, states, states): P(observation, next state
    | state, move); where they sum to less than 1, the rest is the probability that the session
    ends. They come in two views. Merging observations gives a less informative view, which keeps
    the lower bound a lower bound; splitting them in a mean-preserving way gives a more informative
    one (Blackwell 1953), which keeps the upper bound an upper bound.

    Attributes:
        decisions: moves and rewards.
        low: transitions in a view that is no more informative than the truth.
        high: transitions in a view that is no less informative.
        start, mode: first belief, shape (blocks, states), and first mode.
        base: transitions in a view for the base, no less informative either, if not `high`.
    """

    decisions: Decisions
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    start: NDArray[np.float64]
    mode: int
    base: NDArray[np.float64] | None = None


@part
def layer_after(decisions, layer):  # type: ignore[no-untyped-def]
    """The layer that follows; -1 after the last."""
    if decisions.layers == 0:
        return 0
    return layer + 1 if layer + 1 < decisions.layers else -1
