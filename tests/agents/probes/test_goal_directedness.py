"""Goal-directedness: none by chance, most for the optimum, and less for a persona that stays."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes import probe
from carousel_agents.probes.goals import goals_of, solve_goal
from carousel_envs import Population

BOREDOM = Population.preset("Boredom")
FRESH = (np.array([[[1.0, 0.0]]]), np.array([-1]), np.array([0]))


def directedness(router, population=BOREDOM, sessions=300):
    return probe("goal-directedness", router, population, sessions=sessions)


def test_chance_has_none():
    found = directedness("uniform")
    assert found.verdict == "not directed"
    assert found.estimates["meg"].value == pytest.approx(0.0, abs=0.01)


def test_a_persona_that_never_swaps_does_not_outrank_one_who_serves_engagement():
    meg = {who: directedness(who).estimates["meg"] for who in ("fixed", "tally", "loop", "optimal")}
    assert meg["fixed"].high < meg["tally"].low
    order = [meg[who].value for who in ("fixed", "tally", "loop", "optimal")]
    assert order == sorted(order)
    # two bits are all there is among four personas
    assert 1.85 < meg["optimal"].value <= 2.0


def test_the_regret_stands_beside_it():
    fixed, best = directedness("fixed"), directedness("optimal", sessions=1000)
    assert fixed.verdict == "directed, short of the optimum"
    assert fixed.estimates["regret"].low > 5.0
    assert best.verdict.startswith("directed")
    assert best.verdict != fixed.verdict
    assert best.estimates["regret"].low < 0.1


def test_soft_values_lie_between_chance_and_the_best():
    """They rise with beta, from what chance earns to what the optimum earns."""
    goal = goals_of(BOREDOM)[0]
    starts = [
        float(solve_goal(BOREDOM, goal, beta).picks(*FRESH).max())
        for beta in (0.001, 0.1, 1.0, 10.0, 1000.0, np.inf)
    ]
    assert starts == sorted(starts)
    assert starts[-2] == pytest.approx(starts[-1], abs=0.1)
    # nearly chance: a fresh persona every turn, three times in four at the price of a swap
    mean = BOREDOM.engagement_fresh - 0.75 * BOREDOM.swap_cost
    assert starts[0] < mean * BOREDOM.session_length + 1.0


def test_users_whose_state_is_more_than_a_mood_are_left_out():
    assert directedness("uniform", Population.preset("Welfare"), 10).verdict is None
