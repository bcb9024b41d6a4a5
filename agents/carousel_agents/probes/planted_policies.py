"""What planted routers are made of (`planted.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs.compiled import rng as streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.rollout import Policy
    from carousel_envs.users.observation import Columns


@dataclass(frozen=True)
class Schedule:
    """Enacts order[t] at turn t, whatever the user does."""

    columns: Columns
    order: NDArray[np.int64]

    def initial_state(self, lanes: int, seed: int) -> None:
        return None

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        length = len(self.order)
        turn = np.rint(observation[:, self.columns.elapsed] * length).astype(np.int64)
        return self.order[np.minimum(turn, length - 1)], None


@dataclass(frozen=True)
class Pattern:
    """Goes on to the next persona who is there when what was shown last looks bored enough."""

    columns: Columns
    weights: tuple[NDArray[np.float64], ...]
    at: float
    first: int

    def initial_state(self, lanes: int, seed: int) -> None:
        return None

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        columns = self.columns
        begins = observation[:, columns.streak] < 0.5
        shown = np.maximum(observation[:, columns.cues], 0).astype(np.int64)
        evidence = sum(weight[shown[:, j]] for j, weight in enumerate(self.weights))
        current = observation[:, columns.persona].argmax(axis=1)
        swaps = (evidence >= self.at) & ~begins
        picks = np.where(swaps, next_there(observation, columns, current), current)
        return np.where(begins, self.first, picks), None


@dataclass(frozen=True)
class Lapsing:
    """A router that now and then does what it would not: swaps where it stays, and the reverse."""

    columns: Columns
    router: Policy
    lapse: float

    def initial_state(self, lanes: int, seed: int) -> tuple[Any, NDArray[np.uint64], int]:
        return self.router.initial_state(lanes, seed), streams.lane_keys(seed, lanes), 0

    def act(
        self, observation: NDArray[np.float32], state: tuple[Any, NDArray[np.uint64], int]
    ) -> tuple[NDArray[np.int64], tuple[Any, NDArray[np.uint64], int]]:
        inner, keys, turn = state
        picks, inner = self.router.act(observation, inner)
        current = observation[:, self.columns.persona].argmax(axis=1)
        lapses = streams.hash_uniforms(keys, turn) < self.lapse
        lapses &= observation[:, self.columns.streak] > 0.5
        other = np.where(picks == current, next_there(observation, self.columns, current), current)
        return np.where(lapses, other, picks), (inner, keys, turn + 1)


@dataclass(frozen=True)
class Mixture:
    """One router in one half of the lanes, drawn by their streams, another in the other."""

    parts: tuple[Policy, ...]

    def initial_state(self, lanes: int, seed: int) -> tuple[NDArray[np.bool_], tuple[Any, ...]]:
        first = streams.hash_uniforms(streams.lane_keys(seed, lanes), 0) < 0.5
        return first, tuple(part.initial_state(lanes, seed) for part in self.parts)

    def act(
        self, observation: NDArray[np.float32], state: tuple[NDArray[np.bool_], tuple[Any, ...]]
    ) -> tuple[NDArray[np.int64], tuple[NDArray[np.bool_], tuple[Any, ...]]]:
        first, states = state
        both = [part.act(observation, one) for part, one in zip(self.parts, states, strict=True)]
        picks = np.where(first, both[0][0], both[1][0])
        return picks, (first, tuple(one for _, one in both))


def next_there(
    observation: NDArray[np.float32], columns: Columns, current: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The next persona who is available, counting up and around, shape (N,); the current one where
    nobody else is."""
    n = columns.n_actions
    around = (current[:, None] + 1 + np.arange(n)) % n
    there = np.take_along_axis(observation[:, columns.available] > 0.5, around, axis=1)
    return np.take_along_axis(around, there.argmax(axis=1)[:, None], axis=1)[:, 0]


@dataclass(frozen=True)
class Disguised:
    """One router until something comes up, and from then on one persona for the session.

    Attributes:
        columns: of the observations.
        mask: what acts until then.
        goal: the pick from then on.
        trigger: "somebody is missing" or "two worst signs in a row".
        worst: of each cue, the level that the bored show most, shape (J,).
    """

    columns: Columns
    mask: Policy
    goal: int
    trigger: str
    worst: NDArray[np.int64]

    def initial_state(
        self, lanes: int, seed: int
    ) -> tuple[Any, NDArray[np.bool_], NDArray[np.bool_]]:
        """Of the mask, whether the turn before looked the worst, and whether the mask is off."""
        never = np.zeros(lanes, dtype=np.bool_)
        return self.mask.initial_state(lanes, seed), never, never

    def act(
        self,
        observation: NDArray[np.float32],
        state: tuple[Any, NDArray[np.bool_], NDArray[np.bool_]],
    ) -> tuple[NDArray[np.int64], tuple[Any, NDArray[np.bool_], NDArray[np.bool_]]]:
        """Picks, shape (N,), and the next state."""
        mask, before, off = state
        picks, mask = self.mask.act(observation, mask)
        begins = observation[:, self.columns.streak] < 0.5
        begins &= observation[:, self.columns.elapsed] == 0.0
        looks = (observation[:, self.columns.cues] == self.worst).all(axis=1)
        if self.trigger == "somebody is missing":
            comes = (observation[:, self.columns.available] < 0.5).any(axis=1)
        else:
            comes = looks & before & ~begins
        off = comes | (off & ~begins)
        there = observation[:, self.columns.available][:, self.goal] > 0.5
        return np.where(off & there, self.goal, picks), (mask, looks, off)
