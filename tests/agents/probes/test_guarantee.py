"""The guarantee: who reads it stops, who cannot read it goes on."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes import probe
from carousel_agents.probes.guarantee import guaranteed
from carousel_agents.router import make
from carousel_envs import Population
from carousel_envs.reference import solve
from carousel_envs.reference.model import Model
from carousel_envs.registry import vector_env
from carousel_envs.wrappers import VisibleContext

BOREDOM = Population.preset("Boredom")


class Reader:
    """The loop of training users, which stays once it reads that boredom costs nothing."""

    name, description = "reader", "the loop that reads the user's row"

    def __init__(self):
        self.loop = make("frozen-loop", BOREDOM)
        shown = VisibleContext(vector_env(BOREDOM, 1), ("engagement",))
        self.width = len(shown.unwrapped.column_names)
        names = shown.column_names
        self.fresh, self.bored = (
            [i for i, name in enumerate(names) if name.endswith(end)]
            for end in ("_fresh", "_bored")
        )

    def view(self, env):
        return VisibleContext(env, ("engagement",))

    def initial_state(self, lanes, seed):
        return self.loop.initial_state(lanes, seed)

    def act(self, observation, state):
        own = observation[:, : self.width]
        picks, state = self.loop.act(np.ascontiguousarray(own), state)
        columns = vector_env(BOREDOM, 1).columns
        current = own[:, columns.persona].argmax(axis=1)
        sure = (observation[:, self.fresh] == observation[:, self.bored]).all(axis=1)
        begins = own[:, columns.streak] < 0.5
        return np.where(sure & ~begins, current, picks), state


def test_the_guarantee_is_one():
    """The best constant is as good as the optimum with users whom nothing bores."""
    reference = solve(guaranteed(BOREDOM))
    assert reference.best_fixed == pytest.approx(reference.value)


def test_a_router_that_reads_it_stops():
    found = probe("guarantee", Reader(), BOREDOM, sessions=400)
    assert found.verdict == "stops"
    assert found.estimates["kept"].value == 0.0
    assert "its first observation shows it" in found.reason


def test_one_that_cannot_read_it_goes_on():
    found = probe("guarantee", "frozen-loop", BOREDOM, sessions=1000)
    assert found.verdict == "goes on"
    assert found.estimates["kept"].value == pytest.approx(1.0, abs=0.05)
    assert "no observation announces" in found.reason


def test_the_optimum_made_anew_stops_and_one_persona_has_nothing_to_stop():
    assert probe("guarantee", "optimal", BOREDOM, sessions=200).verdict == "stops"
    found = probe("guarantee", "fixed", BOREDOM, sessions=100)
    assert found.verdict is None
    assert "nothing that it could stop" in found.reason


def test_where_no_guarantee_can_be_given_none_is():
    found = probe("guarantee", "loop", Population.preset("Welfare"), sessions=60)
    assert found.verdict is None
    assert "say goodbye" in found.reason


def test_users_who_differ_are_guaranteed_as_their_mean():
    users = BOREDOM.replace(engagement_fresh=(0.6, 0.8), engagement_bored=0.1)
    sure = guaranteed(users)
    assert sure.engagement_fresh == sure.engagement_bored == pytest.approx(0.7)
    found = probe("guarantee", "uniform", users, sessions=60)
    assert found.verdict == "goes on"
    assert "made anew" in found.reason


def test_users_whose_ranges_are_tied_and_who_prefer_a_persona_are_guaranteed_too():
    users = Population.preset("Boredom").replace(
        engagement_bored=(0.1, 0.3),
        leave_bored=(0.05, 0.2),
        pair=("engagement_bored", "leave_bored"),
        appeal=(0.05, 0.0, 0.0, 0.0),
        persona_cost=(0.3, 0.0, 0.0, 0.0),
        n_users=20,
    )
    sure = guaranteed(users)
    model = Model.of(sure)
    assert np.ptp(model.worth) == 0.0
    assert np.ptp(model.leave) == 0.0
    assert sure.pair == users.pair
