"""The memory of any router is read as arrays, and dealt out anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carousel_agents.router import make
from carousel_agents.router.memory import dealt, memory_of
from carousel_envs import Population
from carousel_envs.registry import vector_env

LANES = 11
TASTE = Population.preset("Taste")


class Pair(NamedTuple):
    h: np.ndarray
    c: np.ndarray


@dataclass(frozen=True)
class Held:
    counts: np.ndarray
    inner: object
    name: str = "held"


def some_state(seed: int = 0):
    rng = np.random.default_rng(seed)
    pair = Pair(rng.normal(size=(2, LANES, 3)), rng.normal(size=(1, LANES, 3)))
    table = rng.normal(size=(4, 5))
    return Held(np.arange(LANES), {"pair": pair, "list": [np.arange(LANES) > 5, 7, None]}), table


def test_every_array_with_lanes_is_found_by_its_place_and_no_other():
    state, table = some_state()
    found = memory_of((state, table), LANES)
    assert list(found) == ["0.counts", "0.inner.pair.h", "0.inner.pair.c", "0.inner.list.0"]
    assert found["0.inner.pair.h"].shape == (LANES, 2, 3)
    assert memory_of(None, LANES) == memory_of(3, LANES) == {}
    assert list(memory_of(np.zeros(LANES), LANES)) == ["0"]


@given(st.permutations(range(LANES)))
def test_dealing_moves_every_array_alike_and_can_be_undone(order):
    state, _ = some_state()
    order = np.array(order)
    other = dealt(state, LANES, order)
    for name, array in memory_of(state, LANES).items():
        assert np.array_equal(memory_of(other, LANES)[name], array[order]), name
    assert other.name == "held"
    back = dealt(other, LANES, np.argsort(order))
    for name, array in memory_of(state, LANES).items():
        assert np.array_equal(memory_of(back, LANES)[name], array)


@pytest.mark.parametrize(
    "name",
    [
        "loop",
        "tally",
        "operating-system",
        "lin-ucb",
        "linear-thompson",
        "uniform",
        "masked-planner",
    ],
)
def test_a_lane_with_another_s_memory_does_what_the_other_would(name: str):
    """Routers of this project: all that they know of a session is in their state."""
    population = TASTE.replace(session_length=6)
    router = make(name, population)
    env = vector_env(population, LANES)
    observation, _ = env.reset(seed=4)
    state = router.initial_state(LANES, 9)
    for _ in range(4):
        picks, state = router.act(observation.copy(), state)
        observation, *_ = env.step(picks)
    order = np.random.default_rng(1).permutation(LANES)
    plain, _ = router.act(observation.copy(), state)
    # sessions as a whole change places: so do their picks
    moved, _ = router.act(observation[order].copy(), dealt(state, LANES, order))
    assert np.array_equal(moved, plain[order])
