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

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import Columns
from carousel_envs.compiled import observations
from carousel_envs.compiled.compiler import njit, part
from carousel_envs.reference.acting.filtering import Belief, Filters
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
        log_ratio: of each alternative, and last of pure chance, to training, shape (N, A + 1).
        turn: turns of this session so far, shape (N,).
    """

    belief: Belief
    log_ratio: NDArray[np.float64]
    turn: NDArray[np.int64]

    @property
    def against(self) -> NDArray[np.float64]:
        """Log of the mean likelihood ratio, shape (N,)."""
        found = np.empty(len(self.log_ratio))
        _log_means(self.log_ratio, found)
        return found

    def passes(self, threshold: float) -> NDArray[np.bool_]:
        """Whether `against` is larger, shape (N,); it is worked out only where that may be."""
        found = np.empty(len(self.log_ratio), dtype=np.bool_)
        _pass(self.log_ratio, threshold, found)
        return found


@part
def _log_mean(logs, i):  # type: ignore[no-untyped-def]
    """Log of the mean of the exponentials in row i."""
    top = -np.inf
    for r in range(_U(logs.shape[1])):
        top = max(top, logs[i, r])
    total = 0.0
    for r in range(_U(logs.shape[1])):
        total += np.exp(logs[i, r] - top)
    return top + np.log(total / logs.shape[1])


@njit
def _log_means(logs, found):  # type: ignore[no-untyped-def]
    for i in range(_U(logs.shape[0])):
        found[i] = _log_mean(logs, i)


@njit
def _pass(logs, threshold, found):  # type: ignore[no-untyped-def]
    for i in range(_U(logs.shape[0])):
        # a mean is at most the largest of all, also as they are rounded
        near = False
        for r in range(_U(logs.shape[1])):
            near |= logs[i, r] > threshold
        found[i] = near and _log_mean(logs, i) > threshold


@njit
def _hold_possible(likely):  # type: ignore[no-untyped-def]
    for x in range(_U(likely.shape[0])):
        likely[x] = _IMPOSSIBLE if likely[x] < _IMPOSSIBLE else likely[x]


@njit
def _clock(observation, seen, length, start, before, turn, likely):  # type: ignore[no-untyped-def]
    """Count turns, and correct what models hold likely, shape (N, models).

    Where a session begins, that is what may be visible from the start. The clock is no draw: it
    tells training's length of session, or another, which training holds impossible.
    """
    streak, elapsed, of_context = seen
    whole = observation.dtype.type(length)
    for i in range(_U(observation.shape[0])):
        turn[i] = before[i] + 1
        if observation[i, _U(streak)] < 0.5:
            turn[i] = 0
            context = _U(observations.context(observation, i, of_context))
            for r in range(_U(start.shape[1])):
                likely[i, r] = start[context, r]
        if abs(np.float64(observation[i, _U(elapsed)] * whole) - turn[i]) > 0.25:
            likely[i, _U(0)] = _IMPOSSIBLE


@njit
def _weigh(logs, chances, turn, before):  # type: ignore[no-untyped-def]
    """Add the logs of likelihoods, less training's, which come first, to those of each ratio.

    Args:
        logs: of what models hold likely, shape (N, models); the ratios take their place.
        chances: the same of pure chance where a session begins, and of a turn.
    """
    last = _U(logs.shape[1] - 1)
    for i in range(_U(logs.shape[0])):
        begins, own = turn[i] == 0, logs[i, _U(0)]
        for r in range(last):
            so_far = 0.0 if begins else before[i, r]
            logs[i, r] = so_far + (logs[i, r + _U(1)] - own)
        so_far, chance = before[i, last], chances[1]
        if begins:
            so_far, chance = 0.0, chances[0]
        logs[i, last] = so_far + (chance - own)


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
        self._start = np.full((self._columns.n_contexts, len(models)), _IMPOSSIBLE)
        for i, model in enumerate(models):
            self._start[model.contexts, i] = model.mask_weights
        symbols = 2 * own.cues.shape[1] * (2 if self._columns.farewell is not None else 1)
        begins, turn = np.log([1.0 / self._columns.n_contexts, 1.0 / symbols]).tolist()
        self._chances = (begins, turn)

    def start(self, lanes: int) -> Evidence:
        """Nothing weighed yet, in N lanes."""
        nothing = np.zeros((lanes, len(self._filters.models)))
        return Evidence(self._filters.start(lanes), nothing, np.zeros(lanes, dtype=np.int64))

    def update(self, state: Evidence, observation: NDArray[np.float32]) -> Evidence:
        """The evidence after one more observation per lane, shape (N, D).

        Raises:
            CarouselError: see `Filters.weigh`.
        """
        columns, turn = self._columns, np.empty_like(state.turn)
        # refuses observations that are not of these lanes, which would be read past their end below
        belief, likely = self._filters.weigh(state.belief, observation)
        _hold_possible(likely.reshape(-1))
        seen = columns.streak, columns.elapsed, columns.of_context
        _clock(observation, seen, self._length, self._start, state.turn, turn, likely)
        logs = np.log(likely, out=likely)
        _weigh(logs, self._chances, turn, state.log_ratio)
        return Evidence(belief, logs, turn)

    def heard_by(self, model: Model) -> bool:
        """Whether training's filter is this model's."""
        return not _differ(self._filters.models[0], model, [field.name for field in fields(Model)])

    def own(self, evidence: Evidence) -> Belief:
        """What training's filter alone believes."""
        n, belief = self._filters.models[0].n_types, evidence.belief
        joint, satiation = belief.joint[:, :n], belief.satiation[:, :n]
        # loops over kinds of user become vectors where these lie side by side
        return Belief(joint if n == 1 else joint.copy(), satiation)

    def threshold(
        self, population: Population, policy: Policy, rate: float, sessions: int
    ) -> float:
        """The value of `Evidence.against` that a share `rate` of training sessions passes.

        Plays sessions with streams from `streams.CALIBRATION` on.

        Args:
            population: the training users.
            policy: what plays.
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
        # not `rollout`, which returns sums: the evidence after every turn is needed
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
    """Models of those shifted users that differ from training in what they show."""
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
