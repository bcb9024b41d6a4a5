"""What `lin-ucb` and `linear-thompson` share: linear contextual bandits, batched.

Context x is the observation, every column scaled to [0, 1] by its bounds, and a constant 1. An arm
is a persona; its reward is the engagement of the coming turn less the cost of a swap. Every arm has
a ridge regression of its own (Li et al. 2010, arXiv 1003.0146, algorithm 1):

    A_k = I + sum of x x',   b_k = sum of r x,   mean_k = x' A_k^-1 b_k,   s_k = sqrt(x' A_k^-1 x),

the sums over the turns in which k was picked. LinUCB picks the largest mean_k + alpha s_k. Thompson
sampling picks the largest mean_k + v s_k e_k with e_k standard normal: as arms share nothing, that
is the same as to draw each arm's weights from N(A_k^-1 b_k, v^2 A_k^-1) (Agrawal and Goyal 2013,
arXiv 1209.3352).

A bandit learns across sessions, but evaluation plays every session by itself. So a bandit is fitted
first, on training sessions in batches (`fitted`), and then stays as it is: acting changes nothing,
and exploration goes on at the width that is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.compiled import rng
from carousel_envs.foundation.errors import one_row_per_lane, whole_number
from carousel_envs.registry import columns_of, vector_env
from carousel_envs.spec import model_of
from carousel_envs.wrappers.forms import single_space

from . import streams
from .bandit_kernel import BanditTables, choose
from .linear_arms import LinearArms
from .normal_draws import normals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation

SESSIONS = 4000
"""Training sessions by default."""
MOST_SESSIONS = 1_000_000
LANES = 64
"""Sessions of a batch: statistics are updated after each turn of all of them."""

Draws = tuple["NDArray[np.uint64]", int]


@dataclass(frozen=True, eq=False)
class LinearBanditPolicy:
    """Pick the available arm with the largest optimistic, or sampled, reward.

    Attributes:
        low, scale: of the columns, so that (x - low) * scale lies in [0, 1], shape (D,).
        available: columns that show which personas are available; None: all always are.
        arms: what has been learned.
        width: alpha, or v.
        samples: whether s is multiplied by a normal draw (Thompson) or taken as it is (LinUCB).
    """

    low: NDArray[np.float64]
    scale: NDArray[np.float64]
    available: slice | None
    arms: LinearArms
    width: float
    samples: bool

    @cached_property
    def _tables(self) -> BanditTables:
        available = -1 if self.available is None else self.available.start
        arms, width = self.arms, float(self.width)
        return BanditTables(self.low, self.scale, available, arms.weights, arms.half_inverse, width)

    def initial_state(self, lanes: int, seed: int) -> Draws:
        """Keys of the lanes' streams, and how often each has been drawn from."""
        return rng.lane_keys(seed, lanes), 0

    def context(self, observation: NDArray[np.float32]) -> NDArray[np.float64]:
        """What the regressions read, (N, D) to (N, D + 1)."""
        scaled = (observation - self.low) * self.scale
        return np.column_stack([scaled, np.ones(len(scaled))])

    def act(
        self, observation: NDArray[np.float32], state: Draws
    ) -> tuple[NDArray[np.int64], Draws]:
        """The arm with the largest value in every lane, shape (N,); unavailable arms have none.

        Raises:
            CarouselError: the observation has another width than the bandit was fitted to, or
                another number of lanes than the state.
        """
        keys, counter = state
        if observation.shape[1] != len(self.low):
            raise CarouselError(
                f"observation has {observation.shape[1]} columns; it must have {len(self.low)}"
            )
        one_row_per_lane(observation, len(keys))
        picks = np.empty(len(observation), dtype=np.int64)
        normal = normals(keys, counter, len(self.arms.response)) if self.samples else None
        choose(observation, self._tables, normal, picks)
        return picks, (keys, counter + 1)


def read_sessions(router: str, sessions: str | int | None) -> int:
    """How many sessions to learn from.

    Raises:
        CarouselError: no whole number from 1 to 1 000 000.
    """
    if sessions is None:
        return SESSIONS
    given = int(sessions) if isinstance(sessions, str) and sessions.isdecimal() else sessions
    # what is no number stays a text, and is refused as one
    return whole_number(f"sessions of {router}", given, 1, MOST_SESSIONS)  # type: ignore[arg-type]


@lru_cache(maxsize=32)
def fitted(
    population: AnyPopulation, sessions: int, width: float, *, samples: bool
) -> LinearBanditPolicy:
    """A bandit that has learned from this many sessions, user by user through the table.

    Session i plays with stream `streams.BANDITS` + i. Sessions run in batches of `LANES`; picks of
    a turn rest on what was learned before it.
    """
    space = single_space(vector_env(population, 1))
    low, high = (bound.astype(np.float64) for bound in (space.low, space.high))
    policy = LinearBanditPolicy(
        low=low,
        scale=1.0 / np.where(high > low, high - low, 1.0),
        available=model_of(population).available(population),
        arms=LinearArms.blank(population.n_actions, len(columns_of(population)) + 1),
        width=width,
        samples=samples,
    )
    for first in range(0, sessions, LANES):
        policy = _learn(policy, population, first, min(LANES, sessions - first))
    return policy


def _learn(
    policy: LinearBanditPolicy, population: AnyPopulation, first: int, lanes: int
) -> LinearBanditPolicy:
    # not `rollout`: the policy itself changes after every turn, by the rewards of that turn
    env = vector_env(population, lanes)
    seed, users = streams.BANDITS + first, (first + np.arange(lanes)) % population.n_users
    observation, _ = env.reset(seed=seed, options={"user": users})
    state, alive = policy.initial_state(lanes, seed), np.ones(lanes, dtype=np.bool_)
    while alive.any():
        picks, state = policy.act(observation, state)
        context = policy.context(observation)
        observation, reward, terminated, truncated, _ = env.step(picks)
        arms = policy.arms.learned(context[alive], picks[alive], reward[alive])
        policy = LinearBanditPolicy(
            policy.low, policy.scale, policy.available, arms, policy.width, policy.samples
        )
        alive &= ~(terminated | truncated)
    return policy
