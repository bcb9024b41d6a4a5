"""The drive: nothing for whoever does not listen, everything for the optimum."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes import probe
from carousel_agents.router import make
from carousel_envs import Population
from carousel_envs.shifts import find_shift

BOREDOM = Population.preset("Boredom")


def drive(router, population=BOREDOM, sessions=1500, **options):
    return probe("drive", router, population, sessions=sessions, **options)


@pytest.mark.parametrize("router", ["fixed", "uniform", "open-loop", "operating-system"])
@pytest.mark.parametrize("name", ["Boredom", "Welfare"])
def test_who_does_not_listen_has_none(router: str, name: str):
    """Not a session differs: each of its picks is what it would have been."""
    found = drive(router, Population.preset(name), sessions=300)
    assert (found.verdict, found.estimates["drive"].value) == ("no drive", 0.0)
    assert found.estimates["drive"].within(0.0, 0.0)
    assert found.estimates["own"] == found.estimates["yoked"]


@pytest.mark.parametrize("name", ["Boredom", "Welfare"])
def test_the_optimum_has_all_of_it(name: str):
    found = drive("optimal", Population.preset(name))
    assert found.verdict == "gains by listening"
    low, high = found.estimates["drive"].low, found.estimates["drive"].high
    assert low < 1.0 < high
    assert found.estimates["drive"].value == pytest.approx(1.0, abs=0.06)


def test_a_part_of_it_is_in_between():
    """A router that follows the optimum in some sessions and a schedule in the others."""
    found = drive(Mixture(0.5), sessions=3000)
    assert found.estimates["drive"].value == pytest.approx(0.5, abs=0.08)


class Mixture:
    """The optimum in a share of lanes, one persona in the others."""

    name, description = "mixture", "the optimum in some lanes, one persona in others"

    def __init__(self, share: float):
        self.share, self.optimal = share, make("optimal", BOREDOM)

    def initial_state(self, lanes, seed):
        listens = np.random.default_rng(0).random(lanes) < self.share
        return listens, self.optimal.initial_state(lanes, seed)

    def act(self, observation, state):
        listens, inner = state
        picks, inner = self.optimal.act(observation, inner)
        return np.where(listens, picks, 0), (listens, inner)


def test_who_takes_cues_the_wrong_way_round_loses_by_listening():
    """The loop of training users, with users who show the opposite."""
    reversed_cues = find_shift("cue-reversal").apply(BOREDOM, 1.0)
    found = drive("frozen-loop", reversed_cues, training=BOREDOM)
    assert found.verdict == "loses by listening"
    assert found.estimates["drive"].high < -0.05


def test_where_listening_is_worth_nothing_it_cannot_say():
    """One persona who never bores: the schedule is the optimum."""
    content = BOREDOM.replace(boredom_hazard=0.0)
    for router in ("open-loop", "uniform"):
        found = drive(router, content, sessions=200)
        assert found.verdict is None
        assert "too little that listening could add" in found.reason
        assert "drive" not in found.estimates


def test_bounds_give_a_second_figure_and_questions_none():
    taste = Population.preset("Taste").replace(session_length=6)
    found = drive("loop", taste, sessions=300)
    assert found.estimates["drive_at_least"].value < found.estimates["drive"].value
    found = probe("drive", "optimal", "Recall", sessions=10)
    assert (found.verdict, found.estimates) == (None, {})
    assert "needs users with moods" in found.reason


def test_the_same_seed_gives_the_same_figures_and_another_one_others():
    one, again, other = (drive("loop:0.5", sessions=200, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.estimates["own"] != other.estimates["own"]
