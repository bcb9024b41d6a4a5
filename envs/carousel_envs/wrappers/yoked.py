"""The feedback of another session in place of one's own."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode

from ..foundation.errors import CarouselError
from ..spec import model_of
from ..users.kernel_rows import begin_alike
from ..users.observation import Columns, first_rows
from ..users.table import MANY
from ..users.vector import CarouselVectorEnv
from .forms import Info, LaneWrapper
from .observers import Observer, ScalarObserver, VectorObserver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..users.population import Population
    from .forms import Rows

_OTHER = np.uint64(0x2545F4914F6CDD1D)
"""What the key of a lane is mixed with for the session that it hears."""
_OF_OTHER = "other."


class Yoked(Observer):
    """Shows what another session's user does, in place of one's own user.

    Cues, engagement and, where it is shown, whether the user has just said goodbye are those of a
    second session that is dealt the same picks: of another user, drawn from those who look the same
    at the start, with draws of its own. That user never leaves, so there is always something to
    hear. All else (who speaks, for how long, who is available, rewards, when the session ends) is
    the session's own. So a router plays as it always does, but what it does no longer depends on
    the user who pays for it: a yoked control (Church, 1964, Psychological Review 71:122).

    The second session is a function of the first one's address (seed, lane, episode), like all
    else. In a table of more than 2**20 users who look different at the start, it is one of the
    same user.

    Args:
        env: a Carousel environment of users, scalar or vector; other wrappers stand further out.

    Raises:
        CarouselError: env is not such an environment.
    """

    def __init__(self, env: Any) -> None:
        space = self._open(env)
        base: Any = self.unwrapped
        population: Population = base.population
        if not model_of(population).has_users:
            raise CarouselError(f"env is {env}; it has no users whose feedback could be exchanged")
        if _has_wrapper(env):
            raise CarouselError(
                f"env is {env}; Yoked must stand directly around the environment, below other "
                "wrappers"
            )
        columns = Columns.of(population)
        signs = [] if columns.farewell is None else [columns.farewell]
        self._feedback = np.array([*range(columns.engagement + 1), *signs])
        # who never leaves, and is kept at a goodbye
        stays = population.alike(leave_fresh=0.0, leave_bored=0.0)
        if population.has_farewells:
            stays = stays.replace(hook=1.0)
        self._other = CarouselVectorEnv(
            self.lanes, population=stays, autoreset_mode=AutoresetMode.DISABLED
        )
        heard, _ = self._other.reset(seed=0)
        self._heard = heard[:, self._feedback]
        self._picks: NDArray[np.int64] | None = None
        self._show(base.column_names, space.low, space.high)

    def _push(
        self,
        observation: NDArray[np.float32],
        rows: Rows,
        begins: NDArray[np.int64],
        info: Info,
    ) -> None:
        if self._picks is not None:
            heard, _, _, over, _ = self._other.step(self._picks)
            self._heard, self._picks = heard[:, self._feedback], None
            # nobody listens to these until the session below begins, when they begin once more
            self._start(over)
        if len(begins):
            marks = np.zeros(self.lanes, dtype=np.bool_)
            marks[begins] = True
            self._start(marks)
            self._heard[begins] = self._other._obs[np.ix_(begins, self._feedback)]
        shown = observation[rows].copy()
        shown[:, self._feedback] = self._heard[rows]
        self._out[rows] = shown

    def _start(self, which: NDArray[np.bool_]) -> None:
        """Start the other sessions of these lanes, beside the sessions that they play."""
        if not which.any():
            return
        base: Any = self.unwrapped
        own, other = getattr(base, "_one", base), self._other
        other._lanes["lane_key"][which] = own._lanes["lane_key"][which] ^ _OTHER
        other._lanes["episode"][which] = own._lanes["episode"][which]
        other._begin(which, np.full(self.lanes, -1, dtype=np.int64))
        users = _alike(own.population, own._user, other._user)
        if users is not None:
            other._begin(which, users)


def _has_wrapper(env: Any) -> bool:
    """Whether one of ours stands around the environment; Gymnasium's own change nothing here."""
    while env is not env.unwrapped:
        if isinstance(env, LaneWrapper):
            return True
        env = env.env
    return False


def _alike(
    population: Population, users: NDArray[np.int32], drawn: NDArray[np.int32]
) -> NDArray[np.int64] | None:
    """Of each lane, a user who looks like this one at the start of a session, chosen by a drawn
    one; None: all users look alike, so that the drawn ones will do."""
    if begin_alike(population):
        return None
    if population.n_users > MANY:
        return users.astype(np.int64)
    order, starts, counts, group = _groups(population)
    mine = group[users]
    return np.asarray(order[starts[mine] + drawn % counts[mine]], dtype=np.int64)


@lru_cache(maxsize=32)
def _groups(population: Population) -> tuple[NDArray[np.int64], ...]:
    """Users by how they look at the start of a session: all rows, group after group; the first
    place and the size of each group; and the group of each row."""
    first, _ = first_rows(population)
    _, group, counts = np.unique(
        np.broadcast_to(first, (population.n_users, first.shape[1])),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    group = group.ravel()
    return np.argsort(group, kind="stable"), np.cumsum(counts) - counts, counts, group


class ScalarYoked(Yoked, ScalarObserver):
    """`Yoked` of one session at a time."""

    def step(self, action: Any) -> tuple[NDArray[np.float32], Any, bool, bool, Info]:
        """Play one turn; see the environment."""
        # what is no pick is refused below, before anything has changed
        whole = isinstance(action, (int, np.integer, np.ndarray))
        self._picks = np.reshape(action, 1).astype(np.int64) if whole else None
        try:
            return super().step(action)
        finally:
            self._picks = None


class VectorYoked(Yoked, VectorObserver):
    """`Yoked` of many sessions at once."""

    def step(
        self, actions: Any
    ) -> tuple[NDArray[np.float32], Any, NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Play one turn in every lane; see the environment."""
        base: Any = self.unwrapped
        self._picks = base._read_actions(actions)
        try:
            return super().step(actions)
        finally:
            self._picks = None

    def _state(self) -> dict[str, NDArray[Any]]:
        return {**super()._state(), "heard": self._heard}

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """The state of every session and of those they hear (copies); see the environment."""
        other = {f"{_OF_OTHER}{name}": array for name, array in self._other.snapshot().items()}
        return {**super().snapshot(), **other}

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a snapshot; see the environment."""
        mine = self._other.snapshot()
        other = {
            name.removeprefix(_OF_OTHER): array
            for name, array in snapshot.items()
            if isinstance(name, str) and name.startswith(_OF_OTHER)
        }
        self._other.restore(other)
        try:
            if self._other._session("over").any():
                raise CarouselError("the snapshot has sessions to be heard that are over")
            super().restore(snapshot)
        except CarouselError:
            self._other.restore(mine)
            raise
