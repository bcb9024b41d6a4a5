"""The repertoire of a light router: personas in the order in which they are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carousel_envs.compiled.compiler import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.reference.model import Model


def by_typical_fit(typical: Model) -> NDArray[np.int64]:
    """Personas by how well they fit the one user of a merged model, shape (personas,)."""
    return np.argsort(-typical.fit[0, : typical.personas], kind="stable")


def places(repertoire: NDArray[np.int64], n_actions: int) -> NDArray[np.int64]:
    """Place of each action in the repertoire, -1 outside, shape (K,)."""
    found = np.full(n_actions, -1)
    found[repertoire] = np.arange(len(repertoire))
    return found


@njit
def next_one(repertoire, place, observation, i, available):  # type: ignore[no-untyped-def]
    """The first available persona after a place of the repertoire (-1: from the start), around it;
    the very next where none is. `available` is the first column that shows availability."""
    n = len(repertoire)
    for step in range(1, n + 1):
        persona = repertoire[(place + step) % n]
        if observation[i, available + persona] > 0.5:
            return persona
    return repertoire[(place + 1) % n]
