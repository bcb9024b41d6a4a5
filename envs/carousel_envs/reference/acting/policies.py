"""Policies that act: what the solvers found, as batched policies with explicit state.

Every one reads observations alone. What a policy believes about a lane starts anew at a session's
first observation (no turns with anybody yet).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ...compiled import blocks, observations, rng
from ...compiled.compiler import njit
from ...foundation.errors import one_row_per_lane
from .filtering import bored

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...users.observation import Columns
    from .filtering import Belief, Filter

_U = np.uint64


@dataclass
class ContextIndex:
    """Row of the known visible contexts that fits each observation best.

    Attributes:
        columns: of the observations.
        contexts: `Columns.context` of each row, shape (contexts,).
    """

    columns: Columns
    contexts: NDArray[np.int64]
    _row: NDArray[np.int64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._row = np.full(self.columns.n_contexts, -1, dtype=np.int64)

    def find(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """Index of the context that differs in the fewest bits (a badge counts as one bit), shape
        (N, D) to (N,)."""
        rows = np.zeros(len(observation), dtype=np.int64)
        if len(self.contexts) == 1:
            self.columns.refuse_narrow(observation)
            return rows
        bits = self.columns.context(observation)
        if not observations.rows_of(bits, self._row, rows):
            n = self.columns.n_actions + 1
            powers = 1 << np.arange(n)
            for new in np.unique(bits[rows < 0]):
                differs = ((self.contexts[:, None] & powers) != (new & powers)).sum(axis=1)
                differs += self.contexts >> n != new >> n
                self._row[new] = int(differs.argmin())
            observations.rows_of(bits, self._row, rows)
        return rows


def current_persona(observation: NDArray[np.float32], columns: Columns) -> NDArray[np.int64]:
    """Index of the persona that speaks (0 before the first turn), shape (N,)."""
    columns.refuse_narrow(observation)
    found = np.empty(len(observation), dtype=np.int64)
    observations.marked(observation, columns.persona.start, columns.n_actions, found)
    return found


def session_begins(observation: NDArray[np.float32], columns: Columns) -> NDArray[np.bool_]:
    """Whether nobody has spoken yet, shape (N,)."""
    return np.asarray(observation[:, columns.streak] < 0.5)


def goodbyes(observation: NDArray[np.float32], columns: Columns) -> NDArray[np.float32]:
    """1 where the user has just said goodbye, shape (N,)."""
    if columns.farewell is None:
        return np.zeros(len(observation), dtype=np.float32)
    return observation[:, columns.farewell]


def turns_played(
    observation: NDArray[np.float32], columns: Columns, length: int
) -> NDArray[np.int64]:
    """Turns played, were sessions of this length: at least 0 and at most length - 1, shape (N,).

    Observations show the share of the session gone, so a rule made for one length is stretched, not
    cut off, when it meets sessions of another.
    """
    columns.refuse_narrow(observation)
    found = np.empty(len(observation), dtype=np.int64)
    observations.shares(observation, columns.elapsed, length, found)
    return found


@dataclass
class UniformPolicy:
    """An available persona uniformly at random, every turn."""

    columns: Columns

    def initial_state(self, lanes: int, seed: int) -> tuple[NDArray[np.uint64], int]:
        return rng.lane_keys(seed, lanes), 0

    def act(
        self, observation: NDArray[np.float32], state: tuple[NDArray[np.uint64], int]
    ) -> tuple[NDArray[np.int64], tuple[NDArray[np.uint64], int]]:
        keys, counter = state
        columns, picks = self.columns, np.empty(len(observation), dtype=np.int64)
        columns.refuse_narrow(observation)
        one_row_per_lane(observation, len(keys))
        draw = rng.hash_uniforms(keys, counter)
        observations.nth_of(observation, columns.available.start, columns.n_actions, draw, picks)
        return picks, (keys, counter + 1)


@njit
def _scheduled(row, observation, elapsed, schedule, picks):  # type: ignore[no-untyped-def]
    for i in range(_U(observation.shape[0])):
        turn = observations.share(observation, i, elapsed, schedule.shape[1])
        picks[i] = schedule[_U(row[i]), _U(turn)]


@dataclass
class SchedulePolicy:
    """Enact schedule[context, t] at turn t, whatever the user shows."""

    columns: Columns
    contexts: ContextIndex
    schedule: NDArray[np.int64]

    def initial_state(self, lanes: int, seed: int) -> None:
        return None

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        row, picks = self.contexts.find(observation), np.empty(len(observation), dtype=np.int64)
        _scheduled(row, observation, self.columns.elapsed, self.schedule, picks)
        return picks, None


@njit
def _swap_above(  # type: ignore[no-untyped-def]
    joint, row, observation, seen, threshold, target, first, picks
):
    persona, streak, elapsed, farewell = seen
    length, n_k = threshold.shape[1:3]
    for i in range(_U(joint.shape[0])):
        r, k = _U(row[i]), _U(observations.largest(observation, i, persona, n_k))
        t = _U(observations.share(observation, i, elapsed, length))
        g = _U(farewell >= 0 and observation[i, _U(farewell)] > 0.5)
        if observation[i, _U(streak)] < 0.5:
            picks[i] = first[r]
        elif bored(joint, i) >= threshold[r, t, k, g]:
            picks[i] = target[r, t, k, g]
        else:
            picks[i] = k


@dataclass
class ThresholdPolicy:
    """Swap once the filtered probability of boredom reaches a threshold.

    Attributes:
        filter: what the router believes.
        contexts: visible contexts that the tables know.
        threshold, target: shape (contexts, T, K, 2): without, with a goodbye just said.
        first: shape (contexts,).
    """

    filter: Filter
    contexts: ContextIndex
    threshold: NDArray[np.float64]
    target: NDArray[np.int64]
    first: NDArray[np.int64]

    def initial_state(self, lanes: int, seed: int) -> Belief:
        return self.filter.start(lanes)

    def act(
        self, observation: NDArray[np.float32], state: Belief
    ) -> tuple[NDArray[np.int64], Belief]:
        belief = self.filter.update(state, observation)
        return self.pick(observation, belief), belief

    def pick(self, observation: NDArray[np.float32], belief: Belief) -> NDArray[np.int64]:
        """What to enact at this belief, shape (N,)."""
        columns, picks = self.filter.columns, np.empty(len(observation), dtype=np.int64)
        farewell = -1 if columns.farewell is None else columns.farewell
        _swap_above(
            belief.joint,
            self.contexts.find(observation),
            observation,
            (columns.persona.start, columns.streak, columns.elapsed, farewell),
            self.threshold,
            self.target,
            self.first,
            picks,
        )
        return picks


@njit
def _best_plan(joint, row, turn, current, vectors, actions, picks):  # type: ignore[no-untyped-def]
    n_plans, n_kinds = vectors.shape[3], vectors.shape[4]
    for i in range(joint.shape[0]):
        m, t, k = row[i], turn[i], current[i]
        best = -1e300
        for v in range(n_plans):
            value = 0.0
            for a in range(n_kinds):
                value += joint[i, a, 0] * vectors[m, t, k, v, a, 0]
                value += joint[i, a, 1] * vectors[m, t, k, v, a, 1]
            if value > best:
                best = value
                picks[i] = actions[m, t, k, v]


@dataclass
class PlanPolicy:
    """Follow the plan that is best at the filtered belief over (kind of user, mood).

    Attributes:
        vectors: value of each plan, shape (contexts, T, K, P, kinds, 2).
        actions: its first persona, shape (contexts, T, K, P).
        first: persona to begin with, shape (contexts,).
    """

    filter: Filter
    contexts: ContextIndex
    vectors: NDArray[np.float64]
    actions: NDArray[np.int64]
    first: NDArray[np.int64]

    def initial_state(self, lanes: int, seed: int) -> Belief:
        return self.filter.start(lanes)

    def act(
        self, observation: NDArray[np.float32], state: Belief
    ) -> tuple[NDArray[np.int64], Belief]:
        belief = self.filter.update(state, observation)
        return self.pick(observation, belief), belief

    def pick(self, observation: NDArray[np.float32], belief: Belief) -> NDArray[np.int64]:
        """What to enact at this belief, shape (N,)."""
        columns, row = self.filter.columns, self.contexts.find(observation)
        turn = turns_played(observation, columns, self.vectors.shape[1])
        current = current_persona(observation, columns)
        picks = np.empty(len(observation), dtype=np.int64)
        _best_plan(belief.joint, row, turn, current, self.vectors, self.actions, picks)
        begins = session_begins(observation, columns)
        return np.where(begins, self.first[row], picks)


# Where a block keeps what `_myopic` works out: P(fresh) and P(bored) with one kind of user, what
# satiation takes off, the price of a swap, who speaks (-1: nobody), whether this persona is there,
# the chance that it keeps the user, its value; the best value so far and whose it is.
_FRESH, _BORED, _LOST, _PRICE, _SPEAKS, _THERE, _KEEPS, _VALUE, _BEST, _FOUND = blocks.places(10)


@njit
def _myopic(  # type: ignore[no-untyped-def]
    joint, satiation, observation, seen, fit, engagement, gain, hook, cost, picks
):
    """Block by block, so that values of many lanes are worked out at once (see `blocks`). Without
    satiation `gain` is None, without goodbyes `hook`: then neither is compiled."""
    n, n_kinds, n_k = _U(joint.shape[0]), _U(fit.shape[0]), _U(fit.shape[1])
    persona, available, streak, farewell = seen
    block = np.zeros(10 * blocks.FLOATS)
    for first in range(_U(0), n, _U(blocks.FLOATS)):
        m = min(_U(blocks.FLOATS), n - first)
        for j in range(m):
            begins = observation[first + j, _U(streak)] < 0.5
            speaks = np.float64(observations.largest(observation, first + j, persona, n_k))
            block[_PRICE + j] = 0.0 if begins else -cost
            block[_SPEAKS + j] = -1.0 if begins else speaks
            block[_BEST + j] = -1e300
            block[_FOUND + j] = 0.0
        for k in range(n_k):
            own = np.float64(k)
            for j in range(m):
                block[_THERE + j] = observation[first + j, _U(available) + k]
            if hook is not None:
                for j in range(m):
                    goodbye = observation[first + j, _U(farewell)] > 0.5
                    block[_KEEPS + j] = hook[k] if goodbye else 1.0
            for j in range(m):
                price = block[_PRICE + j]
                block[_VALUE + j] = 0.0 if block[_SPEAKS + j] == own else price
            for a in range(n_kinds):
                for j in range(m):
                    block[_FRESH + j] = joint[first + j, a, 0]
                    block[_BORED + j] = joint[first + j, a, 1]
                    if gain is not None:
                        block[_LOST + j] = gain[a, k] * satiation[first + j, a, k]
                suits, if_fresh, if_bored = fit[a, k], engagement[a, k, 0], engagement[a, k, 1]
                for j in range(m):
                    fresh, bored, value = block[_FRESH + j], block[_BORED + j], block[_VALUE + j]
                    kind, stays = fresh + bored, block[_SPEAKS + j] == own
                    fresh = fresh if stays else kind * suits
                    bored = bored if stays else kind * (1.0 - suits)
                    if gain is None:
                        reward = fresh * if_fresh + bored * if_bored
                    else:
                        lost = block[_LOST + j]
                        reward = fresh * max(if_fresh - lost, 0.0)
                        reward += bored * max(if_bored - lost, 0.0)
                    if hook is not None:
                        reward *= block[_KEEPS + j]
                    block[_VALUE + j] = value + reward
            for j in range(m):
                value, best, found = block[_VALUE + j], block[_BEST + j], block[_FOUND + j]
                # a tie goes to whoever speaks
                more = best - 1e-12 if block[_SPEAKS + j] == own else best + 1e-12
                better = (value > more) & (block[_THERE + j] >= 0.5)
                block[_BEST + j] = value if better else best
                block[_FOUND + j] = own if better else found
        for j in range(m):
            picks[first + j] = np.int64(block[_FOUND + j])


@dataclass
class MyopicPolicy:
    """Maximise the expected reward of the coming turn at the exact belief."""

    filter: Filter

    def initial_state(self, lanes: int, seed: int) -> Belief:
        return self.filter.start(lanes)

    def act(
        self, observation: NDArray[np.float32], state: Belief
    ) -> tuple[NDArray[np.int64], Belief]:
        columns, model = self.filter.columns, self.filter.model
        belief = self.filter.update(state, observation)
        picks = np.empty(len(observation), dtype=np.int64)
        farewell = -1 if columns.farewell is None else columns.farewell
        _myopic(
            belief.joint,
            belief.satiation,
            observation,
            (columns.persona.start, columns.available.start, columns.streak, farewell),
            model.fit,
            model.engagement,
            model.gain if model.has_satiation else None,
            None if columns.farewell is None else model.hook,
            model.swap_cost,
            picks,
        )
        return picks, belief
