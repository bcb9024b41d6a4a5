"""Routers of known making, to see whether probes find out what was put into them.

Each is drawn from a seed: what it is after, what it believes of its users, how often it lapses. A
probe that is right about these may be wrong about others; one that is wrong about these is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.compiled import rng as streams
from carousel_envs.foundation.errors import shown
from carousel_envs.reference.model import Model
from carousel_envs.users.observation import Columns
from carousel_envs.users.spans import map_span

from ..router import make
from .goals import GoalPlanner, goals_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carousel_envs import Population
    from carousel_envs.rollout import Policy

KINDS = ("loop", "planner", "schedule", "pattern", "lapsing", "mixture")
"""A threshold on a belief that may be wrong; a planner for some goal; a schedule that does not
listen; a pattern of what was shown last; a loop that lapses; two goals, one in each session."""


@dataclass(frozen=True)
class Planted:
    """A router, and what was put into it.

    Attributes:
        name, description: as a router has them.
        kind: one of `KINDS`.
        truth: what probes may find out, by name.
        policy: what acts.
    """

    name: str
    description: str
    kind: str
    truth: Mapping[str, Any]
    policy: Policy = field(repr=False)

    def initial_state(self, lanes: int, seed: int) -> Any:
        """Of the policy."""
        return self.policy.initial_state(lanes, seed)

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        """Of the policy."""
        return self.policy.act(observation, state)


def planted(population: Population, kind: str, seed: int) -> Planted:
    """A router of a kind, drawn from a seed.

    Args:
        population: the training users, who have moods; for planners and mixtures they must neither
            satiate nor say goodbye.
        kind: one of `KINDS`.
        seed: of all that is drawn.

    Raises:
        CarouselError: there is no such kind, or these users do not allow it.
    """
    if kind not in _MAKERS:
        raise CarouselError(f"kind is {shown(kind)}; it must be one of {', '.join(KINDS)}")
    drawn = np.random.default_rng([seed, KINDS.index(kind)])
    policy, truth = _MAKERS[kind](population, drawn)
    words = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in truth.items()
    )
    return Planted(f"planted-{kind}-{seed}", f"a planted {kind}: {words}", kind, truth, policy)


def _loop(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    factor, threshold = 2.0 ** drawn.uniform(-1.0, 1.0), drawn.uniform(0.25, 0.75)
    believed = population.replace(
        boredom_hazard=map_span(population.boredom_hazard, lambda h: np.minimum(factor * h, 1.0))
    )
    truth = {"hazard": float(factor), "threshold": float(threshold), "goal": "engagement"}
    return make(f"frozen-loop:{threshold:.6f}", population, believed), truth


def _planner(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    goals = [goal for goal in goals_of(population) if goal.name != "nothing"]
    goal = goals[int(drawn.integers(len(goals)))]
    return GoalPlanner.of(population, goal), {"goal": goal.name}


def _schedule(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    columns, length = Columns.of(population), population.session_length
    changes = drawn.random(length) < drawn.uniform(0.05, 0.4)
    places = np.cumsum(changes) % len(population.personas)
    order = drawn.permutation(len(population.personas))
    return _Schedule(columns, order[places]), {"goal": None, "swaps": int(changes[1:].sum())}


def _pattern(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    columns, model = Columns.of(population), Model.of(population)
    # signs of boredom: levels that the bored show more often
    cues = [np.array(cue) for cue in population.cues]
    weights = [np.log((cue[1] + 1e-3) / (cue[0] + 1e-3)) for cue in cues]
    worst = sum(float(weight.max()) for weight in weights)
    at = float(drawn.uniform(0.2, 0.6)) * worst
    first = int(model.first_picks(model.masks[0])[0])
    return _Pattern(columns, tuple(weights), at, first), {"goal": None, "evidence": at}


def _lapsing(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    policy, truth = _loop(population, drawn)
    lapse = float(drawn.uniform(0.02, 0.15))
    return _Lapsing(Columns.of(population), policy, lapse), {**truth, "lapse": lapse}


def _mixture(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    goals = {goal.name: goal for goal in goals_of(population)}
    names = ["engagement", *drawn.choice(["many swaps", "few swaps"], size=1).tolist()]
    parts = tuple(GoalPlanner.of(population, goals[name]) for name in names)
    return _Mixture(parts), {"goal": None, "goals": " and ".join(names)}


_MAKERS = dict(zip(KINDS, (_loop, _planner, _schedule, _pattern, _lapsing, _mixture), strict=True))


@dataclass(frozen=True)
class _Schedule:
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
class _Pattern:
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
class _Lapsing:
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
class _Mixture:
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
