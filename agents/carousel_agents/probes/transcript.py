"""The decisions of a router, with what an exact observer would have believed at each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorWrapper

from carousel_envs.foundation.errors import whole_number
from carousel_envs.reference import Filter
from carousel_envs.registry import users_of, vector_env
from carousel_envs.rollout import Choosy, check_methods, seen_by
from carousel_envs.spec import model_of
from carousel_envs.users.observation import Columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from carousel_envs import Population
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

STREAMS = 2**58 + 2**56
"""Where the streams of probes begin: apart from those of evaluation, training and references."""
MOST_SESSIONS = 2**16


@dataclass(frozen=True, eq=False)
class Transcript:
    """Sessions of one router, turn by turn: T turns of N sessions.

    Attributes:
        observation: the environment's own, before the pick, float32, shape (T, N, D).
        picks: what the router asked for, int64, shape (T, N); played only where nobody else led.
        played: whether the session was running, bool, shape (T, N).
        reward: of the turn, float64, shape (T, N).
        joint: P(kind of user, mood | history) of an exact observer before the pick, float64, shape
            (T, N, kinds, 2).
        user: row of the user table, int32, shape (N,).
        columns: of the observations.
    """

    observation: NDArray[np.float32]
    picks: NDArray[np.int64]
    played: NDArray[np.bool_]
    reward: NDArray[np.float64]
    joint: NDArray[np.float64]
    user: NDArray[np.int32]
    columns: Columns

    @property
    def bored(self) -> NDArray[np.float64]:
        """P(the user is bored) of the exact observer before the pick, shape (T, N)."""
        return np.asarray(self.joint[..., 1].sum(axis=-1))

    @property
    def current(self) -> NDArray[np.int64]:
        """Who speaks before the pick, shape (T, N); -1 before the first turn."""
        shown = self.observation[..., self.columns.persona]
        return np.where(self.begins, -1, shown.argmax(axis=-1))

    @property
    def begins(self) -> NDArray[np.bool_]:
        """Whether nobody has spoken yet, shape (T, N)."""
        return np.asarray(self.observation[..., self.columns.streak] < 0.5)

    @property
    def decides(self) -> NDArray[np.bool_]:
        """Whether there is somebody to keep or to leave, shape (T, N)."""
        return np.asarray(self.played & ~self.begins)

    @property
    def swaps(self) -> NDArray[np.bool_]:
        """Whether the router asked for somebody else, shape (T, N)."""
        return np.asarray(self.decides & (self.picks != self.current))

    def answered_by(self, policy: Policy) -> NDArray[np.int64]:
        """What another router would have picked at every decision of these very sessions, hearing
        what was heard and seeing who spoke, shape (T, N).

        Args:
            policy: reads the environment's own observations, without a view.
        """
        sessions = self.played.shape[1]
        state, picks = policy.initial_state(sessions, STREAMS), np.empty_like(self.picks)
        for turn, seen in enumerate(self.observation):
            picks[turn], state = policy.act(seen.copy(), state)
        return picks


class Kept(VectorWrapper):
    """Keeps the last observation of the environment itself, whatever stands around it."""

    def reset(self, **arguments: Any) -> tuple[Any, dict[str, Any]]:
        """Start sessions; see the environment."""
        self.seen, info = self.env.reset(**arguments)
        return self.seen, info

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Play one turn; see the environment."""
        self.seen, *rest = self.env.step(actions)
        return (self.seen, *rest)


def record(
    router: Policy,
    population: AnyPopulation,
    sessions: int,
    seed: int = STREAMS,
    *,
    believed: Population | None = None,
    led_by: Policy | None = None,
    own_seed: int | None = None,
) -> Transcript:
    """Play sessions and keep every decision.

    Args:
        router: what picks.
        population: the users, who have moods.
        sessions: N, 1 to `MOST_SESSIONS`; session i plays user i (around) of the table.
        seed: session i uses the streams of seed + i.
        believed: the users that the observer believes in; default: those of the population.
        led_by: whose picks are played, while the router is asked what it would pick; default: its
            own are.
        own_seed: of the router's own stream; default: that of the sessions.

    Raises:
        CarouselError: there are no users with moods, the router does not fit them, or a number is
            not allowed.
    """
    users = users_of(population, "probes of decisions need users with moods; there are none")
    observer = Filter(believed or users)
    belief = observer.start(whole_number("sessions", sessions, 1, MOST_SESSIONS))
    turns: list[tuple[Any, ...]] = []
    for turn in played(router, users, sessions, seed, led_by=led_by, own_seed=own_seed):
        belief = observer.update(belief, turn[0])
        turns.append((*turn, belief.joint))
    observation, picks, running, reward, joint = (
        np.stack(array) for array in zip(*turns, strict=True)
    )
    row, shows = _rows(users, sessions).astype(np.int32), Columns.of(users)
    return Transcript(observation, picks, running, reward, joint, row, shows)


def played(
    router: Policy,
    population: AnyPopulation,
    sessions: int,
    seed: int = STREAMS,
    *,
    led_by: Policy | None = None,
    own_seed: int | None = None,
) -> Iterator[tuple[NDArray[Any], ...]]:
    """Play sessions turn by turn; see `record`.

    Args:
        population: users or questions.

    Yields:
        The environment's own observation, float32, shape (N, D), what the router asked for, int64,
        and whether sessions were running, both before the turn, and the reward, each of shape (N,).

    Raises:
        CarouselError: the router does not fit this population, or a number is not allowed.
    """
    whole_number("sessions", sessions, 1, MOST_SESSIONS)
    check_methods(router)
    if isinstance(router, Choosy):
        router.check_fits(population)
    play = {**model_of(population).play, "autoreset_mode": AutoresetMode.NEXT_STEP}
    kept = Kept(vector_env(population, sessions, **play))
    env = seen_by(router, kept)
    shown, _ = env.reset(seed=seed, options={"user": _rows(population, sessions)})
    state = router.initial_state(sessions, seed if own_seed is None else own_seed)
    leading = led_by.initial_state(sessions, seed) if led_by else None
    running = np.ones(sessions, dtype=np.bool_)
    while running.any():
        picks, state = router.act(shown.copy(), state)
        before, was_running, led = kept.seen.copy(), running.copy(), picks
        if led_by:
            led, leading = led_by.act(before.copy(), leading)
        shown, reward, terminated, truncated, _ = env.step(led)
        yield before, np.asarray(picks).astype(np.int64), was_running, reward
        running &= ~(terminated | truncated)


def _rows(population: AnyPopulation, sessions: int) -> NDArray[np.int64]:
    """The user of each session: all in turn, where they differ."""
    n_users = getattr(population, "n_users", 1)
    return np.arange(sessions) % n_users
