"""Kappa: 0 for a habit, 1 for the optimum re-derived."""

from __future__ import annotations

import pytest

from carousel_agents.probes import Estimate, probe
from carousel_agents.probes.adaptivity import AXES, SEVERITIES, _kind
from carousel_envs import Population

BOREDOM = Population.preset("Boredom")


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
    assert len(found.rows) == 1 + len(AXES) * len(SEVERITIES)


@pytest.mark.parametrize("router", ["frozen-loop", "frozen-optimal"])
def test_what_is_frozen_is_a_habit(router: str):
    """Also the optimum that cannot see its context: solved once, it keeps its threshold."""
    found = kappa_of(router)
    assert found.estimates["kappa"].value == pytest.approx(0.0, abs=0.05)
    # costs that cannot be seen change nothing by construction
    assert found.estimates["kappa_swap-cost"] == Estimate(0.0, 0.0, 0.0)
    assert found.verdict == "habit"


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
