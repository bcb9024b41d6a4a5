"""A sequential test of one thing: are these the users of training?

The statistic is a likelihood ratio. Of every observation so far it asks how likely the training
users were to show it (the exact filter of training), and how likely the users of each shift of the
suite at severity 1, and users of whom everything is equally likely, were. The log of the mean ratio
over these alternatives grows where any of them fits better than training. What training holds
impossible (a repertoire or a session length never met) counts at once.

In training the ratio is a martingale from 1, so it passes 1/a in a share of at most a of sessions,
whatever the alternatives (Ville's inequality). The threshold used is lower: the quantile of the
largest ratio of a session, over training sessions played by the policy that will play.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import Columns
from carousel_envs._compile import njit
from carousel_envs.reference.filtering import Belief, Filters
from carousel_envs.reference.model import Model
from carousel_envs.reference.reference import MAX_PLANNING_KINDS
from carousel_envs.registry import vector_env
from carousel_envs.shifts import SHIFTS

from . import streams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carousel_envs import Population
    from carousel_envs.rollout import Policy

LANES = 4096
_IMPOSSIBLE = 1e-300
_U = np.uint64
_HEARD = ("fit", "hazard", "engagement", "leave", "farewell", "gain", "memory", "cues", "joint")


@dataclass(frozen=True, eq=False)
class Evidence:
    """What has been shown so far, weighed.

    Attributes:
        belief: of training's filter, then of each alternative's, side by side.
        log_ratio: of each alternative, and last of pure chance, to training, shape (N, A + 1); the
            lanes of one lie side by side in memory.
        turn: turns of this session so far, shape (N,).
    """

    belief: Belief
    log_ratio: NDArray[np.float64]
    turn: NDArray[np.int64]

    @property
    def against(self) -> NDArray[np.float64]:
        """Log of the mean likelihood ratio, shape (N,)."""
        return _log_mean(self.log_ratio)

    def passes(self, threshold: float) -> NDArray[np.bool_]:
        """Whether `against` is larger, shape (N,); it is worked out only where that may be."""
        # a mean is at most the largest of all, also as they are rounded
        found: NDArray[np.bool_] = self.log_ratio.max(axis=1) > threshold
        near = np.flatnonzero(found)
        found[near] = _log_mean(self.log_ratio[near]) > threshold
        return found


def _log_mean(logs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log of the mean of each row's exponentials, (N, A) to (N,)."""
    top = logs.max(axis=1)
    total = np.zeros(len(top))
    for column in logs.T:
        total += np.exp(column - top)
    return np.asarray(top + np.log(total / logs.shape[1]))


@njit
def _clock(observation, streak, elapsed, length, before, turn, begins, likely):  # type: ignore[no-untyped-def]
    """Count turns, and hold what training holds impossible: another length of session.

    The clock is no draw: it tells training's length of session, or another.
    """
    whole = observation.dtype.type(length)
    for i in range(_U(observation.shape[0])):
        begins[i] = observation[i, _U(streak)] < 0.5
        turn[i] = 0 if begins[i] else before[i] + 1
        if abs(np.float64(observation[i, _U(elapsed)] * whole) - turn[i]) > 0.25:
            likely[i] = _IMPOSSIBLE


@njit
def _weigh(logs, begins, before, after):  # type: ignore[no-untyped-def]
    """Add the logs of likelihoods, less training's, which come first, to those of each ratio."""
    for r in range(_U(after.shape[0])):
        for i in range(_U(after.shape[1])):
            so_far = 0.0 if begins[i] else before[r, i]
            after[r, i] = so_far + (logs[r + _U(1), i] - logs[_U(0), i])


class TrainingTest:
    """The test for the users of a population.

    Args:
        population: the training users.

    Attributes:
        alternatives: names of the shifts that are weighed against training.
    """

    def __init__(self, population: Population) -> None:
        own = Model.of(population)
        others = _alternatives(population, own)
        self.alternatives = tuple(others)
        models = (own, *others.values())
        self._filters = Filters(population, [m.merged(MAX_PLANNING_KINDS) for m in models])
        self._columns, self._length = Columns.of(population), population.session_length
        # what may be visible from the start, and how likely it is to each model
        self._start = np.full((len(models), self._columns.n_contexts), _IMPOSSIBLE)
        for i, model in enumerate(models):
            self._start[i, model.contexts] = model.mask_weights
        symbols = 2 * own.cues.shape[1] * (2 if self._columns.farewell is not None else 1)
        self._chance = 1.0 / symbols

    def start(self, lanes: int) -> Evidence:
        """Nothing weighed yet, in N lanes."""
        nothing = np.zeros((len(self._filters.models), lanes))
        return Evidence(self._filters.start(lanes), nothing.T, np.zeros(lanes, dtype=np.int64))

    def update(self, state: Evidence, observation: NDArray[np.float32]) -> Evidence:
        """The evidence after one more observation per lane, shape (N, D).

        Raises:
            CarouselError: see `Filters.weigh`.
        """
        columns, n_models = self._columns, len(self._filters.models)
        # refuses observations that are not of these lanes, which would be read past their end below
        belief, shown = self._filters.weigh(state.belief, observation)
        # training's, the alternatives', that of pure chance
        likely = np.empty((n_models + 1, len(observation)))
        np.maximum(shown.T, _IMPOSSIBLE, out=likely[:-1])
        likely[-1] = self._chance
        turn, begins = np.empty_like(state.turn), np.empty(len(observation), dtype=np.bool_)
        first = np.flatnonzero(observation[:, columns.streak] < 0.5)
        if len(first):
            likely[:-1, first] = self._start[:, columns.context(observation[first])]
            likely[-1, first] = 1.0 / self._start.shape[1]
        _clock(
            observation,
            columns.streak,
            columns.elapsed,
            self._length,
            state.turn,
            turn,
            begins,
            likely[0],
        )
        ratios = np.empty((n_models, len(observation)))
        _weigh(np.log(likely, out=likely), begins, state.log_ratio.T, ratios)
        return Evidence(belief, ratios.T, turn)

    def threshold(
        self, population: Population, policy: Policy, rate: float, sessions: int
    ) -> float:
        """The value of `Evidence.against` that a share `rate` of training sessions passes.

        Plays sessions with streams from `streams.CALIBRATION` on.

        Args:
            population: the training users.
            policy: who plays.
            rate: false alarms per session.
            sessions: how many to play.
        """
        peaks = [
            self._peaks(population, policy, first, min(LANES, sessions - first))
            for first in range(0, sessions, LANES)
        ]
        return float(np.quantile(np.concatenate(peaks), 1.0 - rate, method="higher"))

    def _peaks(
        self, population: Population, policy: Policy, first: int, lanes: int
    ) -> NDArray[np.float64]:
        """The largest value of each session."""
        seed, users = streams.CALIBRATION + first, (first + np.arange(lanes)) % population.n_users
        env = vector_env(population, lanes)
        observation, _ = env.reset(seed=seed, options={"user": users})
        state, evidence = policy.initial_state(lanes, seed), self.start(lanes)
        peak, alive = np.full(lanes, -np.inf), np.ones(lanes, dtype=np.bool_)
        while alive.any():
            evidence = self.update(evidence, observation)
            peak = np.where(alive, np.maximum(peak, evidence.against), peak)
            picks, state = policy.act(observation, state)
            observation, _, terminated, truncated, _ = env.step(picks)
            alive &= ~(terminated | truncated)
        return peak


def _alternatives(population: Population, own: Model) -> dict[str, Model]:
    """Models of the shifted users who can be told from training by what they show."""
    found: dict[str, Model] = {}
    for name, shift in SHIFTS.items():
        if shift.obstacle(population):
            continue
        shifted = shift.apply(population, 1.0)
        same = Columns.of(shifted) == Columns.of(population)
        other = Model.of(shifted)
        if same and _differ(own, other, _HEARD):
            found[name] = other
    return found


def _differ(one: Model, other: Model, names: Sequence[str]) -> bool:
    return not all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
