"""The policy that follows a controller in every visible context."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled import observations
from ...compiled.compiler import njit, part
from ...foundation.errors import one_row_per_lane
from ...users.cues import cue_table
from ...users.observation import Columns
from ..acting.readings import column_numbers, turns_played
from .controller import node_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...users.population import Population
    from ..acting.contexts import ContextIndex
    from ..acting.readings import ColumnNumbers
    from ..model import KernelUsers, Model
    from .controller import Controller


class _Tables(NamedTuple):
    """What `_act` reads.

    Attributes:
        columns: where observations show what.
        strides: of the joint cue symbol, shape (cues,).
        users: the kinds of user.
        kind: of the users in each context, shape (contexts,).
        cut, pick, first: fields of the controllers, with the contexts as first axis.
    """

    columns: ColumnNumbers
    strides: NDArray[np.int64]
    users: KernelUsers
    kind: NDArray[np.int64]
    cut: NDArray[np.float32]
    pick: NDArray[np.int8]
    first: NDArray[np.int64]


@part
def _posterior(tables, observation, i, a, k, p):  # type: ignore[no-untyped-def]
    """P(bored) at the next pick for kind a after a turn with persona k at P(bored) = p, as row i
    shows it, and whether its cues are a symbol."""
    users, n_cues = tables.users, tables.strides.shape[0]
    n_symbols = users.cues.shape[1]
    symbol = observations.symbol(observation, i, tables.strides, n_symbols)
    known = symbol < n_symbols
    symbol = symbol if known else np.int64(0)
    said = tables.columns.farewell >= 0 and observation[i, tables.columns.farewell] > 0.5
    fresh, bored = 1.0 - p, p
    for mood in range(2):
        q = users.engagement[a, k, mood]
        like = (q if observation[i, n_cues] > 0.5 else 1.0 - q) * users.cues[mood, symbol]
        says = users.farewell[a, mood] if said else 1.0 - users.farewell[a, mood]
        like *= (1.0 - users.leave[a, mood]) * says
        if mood == 0:
            fresh *= like
        else:
            bored *= like
    total = fresh + bored
    if total <= 0.0:
        # impossible for these users: no update
        fresh, bored, total = 1.0 - p, p, 1.0
    return (bored + fresh * users.hazard[a, k]) / total, known


@njit
def _act(node, observation, row, turn, tables, out, picks):  # type: ignore[no-untyped-def]
    """Write the next nodes and the picks; returns a lane whose cues are no symbol, or -1."""
    columns, grid, unknown = tables.columns, tables.pick.shape[4], np.int64(-1)
    for i in range(observation.shape[0]):
        c = row[i]
        streak = observation[i, columns.streak]
        if streak < 0.5:
            out[i] = 0
            picks[i] = tables.first[c]
            continue
        a, k = (
            tables.kind[c],
            observations.largest(observation, i, columns.persona, columns.n_actions),
        )
        p = 1.0 - tables.users.fit[a, k] if streak < 1.5 else node[i] / (grid - 1)
        p, known = _posterior(tables, observation, i, a, k, p)
        if not known:
            unknown = np.int64(i)
        goodbye = columns.farewell >= 0 and observation[i, columns.farewell] > 0.5
        g = np.int64(goodbye)
        out[i] = node_at(p, tables.cut[c, turn[i], k, g])
        picks[i] = tables.pick[c, turn[i], k, g, out[i]]
    return unknown


class ControllerPolicy:
    """Follow a controller in every visible context.

    Args:
        population: the users that the router believes in.
        model: of that population; one kind of user in each context.
        contexts: the contexts, in the order of `controllers`.
        controllers: over all K actions; those that are unavailable are never picked.
    """

    def __init__(
        self,
        population: Population,
        model: Model,
        contexts: ContextIndex,
        controllers: Sequence[Controller],
    ) -> None:
        self.contexts = contexts
        self._columns = Columns.of(population)
        self._tables = _Tables(
            columns=column_numbers(self._columns),
            strides=cue_table(population).strides,
            users=model.kernel_users,
            kind=model.joint.argmax(axis=0),
            cut=np.stack([c.cut for c in controllers]),
            pick=np.stack([c.pick for c in controllers]),
            first=np.array([c.first for c in controllers]),
        )

    def initial_state(self, lanes: int, seed: int) -> NDArray[np.int64]:
        """Grid point of each lane, shape (N,)."""
        return np.zeros(lanes, dtype=np.int64)

    def act(
        self, observation: NDArray[np.float32], state: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Personas to enact and the next grid points, shape (N,) each."""
        columns, length = self._columns, self._tables.pick.shape[1]
        one_row_per_lane(observation, len(state))
        picks, nodes = np.empty_like(state), np.empty_like(state)
        row, turn = self.contexts.find(observation), turns_played(observation, columns, length)
        unknown = _act(state, observation, row, turn, self._tables, nodes, picks)
        columns.refuse_cues(observation, unknown)
        return picks, nodes
