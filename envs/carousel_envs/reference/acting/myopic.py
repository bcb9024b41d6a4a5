"""The myopic policy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...compiled import blocks, observations
from ...compiled.compiler import inlined, njit
from .belief_policies import BeliefPolicy
from .readings import column_numbers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .filtering import Belief

_U = np.uint64

# Where a block keeps the quantities of its lanes: P(fresh) and P(bored) with one kind of user, what
# satiation takes off, the price of a swap, the current persona (-1: none), whether a persona is
# available, the probability that it keeps the user, its value; the best value so far, and its
# persona.
_FRESH, _BORED, _LOST, _PRICE, _CURRENT = blocks.places(5)
_AVAILABLE, _KEEPS, _VALUE, _BEST, _FOUND = blocks.places(10)[5:]


@njit
def pick_myopically(  # type: ignore[no-untyped-def]
    joint, satiation, observation, columns, users, hook, picks
):
    """Write the persona with the largest expected reward of the coming turn for every lane.

    Block by block, so that the values of many lanes are computed at once (see `blocks`). Where no
    user satiates `satiation` is None, and where goodbyes are not observed `hook` is: the code for
    them is then not compiled.
    """
    n, n_kinds, n_k = _U(joint.shape[0]), _U(users.fit.shape[0]), _U(users.fit.shape[1])
    block = np.zeros(10 * blocks.FLOATS)
    for first in range(_U(0), n, _U(blocks.FLOATS)):
        m = min(_U(blocks.FLOATS), n - first)
        _open_block(block, first, m, observation, columns, users)
        for k in range(n_k):
            _open_persona(block, k, first, m, observation, columns, hook)
            for a in range(n_kinds):
                for j in range(m):
                    block[_FRESH + j] = joint[first + j, a, 0]
                    block[_BORED + j] = joint[first + j, a, 1]
                    if satiation is not None:
                        block[_LOST + j] = users.gain[a, k] * satiation[first + j, a, k]
                _add_kind(block, m, a, k, users, satiation, hook)
            _keep_best(block, m, k)
        for j in range(m):
            picks[first + j] = np.int64(block[_FOUND + j])


@inlined
def _open_block(block, first, m, observation, columns, users):  # type: ignore[no-untyped-def]
    n_k = users.fit.shape[1]
    for j in range(m):
        begins = observation[first + j, _U(columns.streak)] < 0.5
        current = observations.largest(observation, first + j, columns.persona, n_k)
        block[_PRICE + j] = 0.0 if begins else -users.swap_cost
        block[_CURRENT + j] = -1.0 if begins else np.float64(current)
        block[_BEST + j] = -1e300
        block[_FOUND + j] = 0.0


@inlined
def _open_persona(block, k, first, m, observation, columns, hook):  # type: ignore[no-untyped-def]
    own = np.float64(k)
    for j in range(m):
        block[_AVAILABLE + j] = observation[first + j, _U(columns.available) + k]
    if hook is not None:
        for j in range(m):
            goodbye = observation[first + j, _U(columns.farewell)] > 0.5
            block[_KEEPS + j] = hook[k] if goodbye else 1.0
    for j in range(m):
        price = block[_PRICE + j]
        block[_VALUE + j] = 0.0 if block[_CURRENT + j] == own else price


@inlined
def _add_kind(block, m, a, k, users, satiation, hook):  # type: ignore[no-untyped-def]
    """Add the expected reward of persona k from kind a."""
    own = np.float64(k)
    fit, if_fresh, if_bored = users.fit[a, k], users.engagement[a, k, 0], users.engagement[a, k, 1]
    pays = users.pays[k]
    for j in range(m):
        fresh, bored, value = block[_FRESH + j], block[_BORED + j], block[_VALUE + j]
        kind, stays = fresh + bored, block[_CURRENT + j] == own
        fresh = fresh if stays else kind * fit
        bored = bored if stays else kind * (1.0 - fit)
        if satiation is None:
            reward = fresh * if_fresh + bored * if_bored
        else:
            lost = block[_LOST + j]
            reward = fresh * max(if_fresh - lost, 0.0)
            reward += bored * max(if_bored - lost, 0.0)
        reward += kind * pays
        if hook is not None:
            reward *= block[_KEEPS + j]
        block[_VALUE + j] = value + reward


@inlined
def _keep_best(block, m, k):  # type: ignore[no-untyped-def]
    """Compare persona k with the best so far; at a tie the current persona stays."""
    own = np.float64(k)
    for j in range(m):
        value, best, found = block[_VALUE + j], block[_BEST + j], block[_FOUND + j]
        more = best - 1e-12 if block[_CURRENT + j] == own else best + 1e-12
        better = (value > more) & (block[_AVAILABLE + j] >= 0.5)
        block[_BEST + j] = value if better else best
        block[_FOUND + j] = own if better else found


@dataclass
class MyopicPolicy(BeliefPolicy):
    """Maximise the expected reward of the coming turn at the exact belief."""

    def pick(self, observation: NDArray[np.float32], belief: Belief) -> NDArray[np.int64]:
        """Personas to enact at this belief, shape (N,)."""
        columns, model = self.filter.columns, self.filter.model
        picks = np.empty(len(observation), dtype=np.int64)
        pick_myopically(
            belief.joint,
            belief.satiation if model.has_satiation else None,
            observation,
            column_numbers(columns),
            model.kernel_users,
            None if columns.farewell is None else model.hook,
            picks,
        )
        return picks
