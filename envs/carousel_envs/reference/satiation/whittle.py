"""The Whittle policy, for hidden kinds of user who satiate."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled import observations
from ...compiled.compiler import njit
from ..acting.belief_policies import BeliefPolicy
from ..acting.readings import column_numbers
from ..long_run.recovering import ReboundingPersona, rebounding_index
from .certain_moods import tops
from .problem import interpolate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..acting.filtering import Belief, Filter

_U = np.uint64

CERTAIN = 1e-6
"""Kinds less likely than this are ignored."""


class _Tables(NamedTuple):
    """What `_pick_by_index` reads.

    Attributes:
        fit: shape (kinds, K).
        top: largest satiation of each kind, shape (kinds,).
        indices: the index of `WhittlePolicy`.
    """

    fit: NDArray[np.float64]
    top: NDArray[np.float64]
    indices: NDArray[np.float64]


@njit
def _pick_by_index(joint, satiation, observation, columns, tables, picks):  # type: ignore[no-untyped-def]
    n_k, length = _U(tables.fit.shape[1]), tables.indices.shape[3]
    for i in range(_U(joint.shape[0])):
        begins = observation[i, _U(columns.streak)] < 0.5
        current = _U(observations.largest(observation, i, columns.persona, n_k))
        turn = _U(observations.share(observation, i, columns.elapsed, length))
        best, found = -1e300, _U(0)
        for k in range(n_k):
            if observation[i, _U(columns.available) + k] < 0.5:
                continue
            # the first pick costs no swap
            stays = not begins and k == current
            active = _U(begins or stays)
            value = 0.0
            for a in range(_U(tables.fit.shape[0])):
                fresh, bored = joint[i, a, 0], joint[i, a, 1]
                if not stays:
                    kind = fresh + bored
                    fresh, bored = kind * tables.fit[a, k], kind * (1.0 - tables.fit[a, k])
                s = satiation[i, a, k] if satiation.shape[2] > 0 else 0.0
                if fresh > CERTAIN:
                    row = tables.indices[a, k, 0, turn, active]
                    value += fresh * interpolate(row, s, tables.top[a])
                if bored > CERTAIN:
                    row = tables.indices[a, k, 1, turn, active]
                    value += bored * interpolate(row, s, tables.top[a])
            if value > best:
                best, found = value, _U(k)
        picks[i] = found


@dataclass
class WhittlePolicy(BeliefPolicy):
    """Enact the persona with the largest expected Whittle index (`recovering.rebounding_index`).

    Kinds of user are weighted by the belief. The index of a persona in a mood ignores that the mood
    may change (hazard), so the policy is meant for populations in which satiation dominates.

    Attributes:
        index: shape (kinds, K, 2, T, 2, grid); axis 2: fresh, bored; axis 4: resting, active.
    """

    index: NDArray[np.float64]
    _tables: _Tables = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        model = self.filter.model
        self._tables = _Tables(model.fit, tops(model), self.index)

    @classmethod
    def of(cls, known: Filter) -> WhittlePolicy:
        """The policy for the model of a filter, which should have few kinds of user
        (`Model.merged`): there is a table for every kind, persona and mood."""
        model = known.model
        found: dict[tuple[float, ...], NDArray[np.float64]] = {}
        rows = []
        for a in range(model.n_types):
            for k in range(model.n_actions):
                for mood in range(2):
                    engagement, gain = model.engagement[a, k, mood], model.gain[a, k]
                    # the mean of merged users may exceed 1 by rounding
                    chances = min(engagement, 1.0), min(model.leave[a, mood], 1.0)
                    key = (chances[0], gain, model.memory[a], chances[1])
                    if key not in found:
                        found[key] = rebounding_index(
                            ReboundingPersona(*key[:3], model.length, model.swap_cost, key[3])
                        )
                    rows.append(found[key])
        shape = (model.n_types, model.n_actions, 2, *rows[0].shape)
        return cls(known, np.stack(rows).reshape(shape))

    def pick(self, observation: NDArray[np.float32], belief: Belief) -> NDArray[np.int64]:
        """Personas to enact at this belief, shape (N,)."""
        columns, picks = column_numbers(self.filter.columns), np.empty(len(observation), np.int64)
        _pick_by_index(belief.joint, belief.satiation, observation, columns, self._tables, picks)
        return picks
