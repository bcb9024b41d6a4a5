"""Playing sessions with a policy: the one loop behind every simulated number.

Session i plays row i (around) of the user table with the random stream of seed + i, whatever the
policy does: two policies meet the same users with the same luck, which pairs every comparison.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from .carousel import CarouselVectorEnv
from .errors import whole_number
from .population import as_population
from .recall import Questions, RecallVectorEnv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from .population import Population

LANES = 4096


class Policy(Protocol):
    """Anything that routes: batched, with explicit state and no hidden memory."""

    def initial_state(self, lanes: int, seed: int) -> Any:
        """State for N lanes before their first observation; lane i draws from stream seed + i."""
        ...

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        """Personas to enact, shape (N,), and the next state.

        Args:
            observation: float32, shape (N, D). A lane whose column "turns with the current persona"
                is 0 begins a session.
            state: what `initial_state` or the last `act` returned; it is not changed.
        """
        ...


@dataclass(frozen=True, eq=False)
class Sessions:
    """What happened in each session; every array has shape (sessions,).

    Attributes:
        engagement: total reward (of users, expected engagement given the mood, less swap costs).
        length: turns played.
        left: whether the user left before the end.
        swaps: swaps after the first pick.
        refused: picks of an unavailable persona.
        extras: sums over the session of what else the environment's info tells, by key.
    """

    engagement: NDArray[np.float64]
    length: NDArray[np.int64]
    left: NDArray[np.bool_]
    swaps: NDArray[np.int64]
    refused: NDArray[np.int64]
    extras: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Mean engagement per session."""
        return float(self.engagement.mean())

    @property
    def standard_error(self) -> float:
        """Standard error of `mean`."""
        n = len(self.engagement)
        return float(self.engagement.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")


def rollout(
    population: Population | Questions,
    policy: Policy,
    sessions: int,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Sessions:
    """Play `sessions` sessions.

    Args:
        population: who the users are, or who asks what.
        policy: who picks.
        sessions: how many, 1 to 2**31.
        seed: session i uses the streams of seed + i.
        progress: called with the number of sessions done after each block.

    Raises:
        CarouselError: the number of sessions or the seed is not allowed.
    """
    if not isinstance(population, Questions):
        population = as_population(population)
    whole_number("sessions", sessions, 1, 2**31)
    whole_number("seed", seed, 0, 2**63 - 1 - sessions)
    blocks = []
    for first in range(0, sessions, LANES):
        lanes = min(LANES, sessions - first)
        blocks.append(_play(population, policy, lanes, first, seed + first))
        if progress:
            progress(first + lanes)
    *figures, extras = (list(part) for part in zip(*blocks, strict=True))
    engagement, length, left, swaps, refused = map(np.concatenate, figures)
    totals = {key: np.concatenate([block[key] for block in extras]) for key in extras[0]}
    return Sessions(engagement, length, left, swaps, refused, totals)


def _play(
    population: Population | Questions, policy: Policy, lanes: int, first: int, seed: int
) -> tuple[Any, ...]:
    env: CarouselVectorEnv | RecallVectorEnv
    if isinstance(population, Questions):
        env = RecallVectorEnv(lanes, population=population)
    else:
        env = CarouselVectorEnv(lanes, population=population, reward="mean")
    users = (first + np.arange(lanes)) % population.n_users
    observation, _ = env.reset(seed=seed, options={"user": users})
    state = policy.initial_state(lanes, seed)
    alive = np.ones(lanes, dtype=np.bool_)
    engagement = np.zeros(lanes)
    length, swaps, refused = (np.zeros(lanes, dtype=np.int64) for _ in range(3))
    left = np.zeros(lanes, dtype=np.bool_)
    extras = {key: np.zeros(lanes, dtype=np.int64) for key in env.totals}
    while alive.any():
        actions, state = policy.act(observation, state)
        observation, reward, terminated, truncated, info = env.step(actions)
        engagement += reward * alive
        length += alive
        swaps += info["swapped"] & alive
        refused += info["refused"] & alive
        for key, total in extras.items():
            total += info[key] & alive
        left |= terminated & alive
        alive &= ~(terminated | truncated)
    return engagement, length, left, swaps, refused, extras
