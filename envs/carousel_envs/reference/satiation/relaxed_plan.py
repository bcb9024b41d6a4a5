"""The relaxed plan, for hidden kinds of user who satiate and whose moods are certain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ...compiled import observations
from ...compiled.compiler import inlined, njit
from ..acting.belief_policies import BeliefPolicy
from ..acting.readings import column_numbers
from .certain_moods import certain_engagement, tops
from .problem import interpolate
from .whittle import CERTAIN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..acting.filtering import Belief, Filter
    from .whittle import WhittlePolicy


class _Tables(NamedTuple):
    """What `_plan` reads.

    Attributes:
        engagement, gain: shape (kinds, K).
        memory, stay, top: share of satiation kept, P(the user stays) and largest satiation, shape
            (kinds,).
        tables: as in `RelaxedPlanPolicy`.
        swap_cost, length: of the population.
    """

    engagement: NDArray[np.float64]
    gain: NDArray[np.float64]
    memory: NDArray[np.float64]
    stay: NDArray[np.float64]
    top: NDArray[np.float64]
    tables: NDArray[np.float64]
    swap_cost: float
    length: int

    @classmethod
    def of(cls, known: Filter, tables: NDArray[np.float64]) -> _Tables:
        """The tables of the users that a filter believes in."""
        model = known.model
        return cls(
            engagement=certain_engagement(model),
            gain=model.gain,
            memory=model.memory,
            stay=1.0 - model.leave[:, 0],
            top=tops(model),
            tables=tables,
            swap_cost=model.swap_cost,
            length=model.length,
        )


@inlined
def _worth(joint, satiation, i, k, turn, value, tables):  # type: ignore[no-untyped-def]
    """`value` plus the coming reward of persona k in lane i, plus the relaxed value of enacting it
    beyond that of resting it (the prices of the turn are the same for all personas)."""
    for a in range(joint.shape[1]):
        share = joint[i, a, 0] + joint[i, a, 1]
        if share <= CERTAIN:
            continue
        s, memory, top = satiation[i, a, k], tables.memory[a], tables.top[a]
        ahead = tables.tables[a, turn + 1, k]
        active = interpolate(ahead[1], memory * (s + 1.0), top)
        gained = active - interpolate(ahead[0], memory * s, top)
        chance = max(tables.engagement[a, k] - tables.gain[a, k] * s, 0.0)
        value += share * (chance + tables.stay[a] * gained)
    return value


@njit
def _plan(joint, satiation, observation, columns, tables, sure, picks):  # type: ignore[no-untyped-def]
    """Overwrite the picks of lanes in which some kind has at least the probability `sure`."""
    n_k = columns.n_actions
    for i in range(joint.shape[0]):
        most = 0.0
        for a in range(joint.shape[1]):
            most = max(most, joint[i, a, 0] + joint[i, a, 1])
        if most < sure:
            continue
        begins = observation[i, columns.streak] < 0.5
        current = observations.largest(observation, i, columns.persona, n_k)
        turn = observations.share(observation, i, columns.elapsed, tables.length)
        best = -1e300
        for k in range(n_k):
            if observation[i, columns.available + k] < 0.5:
                continue
            price = 0.0 if begins or k == current else -tables.swap_cost
            value = _worth(joint, satiation, i, k, turn, price, tables)
            if value > best:
                best = value
                picks[i] = k


@dataclass
class RelaxedPlanPolicy(BeliefPolicy):
    """Follow the Whittle index until one kind of user is likely enough, then plan for it.

    The plan maximises the coming reward plus the relaxed value of what follows
    (`lagrangian.Relaxation`), in which every turn has its own price; kinds are weighted by the
    belief. It acts as if the kind were known from the next turn on, and so never pays for
    information; the index, which values each persona separately, explores.

    Attributes:
        explore: the policy until then, with the same filter.
        tables: of each kind's relaxation, shape (kinds, T + 1, K, 2, grid).
        sure: probability of the likeliest kind from which the plan is followed.
    """

    explore: WhittlePolicy
    tables: NDArray[np.float64]
    sure: float = 0.95
    _tables: _Tables = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._tables = _Tables.of(self.filter, self.tables)

    def pick(self, observation: NDArray[np.float32], belief: Belief) -> NDArray[np.int64]:
        """Personas to enact at this belief, shape (N,)."""
        picks = self.explore.pick(observation, belief)
        columns = column_numbers(self.filter.columns)
        _plan(
            *(belief.joint, belief.satiation, observation),
            *(columns, self._tables, self.sure, picks),
        )
        return picks
