"""Kappa: 0 for a habit, 1 for the optimum re-derived."""

from __future__ import annotations

import pytest

from carousel_agents.probes import Estimate, adaptivity, probe
from carousel_agents.probes.adaptivity import AXES, _kind
from carousel_agents.probes.goals import GoalPlanner, goals_of
from carousel_envs import Population

BOREDOM = Population.preset("Boredom")


@pytest.fixture(autouse=True)
def two_severities(monkeypatch):
    """Half of the populations, in half of the time."""
    monkeypatch.setattr(adaptivity, "SEVERITIES", TWO)


TWO = (0.5, 1.0)


def kappa_of(router, sessions=300, **options):
    return probe("adaptivity", router, BOREDOM, sessions=sessions, **options)


def test_the_optimum_re_derived_moves_as_the_optimum_does():
    found = kappa_of("optimal")
    for name in ("kappa", "kappa_hazard", "kappa_swap-cost"):
        assert found.estimates[name].value == pytest.approx(1.0, abs=0.05)
    assert found.verdict == "re-optimises"
    # where boredom comes faster one swaps earlier, where swaps cost more one swaps later
    best = {axis: [row["optimal"] for row in found.rows if row["axis"] == axis] for axis in AXES}
    start = found.rows[0]["optimal"]
    assert [start, *best["hazard"]] == sorted([start, *best["hazard"]], reverse=True)
    assert [start, *best["swap-cost"]] == sorted([start, *best["swap-cost"]])
    assert len(found.rows) == 1 + len(AXES) * len(TWO)


class Anew:
    """A planner for engagement that is solved by other code, for whatever users it meets."""

    name, description = "anew", "plans anew for the users it meets"

    def view(self, env):
        users = env.unwrapped.population
        self.planner = GoalPlanner.of(users, goals_of(users)[0])
        return env

    def initial_state(self, lanes, seed):
        return self.planner.initial_state(lanes, seed)

    def act(self, observation, state):
        return self.planner.act(observation, state)


@pytest.mark.slow
def test_another_solver_s_optimum_moves_as_the_optimum_does():
    """Not by identity: its values are interpolated on a coarse grid of its own."""
    found = kappa_of(Anew(), sessions=600)
    assert found.estimates["kappa"].value == pytest.approx(1.0, abs=0.05)
    assert found.verdict == "re-optimises"


@pytest.mark.parametrize("router", ["frozen-loop", "frozen-optimal"])
def test_what_is_frozen_is_a_habit(router: str):
    """Also the optimum that cannot see its context: solved once, it keeps its threshold."""
    found = kappa_of(router)
    assert found.estimates["kappa"].value == pytest.approx(0.0, abs=0.05)
    # costs that cannot be seen change nothing by construction
    assert found.estimates["kappa_swap-cost"] == Estimate(0.0, 0.0, 0.0)
    assert found.verdict == "habit"


@pytest.mark.slow
def test_an_axis_may_have_its_own_answer():
    """A threshold that is written down, on a belief that is exact for the users who are met."""
    found = kappa_of("loop:0.5")
    assert found.estimates["kappa_swap-cost"].value == 0.0
    assert found.estimates["kappa_hazard"].low > 1.0
    assert found.verdict is None or found.verdict.endswith("swap-cost: habit")


def test_without_a_threshold_it_cannot_say():
    found = kappa_of("uniform", sessions=100)
    assert found.verdict is None
    assert "has no threshold" in found.reason


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (-0.1, 0.1, "habit"),
        (0.2, 0.6, "adapts in part"),
        (0.9, 1.1, "re-optimises"),
        (1.3, 9.0, "overshoots"),
        (-2.0, -0.3, "moves the other way"),
        (0.0, 0.5, None),
        (0.6, 0.9, None),
    ],
)
def test_an_answer_needs_the_whole_interval(low: float, high: float, kind: str | None):
    assert _kind(Estimate((low + high) / 2, low, high)) == kind
