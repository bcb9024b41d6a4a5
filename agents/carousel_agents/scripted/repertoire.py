"""The repertoire of a light router: personas in the order in which they are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.reference.model import Model


def by_typical_fit(typical: Model) -> NDArray[np.int64]:
    """Personas by how well they fit the one user of a merged model, shape (personas,)."""
    return np.argsort(-typical.fit[0, : typical.personas], kind="stable")


def following(
    repertoire: NDArray[np.int64],
    current: NDArray[np.int64],
    begins: NDArray[np.bool_],
    available: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """The first available persona after the current one, around the repertoire, shape (N,).

    The first of all where a session begins, or where whoever speaks is not of the repertoire.

    Args:
        repertoire: personas in order, shape (personas,).
        current: who speaks, shape (N,).
        begins: whether nobody has spoken yet, shape (N,).
        available: shape (N, K).
    """
    place_of = np.full(available.shape[1], -1)
    place_of[repertoire] = np.arange(len(repertoire))
    place = np.where(begins, -1, place_of[current])
    around = repertoire[(place[:, None] + 1 + np.arange(len(repertoire))) % len(repertoire)]
    there = np.take_along_axis(available, around, axis=1)
    return np.asarray(around[np.arange(len(around)), there.argmax(axis=1)])
