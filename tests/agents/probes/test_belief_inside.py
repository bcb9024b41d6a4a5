"""What is in a memory is read out, and what is followed is exchanged."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from carousel_agents.probes import probe
from carousel_agents.probes.belief_inside import LANES, _read_out, _within_groups
from carousel_agents.router import make
from carousel_envs import Population
from carousel_envs.users.observation import Columns
from support.policy_files import make_file

BOREDOM = Population.preset("Boredom").replace(session_length=20)


def inside(router, population=BOREDOM):
    return probe("belief-inside", router, population)


def test_a_filter_has_the_belief_and_follows_it_exactly():
    found = inside("loop:0.5")
    assert found.estimates["memory"].value >= 0.99
    assert found.estimates["follows"].value == 1.0
    assert found.estimates["follows"].low > 0.9
    assert found.verdict == "inside, and used"


def test_a_schedule_has_no_memory():
    found = inside("open-loop")
    assert found.verdict == "no memory"
    assert "memory" not in found.estimates


class Clock:
    """Remembers how many turns were played, and swaps every third."""

    name, description = "clock", "swaps every third turn"

    def initial_state(self, lanes, seed):
        return np.zeros(lanes)

    def act(self, observation, state):
        columns = Columns.of(BOREDOM)
        begins = observation[:, columns.streak] < 0.5
        turns = np.where(begins, 0.0, state + 1.0)
        current = observation[:, columns.persona].argmax(axis=1)
        swaps = (turns % 3 == 0) & ~begins
        return np.where(swaps, (current + 1) % columns.n_actions, current), turns


def test_a_clock_tells_no_more_than_the_clock():
    found = inside(Clock())
    assert found.verdict == "not inside"
    assert found.estimates["memory"].value <= found.estimates["clock"].value + 0.01


class Bystander:
    """Carries the belief along and decides by something else: by the last engagement."""

    name, description = "bystander", "keeps a belief and does not use it"

    def __init__(self):
        self.loop = make("loop:0.5", BOREDOM)

    def initial_state(self, lanes, seed):
        return self.loop.initial_state(lanes, seed)

    def act(self, observation, state):
        columns = Columns.of(BOREDOM)
        _, belief = self.loop.act(observation, state)
        current = observation[:, columns.persona].argmax(axis=1)
        cold = (observation[:, columns.engagement] == 0) & (observation[:, columns.streak] > 0.5)
        return np.where(cold, (current + 1) % columns.n_actions, current), belief


def test_a_belief_that_is_carried_along_is_not_taken_for_one_that_is_used():
    found = inside(Bystander())
    assert found.estimates["memory"].value >= 0.99
    follows = found.estimates.get("follows")
    assert follows is None or follows.within(0.0, 0.0)
    assert found.verdict in (None, "inside, and not used")


class Echo(Clock):
    """Remembers what it saw last, and nothing else."""

    name = "echo"

    def initial_state(self, lanes, seed):
        return np.zeros((lanes, Columns.of(BOREDOM).width), dtype=np.float32)

    def act(self, observation, state):
        picks, _ = Bystander().act(observation, Bystander().initial_state(len(observation), 0))
        return picks, observation.copy()


def test_what_the_present_tells_as_well_is_not_called_inside():
    found = inside(Echo())
    assert found.verdict == "not inside"
    assert "one of the observation" in found.reason


class Hidden(Bystander):
    """The loop, with its state where nobody looks."""

    name = "hidden"

    def initial_state(self, lanes, seed):
        return SimpleNamespace(belief=self.loop.initial_state(lanes, seed))

    def act(self, observation, state):
        picks, belief = self.loop.act(observation, state.belief)
        return picks, SimpleNamespace(belief=belief)


def test_a_state_that_cannot_be_read_is_not_called_none():
    found = inside(Hidden())
    assert found.verdict is None
    assert found.reason == "Its state holds a SimpleNamespace, which this probe cannot read."


def test_sessions_of_one_turn_tell_nothing():
    found = inside("uniform", BOREDOM.replace(session_length=1))
    assert (found.verdict, found.estimates) == (None, {})


def test_a_network_stands_beside_itself_with_its_weights_shuffled(tmp_path):
    path = tmp_path / "recurrent.safetensors"
    make_file(BOREDOM, algorithm="recurrent-ppo", lstm=1).save(path)
    found = inside(str(path))
    assert "random" in found.estimates
    assert found.estimates["random"] != found.estimates["memory"]


def test_a_readout_finds_what_is_linear_and_no_more():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 5))
    x[:, 4] = 7.0  # a constant tells nothing, and does no harm
    y = x[:, 0] - 2.0 * x[:, 1] + 3.0
    fitted = np.arange(4000) % 2 == 0
    assert np.allclose(_read_out(x, y, fitted), y, atol=1e-3)
    noise = rng.normal(size=4000)
    told = _read_out(x, noise, fitted)
    assert np.var(told[~fitted]) < 0.01


@pytest.mark.parametrize("seed", range(5))
def test_memories_are_exchanged_within_groups_alone(seed: int):
    rng = np.random.default_rng(seed)
    key = rng.integers(0, 3, (LANES, 2))
    among = rng.random(LANES) < 0.6
    order = _within_groups(key, among, rng)
    assert np.array_equal(np.sort(order), np.arange(LANES))
    assert np.array_equal(order[~among], np.flatnonzero(~among))
    assert (key[order] == key).all()
    assert (order[among] != np.flatnonzero(among)).mean() > 0.95
