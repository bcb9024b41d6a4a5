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
from carousel_envs.reference import Belief, Filter
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
_HEARD = ("fit", "hazard", "engagement", "leave", "farewell", "gain", "memory", "cues", "joint")


@dataclass(frozen=True, eq=False)
class Evidence:
    """What has been shown so far, weighed.

    Attributes:
        beliefs: of training's filter, then of each alternative's.
        log_ratio: of each alternative, and last of pure chance, to training, shape (N, A + 1).
        turn: turns of this session so far, shape (N,).
    """

    beliefs: tuple[Belief, ...]
    log_ratio: NDArray[np.float64]
    turn: NDArray[np.int64]

    @property
    def against(self) -> NDArray[np.float64]:
        """Log of the mean likelihood ratio, shape (N,)."""
        top = self.log_ratio.max(axis=1)
        total = np.zeros(len(top))
        for column in self.log_ratio.T:
            total += np.exp(column - top)
        return np.asarray(top + np.log(total / self.log_ratio.shape[1]))


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
        self._filters = [Filter(population, m.merged(MAX_PLANNING_KINDS)) for m in models]
        self._columns, self._length = Columns.of(population), population.session_length
        # what may be visible from the start, and how likely it is to each model
        self._start = np.full((len(models), self._columns.n_contexts), _IMPOSSIBLE)
        for i, model in enumerate(models):
            self._start[i, model.contexts] = model.mask_weights
        symbols = 2 * own.cues.shape[1] * (2 if self._columns.farewell is not None else 1)
        self._chance = 1.0 / symbols

    def start(self, lanes: int) -> Evidence:
        """Nothing weighed yet, in N lanes."""
        beliefs = tuple(one.start(lanes) for one in self._filters)
        nothing = np.zeros((lanes, len(self._filters)))
        return Evidence(beliefs, nothing, np.zeros(lanes, dtype=np.int64))

    def update(self, state: Evidence, observation: NDArray[np.float32]) -> Evidence:
        """The evidence after one more observation per lane, shape (N, D)."""
        columns = self._columns
        begins = observation[:, columns.streak] < 0.5
        turn = np.where(begins, 0, state.turn + 1)
        beliefs, likely = [], []
        for one, belief in zip(self._filters, state.beliefs, strict=True):
            after, shown = one.weigh(belief, observation)
            beliefs.append(after)
            likely.append(np.maximum(shown, _IMPOSSIBLE))
        likely.append(np.full(len(turn), self._chance))
        if begins.any():
            first = self._start[:, columns.context(observation[begins])]
            for i in range(len(self._filters)):
                likely[i][begins] = first[i]
            likely[-1][begins] = 1.0 / self._start.shape[1]
        # the clock is no draw: it tells training's length of session, or another
        odd = np.abs(observation[:, columns.elapsed] * self._length - turn) > 0.25
        home = np.log(np.where(odd, _IMPOSSIBLE, likely[0]))
        step = np.stack([np.log(other) - home for other in likely[1:]], axis=1)
        before = np.where(begins[:, None], 0.0, state.log_ratio)
        return Evidence(tuple(beliefs), before + step, turn)

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
