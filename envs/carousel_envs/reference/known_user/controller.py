"""Finite-state controllers: plans on the grid of beliefs, followed and evaluated to the last digit.

A solution of `belief` holds, for each turn, persona and grid point, the best plan known there.
Following those plans makes a controller whose state is a grid point: everything shown in a turn
leads from it to whichever neighbour of the posterior has the better plan. What such a controller
collects in a session, of anything that adds up over turns, is linear in the mood and needs no
interpolation (Hansen 1998), so one solution is evaluated on many objectives without error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...compiled import observations
from ...compiled.compiler import njit
from ...foundation.errors import one_row_per_lane
from ...users.cues import cue_table
from ...users.observation import Columns
from ..acting.policies import current_persona, goodbyes, session_begins, turns_played

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...users.population import Population
    from ..acting.policies import ContextIndex
    from ..model import Model
    from .belief import BeliefProblem, BeliefSolution

_NEVER = 2.0


@dataclass(frozen=True, eq=False)
class Controller:
    """What to do at each grid point, for one kind of user and one set of actions.

    Attributes:
        cut: share of the way from a grid point to the next from which the next one's plan is the
            better, float32, shape (T, K, 2, grid - 1): current persona, goodbye, cell.
        pick: action at each grid point, int8, shape (T, K, 2, grid).
        first: action to begin with.
    """

    cut: NDArray[np.float32]
    pick: NDArray[np.int8]
    first: int

    @classmethod
    def of(cls, solution: BeliefSolution) -> Controller:
        """The controller that follows a solution's plans (`keep_plans=True`)."""
        plans = solution.plans
        p = np.linspace(0.0, 1.0, plans.shape[3])

        def worth(plan: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
            return plan[..., 0] * (1.0 - at) + plan[..., 1] * at

        here, following = plans[..., :-1, :], plans[..., 1:, :]
        gain = [worth(following, at) - worth(here, at) for at in (p[:-1], p[1:])]
        rises = (gain[0] <= 0.0) & (gain[1] > 0.0)
        cut = -gain[0] / np.where(rises, gain[1] - gain[0], 1.0)
        cut = np.where(rises, cut, np.where(gain[0] + gain[1] > 0.0, 0.0, _NEVER))
        return cls(cut.astype(np.float32), solution.picks.astype(np.int8), solution.first)

    def spread(self, present: NDArray[np.integer], n_actions: int) -> Controller:
        """The same among all K actions, of which these are present; from an absent one it turns
        to the first."""
        first = int(present[self.first])
        cut = np.full((*self.cut.shape[:1], n_actions, *self.cut.shape[2:]), _NEVER, np.float32)
        pick = np.full((*self.pick.shape[:1], n_actions, *self.pick.shape[2:]), first, np.int8)
        cut[:, present] = self.cut
        pick[:, present] = present[self.pick]
        return Controller(cut, pick, first)


@dataclass(frozen=True, eq=False)
class Tally:
    """Something that adds up over a session.

    Attributes:
        turn: what a turn adds that the user plays through, shape (K, 2): fresh, bored.
        swap: what a swap adds.
        kept: what a goodbye adds that is prevented.
        gone: what the turn adds in which a user who said goodbye goes.
    """

    turn: NDArray[np.float64]
    swap: float = 0.0
    kept: float = 0.0
    gone: float = 0.0


@njit
def _node(nxt, cut):  # type: ignore[no-untyped-def]
    """Grid point whose plan is followed at this belief."""
    cells = cut.shape[0]
    x = nxt * cells
    j = min(int(x), cells - 1)
    return j + (x - j >= cut[j])


@njit
def _next_beliefs(start, hazard, leave, like, grid):  # type: ignore[no-untyped-def]
    """P(bored) at the next pick after each symbol, shape (K, grid + 1, Z); of symbols that cannot
    be shown at a belief nothing is learned."""
    n_k, n_z = hazard.shape[0], like.shape[2]
    nxt = np.empty((n_k, grid + 1, n_z))
    for k in range(n_k):
        for j in range(grid + 1):
            # the extra point is the belief right after the persona takes over
            p = j / (grid - 1) if j < grid else start[k]
            for z in range(n_z):
                fresh = (1.0 - p) * like[k, 0, z] * (1.0 - leave[0])
                bored = p * like[k, 1, z] * (1.0 - leave[1])
                total = fresh + bored
                if total <= 0.0:
                    fresh, bored, total = 1.0 - p, p, 1.0
                nxt[k, j, z] = (bored + fresh * hazard[k]) / total
    return nxt


@njit
def _evaluate(  # type: ignore[no-untyped-def]
    fit, hazard, leave, like, goodbye, hook, cut, pick, turn, swap, kept, gone
):
    length, n_k, n_g, grid = pick.shape
    n_z, n_m = like.shape[2], turn.shape[0]
    nxt = _next_beliefs(1.0 - fit, hazard, leave, like, grid)
    # ahead: before a pick, by the mood at the end of the turn before; stay: after it
    ahead = np.zeros((n_k, n_g, grid, 2, n_m))
    stay = np.zeros((n_k, grid + 1, 2, n_m))
    begun = np.zeros((n_k, n_m))
    pair = np.zeros((2, n_m))
    for t in range(length - 1, -1, -1):
        for k in range(n_k):
            for j in range(grid + 1):
                for mood in range(2):
                    for m in range(n_m):
                        stay[k, j, mood, m] = turn[m, k, mood]
                if t == length - 1:
                    continue
                for z in range(n_z):
                    g = goodbye[z]
                    after = ahead[k, g, _node(nxt[k, j, z], cut[t + 1, k, g])]
                    fresh = like[k, 0, z] * (1.0 - leave[0])
                    bored = like[k, 1, z] * (1.0 - leave[1])
                    for m in range(n_m):
                        stay[k, j, 0, m] += fresh * after[0, m]
                        stay[k, j, 1, m] += bored * after[1, m]
            for m in range(n_m):
                begun[k, m] = fit[k] * stay[k, grid, 0, m] + (1.0 - fit[k]) * stay[k, grid, 1, m]
        if t == 0:
            break
        for k in range(n_k):
            for g in range(n_g):
                for j in range(grid):
                    a = pick[t, k, g, j]
                    keep = hook[a] if g else 1.0
                    for m in range(n_m):
                        for mood in range(2):
                            value = stay[k, j, mood, m] if a == k else begun[a, m]
                            if g:
                                value = keep * (value + kept[m]) + (1.0 - keep) * gone[m]
                            pair[mood, m] = value + (0.0 if a == k else swap[m])
                        ahead[k, g, j, 0, m] = pair[0, m] + hazard[k] * (pair[1, m] - pair[0, m])
                        ahead[k, g, j, 1, m] = pair[1, m]
    return begun


def collected(
    problem: BeliefProblem, controller: Controller, tallies: Sequence[Tally]
) -> NDArray[np.float64]:
    """What a controller collects of each tally in a session, on average, shape (tallies,): exact,
    whatever the controller was made for."""
    begun = _evaluate(
        problem.fit,
        problem.hazard,
        problem.leave,
        problem.likelihood,
        problem.goodbye,
        problem.hook,
        controller.cut,
        controller.pick,
        np.stack([tally.turn for tally in tallies]),
        *(np.array([getattr(x, name) for x in tallies]) for name in ("swap", "kept", "gone")),
    )
    return np.asarray(begun[controller.first])


@njit
def _act(  # type: ignore[no-untyped-def]
    node,
    obs,
    row,
    turn,
    current,
    begins,
    goodbye,
    strides,
    kind,
    fit,
    hazard,
    engagement,
    leave,
    farewell,
    cues,
    cut,
    pick,
    first,
    out,
    picks,
):
    """Write the next nodes and the picks; return a lane whose cues are no symbol, or -1."""
    n_cues, n_symbols = strides.shape[0], cues.shape[1]
    unknown = np.int64(-1)
    streak_column = n_cues + 1 + 2 * fit.shape[1]
    grid = pick.shape[4]
    for i in range(obs.shape[0]):
        c, k = row[i], current[i]
        if begins[i]:
            out[i] = 0
            picks[i] = first[c]
            continue
        a = kind[c]
        p = 1.0 - fit[a, k] if obs[i, streak_column] < 1.5 else node[i] / (grid - 1)
        symbol = observations.symbol(obs, i, strides, n_symbols)
        if symbol == n_symbols:
            unknown, symbol = np.int64(i), np.int64(0)
        fresh, bored = 1.0 - p, p
        for mood in range(2):
            q = engagement[a, k, mood]
            like = (q if obs[i, n_cues] > 0.5 else 1.0 - q) * cues[mood, symbol]
            like *= (1.0 - leave[a, mood]) * (
                farewell[a, mood] if goodbye[i] else 1.0 - farewell[a, mood]
            )
            if mood == 0:
                fresh *= like
            else:
                bored *= like
        total = fresh + bored
        if total <= 0.0:
            # impossible for these users: learn nothing
            fresh, bored, total = 1.0 - p, p, 1.0
        nxt = (bored + fresh * hazard[a, k]) / total
        out[i] = _node(nxt, cut[c, turn[i], k, goodbye[i]])
        picks[i] = pick[c, turn[i], k, goodbye[i], out[i]]
    return unknown


class ControllerPolicy:
    """Follow a controller in every visible context.

    Args:
        population: whose users the router believes it meets.
        model: of that population; one kind of user in each context.
        contexts: the contexts, in the order of `controllers`.
        controllers: of all K actions, those that are absent never picked.
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
        self._strides = cue_table(population).strides
        self._model = model
        self._kind = model.joint.argmax(axis=0)
        self._cut = np.stack([c.cut for c in controllers])
        self._pick = np.stack([c.pick for c in controllers])
        self._first = np.array([c.first for c in controllers])

    def initial_state(self, lanes: int, seed: int) -> NDArray[np.int64]:
        """Grid point of each lane, shape (N,)."""
        return np.zeros(lanes, dtype=np.int64)

    def act(
        self, observation: NDArray[np.float32], state: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Personas to enact and the next grid points, shape (N,) each."""
        model, columns = self._model, self._columns
        one_row_per_lane(observation, len(state))
        picks, nodes = np.empty_like(state), np.empty_like(state)
        unknown = _act(
            state,
            observation,
            self.contexts.find(observation),
            turns_played(observation, columns, self._pick.shape[1]),
            current_persona(observation, columns),
            session_begins(observation, columns),
            (goodbyes(observation, columns) > 0.5).astype(np.int64),
            self._strides,
            self._kind,
            model.fit,
            model.hazard,
            model.engagement,
            model.leave,
            model.farewell,
            model.cues,
            self._cut,
            self._pick,
            self._first,
            nodes,
            picks,
        )
        columns.refuse_cues(observation, unknown)
        return picks, nodes
