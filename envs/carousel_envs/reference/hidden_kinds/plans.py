"""Plans: the lower bound. A plan is worth some engagement in every hidden state, and the bound at a
belief is the value of the best of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import part

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Plans(NamedTuple):
    """The plans in use, for every turn and persona; none is worth less in all states than another.

    Attributes:
        values: in every hidden state, shape (T, K, D, room).
        names: their numbers in the `Archive`, shape (T, K, room).
        used: number of plans, shape (T, K).
    """

    values: NDArray[np.float64]
    names: NDArray[np.int64]
    used: NDArray[np.int64]

    @classmethod
    def of(cls, length: int, personas: int, size: int, room: int) -> Plans:
        """Room for so many plans over this number of states."""
        shape = (length, personas)
        names = np.zeros((*shape, room), dtype=np.int64)
        return cls(np.zeros((*shape, size, room)), names, np.zeros(shape, dtype=np.int64))


class Archive(NamedTuple):
    """All plans ever made, and what continues them.

    Attributes:
        values: in every state (kind, mood in the turn), shape (N, D).
        persona: of the turn, shape (N,).
        first: where the numbers of the plans that continue it begin in `follow`, shape (N + 1,).
        follow: numbers of plans for the next turn, shape (M,): for each report in turn, one for
            every stretch of cue symbols.
        stop: number of the symbol at which the stretch has ended, shape (M,).
        used: number of plans, shape (1,).
    """

    values: NDArray[np.float64]
    persona: NDArray[np.int64]
    first: NDArray[np.int64]
    follow: NDArray[np.int64]
    stop: NDArray[np.int64]
    used: NDArray[np.int64]

    @classmethod
    def of(cls, size: int, room: int, links: int) -> Archive:
        """Room for so many plans over this number of states, and so many links."""
        whole = [np.zeros(n, dtype=np.int64) for n in (room, room + 1, links, links, 1)]
        return cls(np.zeros((room, size)), *whole)


@part
def worth(plans, t, k, belief, lines):  # type: ignore[no-untyped-def]
    """Value of the best plan at a belief."""
    n = plans.used[t, k]
    values = plans.values[t, k]
    for i in range(n):
        lines[0, i] = 0.0
    for d in range(belief.shape[0]):
        x = belief[d]
        for i in range(n):
            lines[0, i] += x * values[d, i]
    best = -np.inf
    for i in range(n):
        best = max(best, lines[0, i])
    return best


@part
def use_plan(plans, t, k, values, name):  # type: ignore[no-untyped-def]
    """Use a plan, if there is room, in place of those that are worth no more in any state."""
    kept, size = 0, values.shape[0]
    for i in range(plans.used[t, k]):
        beaten = True
        for d in range(size):
            if plans.values[t, k, d, i] > values[d]:
                beaten = False
                break
        if not beaten:
            for d in range(size):
                plans.values[t, k, d, kept] = plans.values[t, k, d, i]
            plans.names[t, k, kept] = plans.names[t, k, i]
            kept += 1
    if kept < plans.names.shape[2]:
        for d in range(size):
            plans.values[t, k, d, kept] = values[d]
        plans.names[t, k, kept] = name
        kept += 1
    plans.used[t, k] = kept


@part
def keep_plan(archive, values, persona):  # type: ignore[no-untyped-def]
    """Keep a plan whose links have been written; returns its number."""
    name = archive.used[0]
    for d in range(values.shape[0]):
        archive.values[name, d] = values[d]
    archive.persona[name] = persona
    archive.used[0] = name + 1
    return name
