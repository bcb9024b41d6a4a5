"""The relaxed plan, for hidden kinds of user who satiate and get bored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ...compiled import observations
from ...compiled.compiler import njit, part
from ..acting.belief_policies import BeliefPolicy
from ..acting.readings import column_numbers, goodbyes
from .certain_moods import tops
from .moody_relaxation import BORED, FRESH, RESTS
from .problem import interpolate
from .whittle import CERTAIN

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..acting.filtering import Belief
    from .whittle import WhittlePolicy


class _Tables(NamedTuple):
    """What `_plan` reads: of the users in a `Model`, and of `MoodyPlanPolicy`.

    Attributes:
        fit, hazard, gain, engagement, leave, memory, hook, swap_cost, length: as in `Model`.
        top: largest satiation of each kind, shape (kinds,).
        tables, dues, sure: as in `MoodyPlanPolicy`.
    """

    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    gain: NDArray[np.float64]
    engagement: NDArray[np.float64]
    leave: NDArray[np.float64]
    memory: NDArray[np.float64]
    hook: NDArray[np.float64]
    swap_cost: float
    length: int
    top: NDArray[np.float64]
    tables: NDArray[np.float64]
    dues: NDArray[np.float64]
    sure: float


@part
def _of_kind(a, k, moods, satiation, turn, tables):  # type: ignore[no-untyped-def]
    """What enacting persona k is worth with users of kind a: of the coming turn, and of those after
    it if kind and mood were known then. `moods` are P(fresh) and P(bored) in the coming turn."""
    memory, top = tables.memory[a], tables.top[a]
    ahead = tables.tables[a, turn + 1]
    later = tables.dues[a, turn + 1]
    for j in range(ahead.shape[0]):
        if j != k:
            later += interpolate(ahead[j, RESTS], memory * satiation[j], top)
    s = satiation[k]
    fresh = interpolate(ahead[k, FRESH], memory * (s + 1.0), top)
    bored = interpolate(ahead[k, BORED], memory * (s + 1.0), top)
    fresh += tables.hazard[a, k] * (bored - fresh)
    lost = tables.gain[a, k] * s
    if_fresh = max(tables.engagement[a, k, 0] - lost, 0.0)
    if_bored = max(tables.engagement[a, k, 1] - lost, 0.0)
    if_fresh += (1.0 - tables.leave[a, 0]) * (fresh + later)
    if_bored += (1.0 - tables.leave[a, 1]) * (bored + later)
    return moods[0] * if_fresh + moods[1] * if_bored


@part
def _likeliest(joint, i):  # type: ignore[no-untyped-def]
    """Probability of the likeliest kind in lane i."""
    most = 0.0
    for a in range(joint.shape[1]):
        most = max(most, joint[i, a, 0] + joint[i, a, 1])
    return most


@njit
def _plan(joint, satiation, observation, said, columns, tables, picks):  # type: ignore[no-untyped-def]
    """Overwrite the picks of lanes in which some kind is likely enough (`tables.sure`)."""
    n_k = columns.n_actions
    for i in range(joint.shape[0]):
        if _likeliest(joint, i) < tables.sure:
            continue
        begins = observation[i, columns.streak] < 0.5
        current = observations.largest(observation, i, columns.persona, n_k)
        turn = observations.share(observation, i, columns.elapsed, tables.length)
        best = -1e300
        for k in range(n_k):
            if observation[i, columns.available + k] < 0.5:
                continue
            stays, value = not begins and k == current, 0.0
            for a in range(joint.shape[1]):
                share = joint[i, a, 0] + joint[i, a, 1]
                if share > CERTAIN:
                    fresh = joint[i, a, 0] if stays else share * tables.fit[a, k]
                    moods = (fresh, share - fresh)
                    value += _of_kind(a, k, moods, satiation[i, a], turn, tables)
            value *= tables.hook[k] if said[i] else 1.0
            value -= 0.0 if begins or stays else tables.swap_cost
            if value > best:
                best = value
                picks[i] = k


@dataclass
class MoodyPlanPolicy(BeliefPolicy):
    """Maximise the coming reward plus the relaxed value of what follows (`MoodyRelaxation`), kinds
    and moods weighted by the belief, as if they were known from the next turn on.

    Such a plan never pays for information. Until some kind is likely enough, the Whittle index may
    explore instead.

    Attributes:
        explore: the policy until then, with the same filter.
        tables: of each kind's relaxation with all personas, shape (kinds, T + 1, K, 3, grid).
        dues: of each kind's relaxation, shape (kinds, T + 1).
        sure: probability of the likeliest kind from which the plan is followed; 0: always.
    """

    explore: WhittlePolicy
    tables: NDArray[np.float64]
    dues: NDArray[np.float64]
    sure: float = 0.0
    _tables: _Tables = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        model = self.filter.model
        names = _Tables._fields[: _Tables._fields.index("top")]
        users = {name: getattr(model, name) for name in names}
        self._tables = _Tables(
            **users, top=tops(model), tables=self.tables, dues=self.dues, sure=self.sure
        )

    def pick(self, observation: NDArray[np.float32], belief: Belief) -> NDArray[np.int64]:
        """Personas to enact at this belief, shape (N,)."""
        columns, picks = self.filter.columns, self.explore.pick(observation, belief)
        said = goodbyes(observation, columns)
        numbers = column_numbers(columns)
        seen = (belief.joint, belief.satiation, observation, said)
        _plan(*seen, numbers, self._tables, picks)
        return picks
