"""The best memoryless router: one that decides from the current observation alone.

A network without memory sees the last turn's engagement and cues, the turns with the current
persona and the time, but not the history, so its best possible value lies below the belief-optimal
one. The search alternates two exact passes: forward, the probability of each (turn, streak, mood)
under the policy; backward, the better action for every observation given those probabilities.
Decisions of one turn concern disjoint sets of histories, so no backward pass lowers the value
(policy iteration for memoryless policies of a finite-horizon POMDP; Littman 1994). The search ends
in a local optimum; the best of several starts is kept. Its value is attained, and is no bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...compiled import observations
from ...compiled.compiler import njit
from ...foundation.errors import CarouselError
from ...users.cues import cue_table
from ...users.observation import Columns
from ..acting.readings import column_numbers
from ..model import Model
from .belief_problem import BeliefProblem
from .belief_program import solve_belief

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...users.population import Population

_U = np.uint64

LONGEST = 200
"""Longest session to search: time and memory grow with its square."""


@dataclass
class MemorylessPolicy:
    """Swap (to the next persona around) where the table says so.

    Attributes:
        swap: bool, shape (T, T, symbols); indices: turn, turns with the persona less one, last
            joint symbol (engagement, cues) as in `Model.symbols`.
    """

    columns: Columns
    strides: NDArray[np.int64]
    swap: NDArray[np.bool_]

    def initial_state(self, lanes: int, seed: int) -> None:
        """None: each pick depends on the observation alone."""

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        """Personas to enact, shape (N,); see `Policy.act`."""
        columns, picks = self.columns, np.empty(len(observation), dtype=np.int64)
        columns.refuse_narrow(observation)
        unknown = _follow(observation, column_numbers(columns), self.strides, self.swap, picks)
        columns.refuse_cues(observation, unknown)
        return picks, None


@njit
def _follow(observation, columns, strides, swap, picks):  # type: ignore[no-untyped-def]
    """Write the picks; returns a lane whose cues are no symbol, or -1."""
    n_k, length, n_cues = columns.n_actions, swap.shape[0], _U(len(strides))
    engaged = swap.shape[2] // 2
    unknown = np.int64(-1)
    for i in range(_U(observation.shape[0])):
        current = observations.largest(observation, i, columns.persona, n_k)
        streak = np.int64(observation[i, _U(columns.streak)])
        if streak < 1:
            # no turn has been played
            picks[i] = current
            continue
        turn = observations.share(observation, i, columns.elapsed, length)
        symbol = observations.symbol(observation, i, strides, engaged)
        if symbol == engaged:
            unknown, symbol = np.int64(i), np.int64(0)
        if observation[i, n_cues] > 0.5:
            symbol += engaged
        goes = swap[_U(turn), _U(min(streak, length) - 1), _U(symbol)]
        after = current + 1 if current + 1 < n_k else 0
        picks[i] = after if goes else current
    return unknown


def best_memoryless(population: Population, starts: int = 6) -> tuple[float, MemorylessPolicy]:
    """Value of the best memoryless router found, and the router.

    Args:
        population: one kind of user, interchangeable personas that are always available.
        starts: initial policies to improve, at least 1.

    Raises:
        CarouselError: the population is of another kind.
    """
    model = Model.of(population)
    interchangeable = all(
        (table == table[:, :1]).all() for table in (model.fit, model.hazard, model.worth)
    )
    boredom_alone = not (model.has_satiation or model.has_farewells)
    if (
        model.n_types > 1
        or len(model.contexts) > 1
        or not interchangeable
        or not boredom_alone
        or not model.masks.all()
    ):
        raise CarouselError(
            "best_memoryless needs one kind of user without satiation or farewells, and "
            "interchangeable personas that are always available"
        )
    if model.length > LONGEST:
        raise CarouselError(
            f"session_length is {model.length}; best_memoryless takes at most {LONGEST} turns"
        )
    problem = BeliefProblem.of(model, 0, np.arange(model.n_actions))
    like = problem.likelihood[0]
    ratio = np.log(np.maximum(like[1], 1e-300)) - np.log(np.maximum(like[0], 1e-300))
    solution = solve_belief(problem)
    best_value, best_swap = -np.inf, None
    for threshold in np.linspace(0.15, 0.75, starts):
        # the posterior given one symbol, with the prior that the hazard builds up over the streak
        streak = np.arange(1, model.length + 1)
        prior = 1.0 - model.fit[0, 0] * (1.0 - model.hazard[0, 0]) ** streak
        bored, fresh = np.maximum(prior, 1e-300), np.maximum(1.0 - prior, 1e-300)
        odds = (np.log(bored) - np.log(fresh))[:, None] + ratio
        swap = np.repeat((odds > np.log(threshold / (1.0 - threshold)))[None], model.length, 0)
        value, swap = _improve(model, like, swap)
        if value > best_value:
            best_value, best_swap = value, swap
    assert best_swap is not None
    assert best_value <= solution.upper + 1e-9
    policy = MemorylessPolicy(Columns.of(population), cue_table(population).strides, best_swap)
    return best_value, policy


def _improve(
    model: Model, like: NDArray[np.float64], swap: NDArray[np.bool_]
) -> tuple[float, NDArray[np.bool_]]:
    """Improve a memoryless policy until it stops changing."""
    length, cost = model.length, model.swap_cost
    hazard, stay = model.hazard[0, 0], 1.0 - model.leave[0]
    redrawn = np.array([model.fit[0, 0], 1.0 - model.fit[0, 0]])
    shown = like * stay[:, None]
    last = -np.inf
    while True:
        # forward: mass[t, n] over moods with a persona in its turn n + 1 at turn t
        mass = np.zeros((length, length, 2))
        mass[0, 0] = redrawn
        for t in range(length - 1):
            after = _age(mass[t, : t + 1, :, None] * shown, hazard)
            goes = swap[t + 1, : t + 1]
            mass[t + 1, 0] = redrawn * (after.sum(axis=1) * goes).sum()
            mass[t + 1, 1 : t + 2] = (after * ~goes[:, None, :]).sum(axis=2)
        # backward: ahead[n] over moods, value from turn t on
        ahead = np.zeros((length + 1, 2))
        for t in range(length - 1, -1, -1):
            value = np.tile(model.worth[0, 0], (length + 1, 1))
            if t + 1 < length:
                arrival = float(redrawn @ ahead[0]) - cost
                after = _age(mass[t, : t + 1, :, None] * shown, hazard)
                keeps = np.einsum("nmz,nm->nz", after, ahead[1 : t + 2])
                swap[t + 1, : t + 1] = arrival * after.sum(axis=1) > keeps
                goes = swap[t + 1, : t + 1, None, :]
                kept = np.stack(
                    [
                        (1 - hazard) * ahead[1 : t + 2, 0] + hazard * ahead[1 : t + 2, 1],
                        ahead[1 : t + 2, 1],
                    ],
                    axis=1,
                )
                value[: t + 1] += (shown * np.where(goes, arrival, kept[:, :, None])).sum(axis=2)
            ahead = value
        total = float(redrawn @ ahead[0])
        if total <= last + 1e-10:
            return total, swap
        last = total


def _age(mass: NDArray[np.float64], hazard: float) -> NDArray[np.float64]:
    """Let the hazard act on mass over (streak, mood, symbol)."""
    moved = mass[:, 0] * hazard
    return np.stack([mass[:, 0] - moved, mass[:, 1] + moved], axis=1)
