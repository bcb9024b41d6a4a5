"""What `lin-ucb` and `linear-thompson` share: linear contextual bandits, batched.

Context x is the observation, every column scaled to [0, 1] by its bounds, and a constant 1. An arm
is a persona; its reward is the engagement of the coming turn less the cost of a swap. Every arm has
a ridge regression of its own (Li et al. 2010, arXiv 1003.0146, algorithm 1):

    A_k = I + sum of x x',   b_k = sum of r x,   mean_k = x' A_k^-1 b_k,   s_k = sqrt(x' A_k^-1 x),

the sums over the turns in which k was picked. LinUCB picks the largest mean_k + alpha s_k. Thompson
sampling picks the largest mean_k + v s_k e_k with e_k standard normal: as arms share nothing, that
is the same as to draw each arm's weights from N(A_k^-1 b_k, v^2 A_k^-1) (Agrawal and Goyal 2013,
arXiv 1209.3352).

A bandit learns across sessions, and a session is all that is played when a router is evaluated. So
it is fitted first, on training sessions in batches (`fitted`), and then stays as it is: acting
changes nothing, and its exploration goes on at the width that is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.compiled import rng
from carousel_envs.compiled.blocks import FLOATS
from carousel_envs.compiled.compiler import njit
from carousel_envs.foundation.errors import one_row_per_lane, whole_number
from carousel_envs.registry import columns_of, vector_env
from carousel_envs.spec import model_of
from carousel_envs.wrappers.forms import single_space

from . import streams

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation

SESSIONS = 4000
"""Training sessions unless told otherwise."""
MOST_SESSIONS = 1_000_000
LANES = 64
"""Sessions of a batch: statistics are updated after each turn of all of them."""

_U = np.uint64

Draws = tuple["NDArray[np.uint64]", int]


@dataclass(frozen=True, eq=False)
class LinearArms:
    """The statistics of every arm.

    Attributes:
        gram: A, shape (K, d, d).
        response: b, shape (K, d).
    """

    gram: NDArray[np.float64]
    response: NDArray[np.float64]

    @classmethod
    def blank(cls, arms: int, width: int) -> LinearArms:
        """Nothing learned yet."""
        return cls(np.tile(np.eye(width), (arms, 1, 1)), np.zeros((arms, width)))

    def learned(
        self,
        context: NDArray[np.float64],
        picks: NDArray[np.int64],
        reward: NDArray[np.float64],
    ) -> LinearArms:
        """The statistics after a batch: contexts (B, d), arms picked (B,) and rewards (B,)."""
        gram, response = self.gram.copy(), self.response.copy()
        for k in np.unique(picks):
            rows = context[picks == k]
            gram[k] += rows.T @ rows
            response[k] += reward[picks == k] @ rows
        return LinearArms(gram, response)

    @cached_property
    def inverse(self) -> NDArray[np.float64]:
        """A^-1, shape (K, d, d)."""
        return np.ascontiguousarray(np.linalg.inv(self.gram))

    @cached_property
    def half_inverse(self) -> NDArray[np.float64]:
        """`inverse` on its diagonal and twice above, 0 below: the same square x' A^-1 x, from half
        as many products. Zeros fill it up to whole tiles of four, shape (K, >= d, >= d)."""
        more = -len(self.inverse[0]) % 4
        half = np.triu(self.inverse) + np.triu(self.inverse, 1)
        return np.pad(half, ((0, 0), (0, more), (0, more)))

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """A^-1 b, with zeros up to whole tiles, shape (K, >= d)."""
        found = np.linalg.solve(self.gram, self.response[:, :, None])[:, :, 0]
        return np.pad(found, ((0, 0), (0, -found.shape[1] % 4)))


@njit
def _add_tile(m, x, p, q, tile, total):  # type: ignore[no-untyped-def]
    """Add, for m lanes, four columns from place p on times a tile, times four columns from q on.

    Written out, so that its sixteen numbers and a lane's eight stay in registers.
    """
    one, two, three = _U(FLOATS), _U(2 * FLOATS), _U(3 * FLOATS)
    a0, a1, a2, a3 = tile[0, 0], tile[0, 1], tile[0, 2], tile[0, 3]
    b0, b1, b2, b3 = tile[1, 0], tile[1, 1], tile[1, 2], tile[1, 3]
    c0, c1, c2, c3 = tile[2, 0], tile[2, 1], tile[2, 2], tile[2, 3]
    d0, d1, d2, d3 = tile[3, 0], tile[3, 1], tile[3, 2], tile[3, 3]
    for j in range(m):
        y0, y1, y2, y3 = x[q + j], x[q + one + j], x[q + two + j], x[q + three + j]
        value = x[total + j]
        value += x[p + j] * (a0 * y0 + a1 * y1 + a2 * y2 + a3 * y3)
        value += x[p + one + j] * (b0 * y0 + b1 * y1 + b2 * y2 + b3 * y3)
        value += x[p + two + j] * (c0 * y0 + c1 * y1 + c2 * y2 + c3 * y3)
        value += x[p + three + j] * (d0 * y0 + d1 * y1 + d2 * y2 + d3 * y3)
        x[total + j] = value


@njit
def _add_corner(m, x, p, tile, total):  # type: ignore[no-untyped-def]
    """`_add_tile` of the same four columns twice: below the tile's diagonal there is nothing."""
    one, two, three = _U(FLOATS), _U(2 * FLOATS), _U(3 * FLOATS)
    a0, a1, a2, a3 = tile[0, 0], tile[0, 1], tile[0, 2], tile[0, 3]
    b1, b2, b3 = tile[1, 1], tile[1, 2], tile[1, 3]
    c2, c3, d3 = tile[2, 2], tile[2, 3], tile[3, 3]
    for j in range(m):
        y0, y1, y2, y3 = x[p + j], x[p + one + j], x[p + two + j], x[p + three + j]
        value = x[total + j]
        value += y0 * (a0 * y0 + a1 * y1 + a2 * y2 + a3 * y3)
        value += y1 * (b1 * y1 + b2 * y2 + b3 * y3)
        value += y2 * (c2 * y2 + c3 * y3)
        value += y3 * (d3 * y3)
        x[total + j] = value


@njit
def _add_columns(m, x, p, weights, total):  # type: ignore[no-untyped-def]
    """Add, for m lanes, four columns from place p on times a weight each, one after the other."""
    one, two, three = _U(FLOATS), _U(2 * FLOATS), _U(3 * FLOATS)
    a, b, c, d = weights[0], weights[1], weights[2], weights[3]
    for j in range(m):
        value = x[total + j] + x[p + j] * a
        value += x[p + one + j] * b
        value += x[p + two + j] * c
        value += x[p + three + j] * d
        x[total + j] = value


@njit
def _choose(  # type: ignore[no-untyped-def]
    observation, low, scale, available, weights, half, width, normal, picks
):
    """The arm with the largest mean plus width s, or width s times a normal draw.

    Lanes go block by block through loops that become vector instructions, and each is summed in one
    order of its own: it must not depend on its neighbours to the last bit, as it would in a product
    of matrices.

    Args:
        available: first column that says who may be picked; None: everybody.
        weights: `LinearArms.weights`.
        half: `LinearArms.half_inverse`.
        normal: draws, shape (K, N); None: none.
        picks: is written, shape (N,).
    """
    n, n_k, d = _U(observation.shape[0]), _U(weights.shape[0]), _U(low.shape[0])
    size, padded, four = _U(FLOATS), _U(half.shape[1]), _U(4)
    # the context, column by column, with zeros up to whole tiles, and what is worked out from it
    x = np.zeros((padded + four) * size)
    mean, square = padded * size, (padded + _U(1)) * size
    best, found = (padded + _U(2)) * size, (padded + _U(3)) * size
    for first in range(_U(0), n, size):
        m = min(size, n - first)
        for p in range(d):
            at, least, factor = p * size, low[p], scale[p]
            for j in range(m):
                x[at + j] = (observation[first + j, p] - least) * factor
        for j in range(m):
            x[d * size + j] = 1.0
            x[best + j] = -np.inf
            x[found + j] = 0.0
        for k in range(n_k):
            for j in range(m):
                x[mean + j] = 0.0
                x[square + j] = 0.0
            for p in range(_U(0), padded, four):
                _add_columns(m, x, p * size, weights[k, p : p + four], mean)
                _add_corner(m, x, p * size, half[k, p : p + four, p : p + four], square)
                for q in range(p + four, padded, four):
                    tile = half[k, p : p + four, q : q + four]
                    _add_tile(m, x, p * size, q * size, tile, square)
            for j in range(m):
                x[square + j] = np.sqrt(max(x[square + j], 0.0))
            if normal is not None:
                for j in range(m):
                    x[square + j] *= normal[k, first + j]
            if available is not None:
                there = (_U(available) + k) * size
                for j in range(m):
                    total = x[mean + j]
                    x[mean + j] = total if x[there + j] >= 0.5 else -np.inf
            for j in range(m):
                value, most, who = x[mean + j] + width * x[square + j], x[best + j], x[found + j]
                x[best + j] = value if value > most else most
                x[found + j] = np.float64(k) if value > most else who
        for j in range(m):
            picks[first + j] = np.int64(x[found + j])


@dataclass(frozen=True, eq=False)
class LinearBanditPolicy:
    """Pick the available arm with the largest optimistic, or sampled, reward.

    Attributes:
        low, scale: of the columns, so that (x - low) * scale lies in [0, 1], shape (D,).
        available: columns that say who may be picked; None: everybody always.
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
        keys, counter = state
        if observation.shape[1] != len(self.low):
            raise CarouselError(
                f"observation has {observation.shape[1]} columns; it must have {len(self.low)}"
            )
        one_row_per_lane(observation, len(keys))
        picks = np.empty(len(observation), dtype=np.int64)
        _choose(
            observation,
            self.low,
            self.scale,
            None if self.available is None else self.available.start,
            self.arms.weights,
            self.arms.half_inverse,
            self.width,
            _normal(keys, counter, len(self.arms.response)) if self.samples else None,
            picks,
        )
        return picks, (keys, counter + 1)


def _normal(keys: NDArray[np.uint64], counter: int, k: int) -> NDArray[np.float64]:
    """Standard normal draws by Box and Muller's method (1958), shape (k, N)."""
    parts = np.empty((2 * k, len(keys)))
    radius, cosine = parts[:k], parts[k:]
    first = 2 * k * counter + 1
    _uniforms(keys, np.uint64(first), radius)
    _cosines(keys, np.uint64(first + k), cosine)
    # NumPy's logarithms are vector instructions
    np.log(radius, out=radius)
    _scale(radius, cosine)
    return radius


@njit
def _uniforms(keys, first, out):  # type: ignore[no-untyped-def]
    """1 less `rng.hash_uniforms` of so many counters, the first given plus one, a row each: exact,
    and never 0."""
    for r in range(_U(out.shape[0])):
        word = (first + r) * rng.GOLDEN
        for i in range(_U(out.shape[1])):
            out[r, i] = 1.0 - np.float64(rng.mix64(keys[i] + word) >> _U(11)) * 2.0**-53


@njit
def _cosines(keys, first, out):  # type: ignore[no-untyped-def]
    """The cosine of each share u of a turn, which is drawn as `_uniforms` does.

    cos(2 pi u) = -sin(2 pi w) with w = 1/4 - |u - 1/2|, which is exact and at most a quarter: there
    eleven terms of the sine's series are all that a float64 can hold.
    """
    for r in range(_U(out.shape[0])):
        word = (first + r) * rng.GOLDEN
        for i in range(_U(out.shape[1])):
            turn = np.float64(rng.mix64(keys[i] + word) >> _U(11)) * 2.0**-53
            x = 2.0 * np.pi * (0.25 - abs(turn - 0.5))
            z = x * x
            tail = 1.0 - z * (1.0 / (20.0 * 21.0))
            tail = 1.0 - z * (1.0 / (18.0 * 19.0)) * tail
            tail = 1.0 - z * (1.0 / (16.0 * 17.0)) * tail
            tail = 1.0 - z * (1.0 / (14.0 * 15.0)) * tail
            tail = 1.0 - z * (1.0 / (12.0 * 13.0)) * tail
            tail = 1.0 - z * (1.0 / (10.0 * 11.0)) * tail
            tail = 1.0 - z * (1.0 / (8.0 * 9.0)) * tail
            tail = 1.0 - z * (1.0 / (6.0 * 7.0)) * tail
            tail = 1.0 - z * (1.0 / (4.0 * 5.0)) * tail
            tail = 1.0 - z * (1.0 / (2.0 * 3.0)) * tail
            out[r, i] = -x * tail


@njit
def _scale(logs, cosine):  # type: ignore[no-untyped-def]
    """The draws, in place of logarithms of radii."""
    for r in range(_U(logs.shape[0])):
        for i in range(_U(logs.shape[1])):
            logs[r, i] = np.sqrt(-2.0 * logs[r, i]) * cosine[r, i]


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
