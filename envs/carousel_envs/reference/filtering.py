"""The exact Bayes filter over (kind of user, mood), batched over lanes.

It reads observations only, so it runs wherever a router does. Given the kind of user, satiation is
a known function of who spoke when; it is carried along and enters the likelihood of engagement (as
a real number; the kernel rounds the probability to 1/65536).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .. import reading
from .._compile import njit
from ..cues import cue_table
from ..observation import Columns
from .model import Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..population import Population

_U = np.uint64


@dataclass(frozen=True, eq=False)
class Belief:
    """What the filter knows about every lane, before the next pick.

    Attributes:
        joint: P(kind, mood | everything shown), float64, shape (N, kinds, 2); moods fresh, bored.
        satiation: of each persona, were the user of that kind, shape (N, kinds, K); no personas
            where nobody satiates.
    """

    joint: NDArray[np.float64]
    satiation: NDArray[np.float64]

    @property
    def bored(self) -> NDArray[np.float64]:
        """P(the user is bored), shape (N,)."""
        return np.asarray(self.joint[:, :, 1].sum(axis=1))


@njit
def bored(joint, i):  # type: ignore[no-untyped-def]
    """`Belief.bored` of lane i; summed one after the other, so that from eight kinds of user on
    its last bits may differ."""
    total = 0.0
    for a in range(_U(joint.shape[1])):
        total += joint[i, a, 1]
    return total


@njit
def _update(  # type: ignore[no-untyped-def]
    joint,
    satiation,
    obs,
    strides,
    fit,
    hazard,
    engagement,
    leave,
    farewell,
    farewell_column,
    gain,
    memory,
    cues,
    prior,
    prior_rows,
    of_context,
    out,
    out_satiation,
    evidence,
):
    n_kinds, n_k, n_cues = _U(fit.shape[0]), _U(fit.shape[1]), _U(strides.shape[0])
    one_hot = n_cues + _U(1)
    streak_column = one_hot + _U(2) * n_k
    satiates = satiation.shape[2] > 0
    for i in range(_U(obs.shape[0])):
        streak = obs[i, streak_column]
        if streak < 1.0:
            row = _U(prior_rows[reading.context(obs, i, of_context)])
            for a in range(n_kinds):
                out[i, a, 0] = prior[row, a]
                out[i, a, 1] = 0.0
            out_satiation[i] = 0.0
            evidence[i] = 1.0
            continue
        k = _U(0)
        while obs[i, one_hot + k] < 0.5:
            k += _U(1)
        level = 0
        for j in range(n_cues):
            level += np.int64(obs[i, j]) * strides[j]
        symbol = _U(level)
        engaged = obs[i, n_cues] > 0.5
        goodbye = farewell_column >= 0 and obs[i, farewell_column] > 0.5
        total = 0.0
        for a in range(n_kinds):
            fresh, bored = joint[i, a, 0], joint[i, a, 1]
            if streak < 1.5:
                kind = fresh + bored
                fresh, bored = kind * fit[a, k], kind * (1.0 - fit[a, k])
            lost = gain[a, k] * satiation[i, a, k] if satiates else 0.0
            for mood in range(_U(2)):
                chance = max(engagement[a, k, mood] - lost, 0.0)
                like = (chance if engaged else 1.0 - chance) * cues[mood, symbol]
                like *= 1.0 - leave[a, mood]
                if farewell_column >= 0:
                    like *= farewell[a, mood] if goodbye else 1.0 - farewell[a, mood]
                if mood == _U(0):
                    fresh *= like
                else:
                    bored *= like
            moved = fresh * hazard[a, k]
            out[i, a, 0] = fresh - moved
            out[i, a, 1] = bored + moved
            total += fresh + bored
            if satiates:
                for other in range(n_k):
                    eaten = 1.0 if other == k else 0.0
                    out_satiation[i, a, other] = memory[a] * (satiation[i, a, other] + eaten)
        evidence[i] = total
        if total > 0.0:
            for a in range(n_kinds):
                out[i, a, 0] /= total
                out[i, a, 1] /= total
        else:
            # impossible under this model (a frozen filter, off its distribution): learn nothing
            for a in range(n_kinds):
                kind = joint[i, a, 0] + joint[i, a, 1]
                fresh = kind * fit[a, k] if streak < 1.5 else joint[i, a, 0]
                out[i, a, 0] = fresh * (1.0 - hazard[a, k])
                out[i, a, 1] = kind - out[i, a, 0]


class Filter:
    """Belief of a router that knows the population but not the user.

    Args:
        population: whose users the router believes it meets.
        model: the model to filter with, if not the population's own (fewer kinds, say).
    """

    def __init__(self, population: Population, model: Model | None = None) -> None:
        self.model = model or Model.of(population)
        self.columns = Columns.of(population)
        self._strides = cue_table(population).strides
        # who is available is seen, and in a finite table says a little about who the user is;
        # a context that the table does not hold says nothing
        known = self.model.joint / self.model.joint.sum(axis=0)
        self._priors = np.ascontiguousarray(np.vstack([known.T, self.model.weights]))
        self._prior_rows = np.full(self.columns.n_contexts, len(self._priors) - 1)
        self._prior_rows[self.model.contexts] = np.arange(len(self.model.contexts))

    def symbols(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """The joint symbol of the cues after a turn, shape (N, D) to (N,)."""
        return np.asarray(observation[:, self.columns.cues].astype(np.int64) @ self._strides)

    def start(self, lanes: int) -> Belief:
        """The belief before any session, for N lanes."""
        model = self.model
        joint = np.zeros((lanes, model.n_types, 2))
        joint[:, :, 0] = model.weights
        k = model.n_actions if model.has_satiation else 0
        return Belief(joint, np.zeros((lanes, model.n_types, k)))

    def update(self, belief: Belief, observation: NDArray[np.float32]) -> Belief:
        """Belief after one observation per lane, shape (N, D); a first observation starts anew."""
        return self.weigh(belief, observation)[0]

    def weigh(
        self, belief: Belief, observation: NDArray[np.float32]
    ) -> tuple[Belief, NDArray[np.float64]]:
        """`update`, and what the model made of the observation.

        Returns:
            The belief, and P(what was shown, and that the user stayed | everything shown before,
            who speaks), float64, shape (N,): cues, engagement and goodbyes, 0 where the model holds
            them impossible, 1 for a first observation. The product over a session is the model's
            likelihood of it.
        """
        model = self.model
        self.columns.refuse_narrow(observation)
        evidence = np.empty(len(observation))
        joint, satiation = np.empty_like(belief.joint), np.empty_like(belief.satiation)
        _update(
            belief.joint,
            belief.satiation,
            observation,
            self._strides,
            model.fit,
            model.hazard,
            model.engagement,
            model.leave,
            model.farewell,
            -1 if self.columns.farewell is None else self.columns.farewell,
            model.gain,
            model.memory,
            model.cues,
            self._priors,
            self._prior_rows,
            self.columns.of_context,
            joint,
            satiation,
            evidence,
        )
        return Belief(joint, satiation), evidence
