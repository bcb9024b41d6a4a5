"""One session per user under a fixed sequence of picks, and what it adds up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from carousel_envs import CarouselVectorEnv, Population

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LANES, TURNS = 4000, 30


class Turn(NamedTuple):
    """What one turn of every lane brought, each of shape (lanes,); `there`: still in session."""

    there: np.ndarray
    user: np.ndarray
    reward: np.ndarray
    obs: np.ndarray
    info: dict[str, np.ndarray]


def turns(population: Population, pick: Callable[[int], int]) -> Iterator[Turn]:
    """Play one session per lane; lane i plays user i (around) with the stream of seed i."""
    env = CarouselVectorEnv(LANES, population=population, reward="mean")
    user = np.arange(LANES) % population.n_users
    env.reset(seed=0, options={"user": user})
    there = np.ones(LANES, dtype=bool)
    for t in range(TURNS):
        obs, reward, terminated, truncated, info = env.step(np.full(LANES, pick(t)))
        yield Turn(there.copy(), user, reward, obs, info)
        there &= ~(terminated | truncated)


class Play(NamedTuple):
    """Sums over the session of every lane, each of shape (lanes,)."""

    reward: np.ndarray
    engagement: np.ndarray
    turns: np.ndarray
    bored: np.ndarray
    swaps: np.ndarray
    refused: np.ndarray
    first_cue: np.ndarray
    welfare: np.ndarray
    kept: np.ndarray
    unmasked: np.ndarray
    payoff: np.ndarray


def play(population: Population, pick: Callable[[int], int]) -> Play:
    """Play `turns`, and add them up."""
    nothing = np.zeros(LANES)
    sums = np.zeros((len(Play._fields), LANES))
    for turn in turns(population, pick):
        info = turn.info
        values = (
            turn.reward,
            info["engagement_mean"],
            np.ones(LANES),
            info["mood"],
            info["swapped"],
            info["refused"],
            turn.obs[:, 0] if population.cues else nothing,
            *(info.get(key, nothing) for key in ("welfare", "kept", "unmasked", "payoff")),
        )
        sums += np.array(values) * turn.there
    return Play(*sums)
