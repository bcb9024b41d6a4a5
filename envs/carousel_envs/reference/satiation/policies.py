"""Policies for users who tire of personas, of kinds that are hidden.

Both weigh the kinds by the exact filter's belief, and know from it how sated each kind would be.
The Whittle policy takes any population; the relaxed plan asks that moods be certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...compiled import observations
from ...compiled.compiler import njit
from ..acting.policies import current_persona, session_begins, turns_played
from ..long_run.recovering import rebounding_index

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..acting.filtering import Belief, Filter
    from ..model import Model

_U = np.uint64

CERTAIN = 1e-6
"""Kinds less likely than this are left out of account."""


def moods_are_certain(model: Model) -> bool:
    """Whether every kind of user is always fresh, or always bored, with a persona, and leaves alike
    in both moods: then nothing is hidden but the kind."""
    fresh, bored = model.fit == 1.0, model.fit == 0.0
    settled = (bored | (fresh & (model.hazard == 0.0))).all()
    return bool(settled and (model.leave[:, 0] == model.leave[:, 1]).all())


def certain_engagement(model: Model) -> NDArray[np.float64]:
    """Chance of engagement with a rested persona where moods are certain, shape (types, K)."""
    fresh = model.fit == 1.0
    return np.where(fresh, model.engagement[:, :, 0], model.engagement[:, :, 1])


def tops(model: Model) -> NDArray[np.float64]:
    """Most satiation that each kind of user can reach, shape (types,)."""
    return np.maximum(model.memory / (1.0 - model.memory), 1e-6)


@njit
def read(row, satiation, top):  # type: ignore[no-untyped-def]
    """Linear interpolation on an even grid from 0 to top."""
    if satiation == 0.0:
        return row[0]
    n = row.shape[0]
    x = min(satiation, top) / top * (n - 1)
    g = min(int(x), n - 2)
    return row[g] + (x - g) * (row[g + 1] - row[g])


@njit
def _best_index(  # type: ignore[no-untyped-def]
    joint, satiation, observation, seen, length, fit, top, index, picks
):
    n_kinds, n_k = _U(fit.shape[0]), _U(fit.shape[1])
    persona, available, streak, elapsed = seen
    for i in range(_U(joint.shape[0])):
        begins = observation[i, _U(streak)] < 0.5
        current = _U(observations.largest(observation, i, persona, n_k))
        turn = _U(observations.share(observation, i, elapsed, length))
        best, found = -1e300, _U(0)
        for k in range(n_k):
            if observation[i, _U(available) + k] < 0.5:
                continue
            # the first pick costs no swap
            stays = not begins and k == current
            speaks = _U(begins or stays)
            value = 0.0
            for a in range(n_kinds):
                fresh, bored = joint[i, a, 0], joint[i, a, 1]
                if not stays:
                    kind = fresh + bored
                    fresh, bored = kind * fit[a, k], kind * (1.0 - fit[a, k])
                s = satiation[i, a, k] if satiation.shape[2] > 0 else 0.0
                if fresh > CERTAIN:
                    value += fresh * read(index[a, k, 0, turn, speaks], s, top[a])
                if bored > CERTAIN:
                    value += bored * read(index[a, k, 1, turn, speaks], s, top[a])
            if value > best:
                best, found = value, _U(k)
        picks[i] = found


@dataclass
class WhittlePolicy:
    """Enact the persona with the largest expected Whittle index (`recovery.rebounding_index`).

    The index of a persona in a mood leaves aside that the mood may change (hazard), so it is meant
    for populations in which satiation is what matters.

    Attributes:
        filter: what the router believes.
        index: shape (kinds, K, 2, T, 2, grid): axis 4: the persona rests, speaks.
    """

    filter: Filter
    index: NDArray[np.float64]

    @classmethod
    def of(cls, known: Filter) -> WhittlePolicy:
        """The policy for the model behind a filter, which should have few kinds of user
        (`Model.merged`): every kind, persona and mood has a table."""
        model = known.model
        found: dict[tuple[float, ...], NDArray[np.float64]] = {}
        rows = []
        for a in range(model.n_types):
            for k in range(model.n_actions):
                for mood in range(2):
                    engagement, gain = model.engagement[a, k, mood], model.gain[a, k]
                    # the mean of merged users may pass 1 by rounding
                    chances = min(engagement, 1.0), min(model.leave[a, mood], 1.0)
                    key = (chances[0], gain, model.memory[a], chances[1])
                    if key not in found:
                        cost = model.swap_cost
                        found[key] = rebounding_index(
                            *key[:3], model.length, swap_cost=cost, leave=key[3]
                        )
                    rows.append(found[key])
        shape = (model.n_types, model.n_actions, 2, *rows[0].shape)
        return cls(known, np.stack(rows).reshape(shape))

    def initial_state(self, lanes: int, seed: int) -> Belief:
        return self.filter.start(lanes)

    def act(
        self, observation: NDArray[np.float32], state: Belief
    ) -> tuple[NDArray[np.int64], Belief]:
        columns = self.filter.columns
        belief = self.filter.update(state, observation)
        picks = np.empty(len(observation), dtype=np.int64)
        _best_index(
            belief.joint,
            belief.satiation,
            observation,
            (columns.persona.start, columns.available.start, columns.streak, columns.elapsed),
            self.filter.model.length,
            self.filter.model.fit,
            tops(self.filter.model),
            self.index,
            picks,
        )
        return picks, belief


@njit
def _plan(  # type: ignore[no-untyped-def]
    joint,
    satiation,
    available,
    begins,
    turn,
    current,
    engagement,
    gain,
    memory,
    stay,
    top,
    tables,
    cost,
    sure,
    picks,
):
    """Overwrite the picks of those lanes in which some kind has at least the share `sure`."""
    n_kinds, n_k = engagement.shape
    for i in range(joint.shape[0]):
        most = 0.0
        for a in range(n_kinds):
            most = max(most, joint[i, a, 0] + joint[i, a, 1])
        if most < sure:
            continue
        best = -1e300
        for k in range(n_k):
            if available[i, k] < 0.5:
                continue
            value = 0.0 if begins[i] or k == current[i] else -cost
            for a in range(n_kinds):
                share = joint[i, a, 0] + joint[i, a, 1]
                if share <= CERTAIN:
                    continue
                s = satiation[i, a, k]
                ahead = tables[a, turn[i] + 1, k]
                # what speaking is worth beyond resting; the prices of the turn are the same for all
                speaks = read(ahead[1], memory[a] * (s + 1.0), top[a])
                gained = speaks - read(ahead[0], memory[a] * s, top[a])
                chance = max(engagement[a, k] - gain[a, k] * s, 0.0)
                value += share * (chance + stay[a] * gained)
            if value > best:
                best = value
                picks[i] = k


@dataclass
class RelaxedPlanPolicy:
    """Follow the Whittle index until the kind of user is likely enough, then plan for it.

    The plan maximises the coming reward and the relaxed value of what follows
    (`lagrangian.Relaxation`), in which every turn has a price of its own; kinds are weighed by the
    belief. It acts as if the kind were known from the next turn on, and so would never pay to find
    out; the index, which looks at each persona alone, tries those that may be liked.

    Attributes:
        explore: what acts before, and what the router believes.
        tables: of each kind's relaxation, shape (kinds, T + 1, K, 2, grid).
        sure: probability of the likeliest kind from which the plan is followed.
    """

    explore: WhittlePolicy
    tables: NDArray[np.float64]
    sure: float = 0.95

    def initial_state(self, lanes: int, seed: int) -> Belief:
        return self.explore.initial_state(lanes, seed)

    def act(
        self, observation: NDArray[np.float32], state: Belief
    ) -> tuple[NDArray[np.int64], Belief]:
        known = self.explore.filter
        columns, model = known.columns, known.model
        picks, belief = self.explore.act(observation, state)
        _plan(
            belief.joint,
            belief.satiation,
            observation[:, columns.available],
            session_begins(observation, columns),
            turns_played(observation, columns, model.length),
            current_persona(observation, columns),
            certain_engagement(model),
            model.gain,
            model.memory,
            1.0 - model.leave[:, 0],
            tops(model),
            self.tables,
            model.swap_cost,
            self.sure,
            picks,
        )
        return picks, belief
