"""The smallest rule is found: a threshold for a threshold, more for more, none for chance."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes import probe, surrogates
from carousel_agents.probes.surrogates import SURROGATES, balanced
from carousel_envs import Population
from carousel_envs.users.observation import Columns

BOREDOM = Population.preset("Boredom")
COLUMNS = Columns.of(BOREDOM)


@pytest.fixture(autouse=True)
def short_fits(monkeypatch):
    """Nets that are good enough here."""
    monkeypatch.setattr(surrogates, "_STEPS", 250)


class Cold:
    """Swaps when a column of what it sees passes a number."""

    name, description = "cold", "swaps when the user did not engage"

    def __init__(self, column=COLUMNS.engagement, below=0.5):
        self.column, self.below = column, below

    def initial_state(self, lanes, seed):
        return None

    def act(self, observation, state):
        current = observation[:, COLUMNS.persona].argmax(axis=1)
        begins = observation[:, COLUMNS.streak] < 0.5
        swaps = (observation[:, self.column] < self.below) & ~begins
        return np.where(swaps, (current + 1) % COLUMNS.n_actions, current), None


def smallest(router, sessions=300):
    return probe("sophistication", router, BOREDOM, sessions=sessions)


def test_a_threshold_on_what_is_seen_has_depth_one():
    found = smallest(Cold())
    assert found.verdict == "one threshold on engagement"
    assert found.estimates["present"].within(1.0, 1.0)
    assert found.estimates["bits"].value > 0.99


def test_a_threshold_on_the_belief_fails_from_the_present_alone():
    """The loop remembers: no rule that sees the present turn alone tells its swaps."""
    found = smallest("loop:0.5")
    assert found.verdict == "one threshold on the belief"
    present = {row["rule"]: row["right"] for row in found.rows if row["sees"] == "present"}
    assert max(present.values()) < 0.96
    assert found.estimates["present and belief"].value > 0.99
    assert found.estimates["bits"].value < 0.6 < found.estimates["bits with belief"].value


def test_a_schedule_needs_a_tree_and_one_persona_nothing():
    assert smallest("open-loop").verdict == "a tree of depth 3"
    assert smallest("fixed", sessions=50).verdict == "always the same"


def test_chance_is_explained_by_none():
    found = smallest("uniform")
    assert found.verdict == "none of these rules"
    assert found.estimates["present"].value == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("name", SURROGATES)
def test_each_rule_fits_what_it_can_and_no_more(name: str):
    """A rectangle: a tree finds it, a weighted sum and one threshold do not."""
    rng = np.random.default_rng(0)
    x = rng.random((3000, 4))
    swaps = (x[:, 1] > 0.5) & (x[:, 2] < 0.4)
    rule = SURROGATES[name](x[::2], swaps[::2], balanced(swaps[::2]))
    told = rule(x[1::2])
    right = (told[swaps[1::2]].mean() + (~told[~swaps[1::2]]).mean()) / 2
    low, high = {
        "always the same": (0.5, 0.5),
        "one threshold": (0.75, 0.9),
        "a tree of depth 3": (0.97, 1.0),
        "a weighted sum": (0.8, 0.95),
        "a net of 32": (0.95, 1.0),
    }[name]
    assert low <= right <= high


def test_the_same_decisions_give_the_same_rule():
    one, again = (smallest("tally", sessions=60) for _ in range(2))
    assert one == again
