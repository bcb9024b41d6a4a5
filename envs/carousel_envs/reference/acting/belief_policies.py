"""Policies that act on the filtered belief: thresholds on boredom, and plans."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled import observations
from ...compiled.compiler import njit
from .filtering import bored
from .readings import (
    column_numbers,
    current_persona,
    goodbyes,
    session_begins,
    turns_played,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .contexts import ContextIndex
    from .filtering import Belief, Filter

_U = np.uint64


@dataclass
class BeliefPolicy(ABC):
    """A policy whose state is the exact belief, which starts anew with every session.

    Attributes:
        filter: keeps the belief.
    """

    filter: Filter

    def initial_state(self, lanes: int, seed: int) -> Belief:
        """The belief before any session."""
        return self.filter.start(lanes)

    def act(
        self, observation: NDArray[np.float32], state: Belief
    ) -> tuple[NDArray[np.int64], Belief]:
        """Personas to enact, shape (N,), and the belief after the observation."""
        belief = self.filter.update(state, observation)
        return self.pick(observation, belief), belief

    @abstractmethod
    def pick(self, observation: NDArray[np.float32], belief: Belief) -> NDArray[np.int64]:
        """Personas to enact at this belief, shape (N,)."""


class _Thresholds(NamedTuple):
    """The tables of a `ThresholdPolicy`."""

    threshold: NDArray[np.float64]
    target: NDArray[np.int64]
    first: NDArray[np.int64]


@njit
def _swap_above(joint, row, observation, columns, tables, picks):  # type: ignore[no-untyped-def]
    length, n_k = tables.threshold.shape[1:3]
    for i in range(_U(joint.shape[0])):
        r, k = _U(row[i]), _U(observations.largest(observation, i, columns.persona, n_k))
        t = _U(observations.share(observation, i, columns.elapsed, length))
        g = _U(columns.farewell >= 0 and observation[i, _U(columns.farewell)] > 0.5)
        if observation[i, _U(columns.streak)] < 0.5:
            picks[i] = tables.first[r]
        elif bored(joint, i) >= tables.threshold[r, t, k, g]:
            picks[i] = tables.target[r, t, k, g]
        else:
            picks[i] = k


@dataclass
class ThresholdPolicy(BeliefPolicy):
    """Swap once the filtered probability of boredom reaches a threshold.

    Attributes:
        contexts: visible contexts that the tables cover.
        threshold, target: shape (contexts, T, K, 2): without, with a goodbye in the last turn.
        first: shape (contexts,).
    """

    contexts: ContextIndex
    threshold: NDArray[np.float64]
    target: NDArray[np.int64]
    first: NDArray[np.int64]

    def pick(self, observation: NDArray[np.float32], belief: Belief) -> NDArray[np.int64]:
        """Personas to enact at this belief, shape (N,)."""
        row, picks = self.contexts.find(observation), np.empty(len(observation), dtype=np.int64)
        columns = column_numbers(self.filter.columns)
        tables = _Thresholds(self.threshold, self.target, self.first)
        _swap_above(belief.joint, row, observation, columns, tables, picks)
        return picks


@njit
def _best_plan(joint, seen, plans, picks):  # type: ignore[no-untyped-def]
    vectors, actions, places = plans
    row, turn, current, said = seen
    for i in range(joint.shape[0]):
        k, g = current[i], 2 * said[i]
        begin, end = places[row[i], turn[i], k]
        best, picks[i] = -1e300, k
        for v in range(begin, end):
            value = 0.0
            for a in range(vectors.shape[1]):
                value += joint[i, a, 0] * vectors[v, a, g] + joint[i, a, 1] * vectors[v, a, g + 1]
            if value > best:
                best = value
                picks[i] = actions[v]


@dataclass
class PlanPolicy(BeliefPolicy):
    """Follow the plan that is best at the filtered belief over (kind of user, mood).

    Attributes:
        contexts: visible contexts that the plans cover.
        vectors: value of each plan, shape (P, kinds, states); 2 states are moods, and 4 are moods
            without, then with a goodbye in the last turn.
        actions: its first persona, shape (P,).
        places: first and last + 1 of the plans of a context, turn and current persona, shape
            (contexts, T, K, 2).
        first: persona to begin with, shape (contexts,).
    """

    contexts: ContextIndex
    vectors: NDArray[np.float64]
    actions: NDArray[np.int64]
    places: NDArray[np.int64]
    first: NDArray[np.int64]

    def pick(self, observation: NDArray[np.float32], belief: Belief) -> NDArray[np.int64]:
        """Personas to enact at this belief, shape (N,)."""
        columns, row = self.filter.columns, self.contexts.find(observation)
        turn = turns_played(observation, columns, self.places.shape[1])
        current = current_persona(observation, columns)
        said = goodbyes(observation, columns if self.vectors.shape[-1] == 4 else None)
        picks = np.empty(len(observation), dtype=np.int64)
        plans = (self.vectors, self.actions, self.places)
        _best_plan(belief.joint, (row, turn, current, said), plans, picks)
        begins = session_begins(observation, columns)
        return np.where(begins, self.first[row], picks)
