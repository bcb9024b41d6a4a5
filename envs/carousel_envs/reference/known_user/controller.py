"""Finite-state controllers: plans on the grid of beliefs, followed and evaluated exactly.

A solution of `belief_program` holds, for each turn, persona and grid point, the best plan known
there. Following those plans makes a controller whose state is a grid point: the symbol observed in
a turn leads to whichever neighbour of the posterior has the better plan. What such a controller
collects in a session, of any quantity that adds up over turns, is linear in the mood and needs no
interpolation (Hansen 1998), so one solution is evaluated on many objectives without error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .belief_problem import BeliefProblem
    from .belief_program import BeliefSolution

_NEVER = 2.0


class Controller(NamedTuple):
    """What to do at each grid point, for one kind of user and one set of actions.

    Attributes:
        cut: share of the way from a grid point to the next beyond which the next one's plan is the
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
        """The same controller over all K actions, of which these are available; from any other
        action it returns to the first pick."""
        first = int(present[self.first])
        cut = np.full((*self.cut.shape[:1], n_actions, *self.cut.shape[2:]), _NEVER, np.float32)
        pick = np.full((*self.pick.shape[:1], n_actions, *self.pick.shape[2:]), first, np.int8)
        cut[:, present] = self.cut
        pick[:, present] = present[self.pick]
        return Controller(cut, pick, first)


@dataclass(frozen=True, eq=False)
class Tally:
    """A quantity that adds up over a session.

    Attributes:
        turn: added by a turn that the user plays, shape (K, 2): fresh, bored.
        swap: added by a swap.
        kept: added by a farewell that is prevented.
        gone: added by the turn in which a user leaves after a goodbye.
    """

    turn: NDArray[np.float64]
    swap: float = 0.0
    kept: float = 0.0
    gone: float = 0.0


class _Tallies(NamedTuple):
    """Several tallies side by side: the fields of `Tally`, with the tallies as first axis."""

    turn: NDArray[np.float64]
    swap: NDArray[np.float64]
    kept: NDArray[np.float64]
    gone: NDArray[np.float64]


class _Collected(NamedTuple):
    """Totals still to come, by tally.

    Attributes:
        ahead: before a pick, by the mood at the end of the last turn, shape (K, goodbyes, grid, 2,
            tallies).
        stay: after a pick that stays, shape (K, grid + 1, 2, tallies); the last grid point is the
            belief when the persona takes over.
        begun: when persona k takes over, shape (K, tallies).
    """

    ahead: NDArray[np.float64]
    stay: NDArray[np.float64]
    begun: NDArray[np.float64]


@njit
def node_at(p, cut):  # type: ignore[no-untyped-def]
    """Grid point whose plan is followed at P(bored) = p."""
    cells = cut.shape[0]
    x = p * cells
    j = min(int(x), cells - 1)
    return j + (x - j >= cut[j])


@part
def _next_beliefs(problem, grid):  # type: ignore[no-untyped-def]
    """P(bored) at the next pick after each symbol, shape (K, grid + 1, Z); symbols that are
    impossible at a belief leave it as it is."""
    n_k, n_z = problem.hazard.shape[0], problem.likelihood.shape[2]
    nxt = np.empty((n_k, grid + 1, n_z))
    for k in range(n_k):
        for j in range(grid + 1):
            # the extra point is the belief when the persona takes over
            p = j / (grid - 1) if j < grid else 1.0 - problem.fit[k]
            for z in range(n_z):
                fresh = (1.0 - p) * problem.likelihood[k, 0, z] * (1.0 - problem.leave[0])
                bored = p * problem.likelihood[k, 1, z] * (1.0 - problem.leave[1])
                total = fresh + bored
                if total <= 0.0:
                    fresh, bored, total = 1.0 - p, p, 1.0
                nxt[k, j, z] = (bored + fresh * problem.hazard[k]) / total
    return nxt


@part
def _collect_turn(problem, controller, tallies, t, nxt, found):  # type: ignore[no-untyped-def]
    """Write the totals of turns t and later, after the pick, to `stay` and `begun`."""
    stay, begun, cut = found.stay, found.begun, controller.cut
    n_k, n_points, _, n_m = stay.shape
    for k in range(n_k):
        for j in range(n_points):
            for mood in range(2):
                for m in range(n_m):
                    stay[k, j, mood, m] = tallies.turn[m, k, mood]
            if t == problem.length - 1:
                continue
            for z in range(problem.likelihood.shape[2]):
                g = problem.goodbye[z]
                after = found.ahead[k, g, node_at(nxt[k, j, z], cut[t + 1, k, g])]
                fresh = problem.likelihood[k, 0, z] * (1.0 - problem.leave[0])
                bored = problem.likelihood[k, 1, z] * (1.0 - problem.leave[1])
                for m in range(n_m):
                    stay[k, j, 0, m] += fresh * after[0, m]
                    stay[k, j, 1, m] += bored * after[1, m]
        fit, last = problem.fit[k], n_points - 1
        for m in range(n_m):
            begun[k, m] = fit * stay[k, last, 0, m] + (1.0 - fit) * stay[k, last, 1, m]


@part
def _collect_pick(problem, pick, tallies, found):  # type: ignore[no-untyped-def]
    """Write the totals to come before the picks of one turn, shape (K, 2, grid), to `ahead`."""
    n_k, n_g, grid, _, n_m = found.ahead.shape
    for k in range(n_k):
        for g in range(n_g):
            for j in range(grid):
                a = pick[k, g, j]
                keep = problem.hook[a] if g else 1.0
                for m in range(n_m):
                    fresh = found.stay[k, j, 0, m] if a == k else found.begun[a, m]
                    bored = found.stay[k, j, 1, m] if a == k else found.begun[a, m]
                    if g:
                        fresh = keep * (fresh + tallies.kept[m]) + (1.0 - keep) * tallies.gone[m]
                        bored = keep * (bored + tallies.kept[m]) + (1.0 - keep) * tallies.gone[m]
                    swap = 0.0 if a == k else tallies.swap[m]
                    fresh, bored = fresh + swap, bored + swap
                    found.ahead[k, g, j, 0, m] = fresh + problem.hazard[k] * (bored - fresh)
                    found.ahead[k, g, j, 1, m] = bored


@njit
def _collect(problem, controller, tallies):  # type: ignore[no-untyped-def]
    length, n_k, n_g, grid = controller.pick.shape
    n_m = tallies.turn.shape[0]
    nxt = _next_beliefs(problem, grid)
    found = _Collected(
        np.zeros((n_k, n_g, grid, 2, n_m)), np.zeros((n_k, grid + 1, 2, n_m)), np.zeros((n_k, n_m))
    )
    for t in range(length - 1, -1, -1):
        _collect_turn(problem, controller, tallies, t, nxt, found)
        if t > 0:
            _collect_pick(problem, controller.pick[t], tallies, found)
    return found.begun


def collected(
    problem: BeliefProblem, controller: Controller, tallies: Sequence[Tally]
) -> NDArray[np.float64]:
    """Expected total of each tally in a session under a controller, shape (tallies,): exact,
    whichever problem the controller was solved for."""
    names = ("swap", "kept", "gone")
    side_by_side = _Tallies(
        turn=np.stack([tally.turn for tally in tallies]),
        **{name: np.array([getattr(tally, name) for tally in tallies]) for name in names},
    )
    return np.asarray(_collect(problem, controller, side_by_side)[controller.first])
