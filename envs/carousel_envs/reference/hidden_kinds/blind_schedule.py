"""The best schedule for several kinds of user: what a router earns that hears nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .kinds_search import search_kinds
from .turns import Turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .kinds_problem import KindsProblem

_CLOSE = 1e-6
"""Share of the bounds at which the best schedule counts as found."""


@dataclass(frozen=True)
class _Close:
    """Who watches: nobody is told, and an interrupt is one."""

    def ended(self, lower: float, upper: float) -> bool:
        return upper - lower <= _CLOSE * abs(upper)

    def interrupted(self) -> None:
        raise KeyboardInterrupt


def blind_schedule(problem: KindsProblem, *, work: float = 1.5e8) -> NDArray[np.int64]:
    """Best schedule found, shape (T,): the plan of a router that cannot tell observations apart.

    Users who say goodbye are taken for users who do not: whether one has just done so would be one
    more hidden thing.
    """
    turns = Turns.of(problem._replace(farewell=None, hook=None))
    deaf = turns._replace(
        heard=np.ascontiguousarray(turns.heard.sum(axis=1, keepdims=True)),
        odds=np.array([0.5]),
        mass=np.array([[0.0, 1.0], [0.0, 1.0]]),
    )
    found = search_kinds(deaf, problem.weights / problem.weights.sum(), watch=_Close(), work=work)
    archive, name = found.search.archive, found.root
    schedule = np.zeros(problem.length, dtype=np.int64)
    for t in range(problem.length):
        schedule[t] = archive.persona[name]
        if t + 1 == problem.length:
            break
        name = int(archive.follow[archive.first[name]])
    return schedule
