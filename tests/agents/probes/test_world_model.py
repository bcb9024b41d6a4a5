"""Beliefs that are planted are found again, and none where there are none."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes import probe
from carousel_agents.probes.agreement import bits_told, entropy
from carousel_agents.probes.transcript import record
from carousel_agents.router import make
from carousel_envs import Population
from carousel_envs.shifts import find_shift

BOREDOM = Population.preset("Boredom")


def believer(population, factor, noise=0.0):
    """The loop for users with so many times the hazard, and cues that say less."""
    assumed = population.replace(boredom_hazard=factor * population.boredom_hazard)
    if noise:
        assumed = find_shift("cue-noise").apply(assumed, noise)
    return make("frozen-loop", population, assumed)


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(0.5, "underrates boredom"), (1.0, "right about boredom"), (2.0, "overrates boredom")],
)
@pytest.mark.parametrize("name", ["Boredom", pytest.param("Taste", marks=pytest.mark.slow)])
def test_a_wrong_hazard_is_found(name: str, factor: float, verdict: str):
    population = Population.preset(name).replace(session_length=10)
    found = probe("world-model", believer(population, factor), population, sessions=600)
    assert found.estimates["hazard"].value == pytest.approx(factor, rel=0.15)
    assert found.estimates["explained"].value > 0.98
    assert found.verdict == verdict


def test_a_belief_in_cues_that_say_less_is_found():
    found = probe("world-model", believer(BOREDOM, 1.0, noise=0.5), BOREDOM, sessions=300)
    assert found.estimates["cue_noise"].value == 0.5
    assert found.estimates["hazard"].value == pytest.approx(1.0, rel=0.15)


def test_the_optimum_is_right_about_boredom():
    found = probe("world-model", "frozen-optimal", BOREDOM, sessions=300)
    assert found.verdict == "right about boredom"
    assert "The optimum for users" in found.reason


@pytest.mark.parametrize("router", ["uniform", "open-loop", "tally", "fixed"])
def test_who_holds_no_belief_is_not_given_one(router: str):
    found = probe("world-model", router, BOREDOM, sessions=300)
    assert found.verdict is None
    with_answers = found.estimates.get("explained")
    assert with_answers is None or with_answers.value < 0.85


def test_where_nobody_is_bored_there_is_nothing_to_believe():
    content = BOREDOM.replace(boredom_hazard=0.0)
    found = probe("world-model", "uniform", content, sessions=50)
    assert "Nobody is ever bored" in found.reason


class Opposite:
    """Swaps where the loop stays, and stays where it swaps."""

    name, description = "opposite", "the loop the wrong way round"

    def __init__(self):
        self.loop = make("loop:0.5", BOREDOM)

    def initial_state(self, lanes, seed):
        return self.loop.initial_state(lanes, seed)

    def act(self, observation, state):
        picks, state = self.loop.act(observation, state)
        columns = self.loop.policy.filter.columns
        current = observation[:, columns.persona].argmax(axis=1)
        begins = observation[:, columns.streak] < 0.5
        other = np.where(picks == current, (current + 1) % columns.n_actions, current)
        return np.where(begins, picks, other), state


def test_who_does_the_opposite_does_not_serve_the_goal():
    assert probe("world-model", Opposite(), BOREDOM, sessions=200).verdict is None


def test_a_rule_that_was_tried_for_the_true_hazard_alone_is_not_called_right():
    taste = Population.preset("Taste").replace(session_length=4)
    found = probe("world-model", "frozen-optimal", taste, sessions=200)
    assert found.verdict is None


def test_bits_are_all_for_who_agrees_and_none_for_strangers_and_opponents():
    rng = np.random.default_rng(0)
    swaps, which = rng.random(4000) < 0.3, np.arange(4000) % 40
    room = entropy(swaps.mean()) * len(swaps)
    assert bits_told(swaps, swaps, which, 40).sum() == pytest.approx(room, rel=0.01)
    assert bits_told(swaps, ~swaps, which, 40).sum() == 0.0
    strange = bits_told(swaps, rng.random(4000) < 0.5, which, 40)
    assert abs(strange.sum()) < 0.01 * room
    assert strange.shape == (40,)
    lapses = np.where(rng.random(4000) < 0.1, ~swaps, swaps)
    told = bits_told(swaps, lapses, which, 40).sum() / room
    assert 0.3 < told < 0.6
    assert (entropy(0.5), entropy(0.0)) == (1.0, 0.0)


def test_another_router_answers_as_if_it_had_played():
    """To the router's own sessions it answers with its own picks."""
    loop = make("loop:0.5", BOREDOM)
    transcript = record(loop, BOREDOM, 50, seed=1)
    answers = transcript.answered_by(loop)
    assert np.array_equal(answers[transcript.played], transcript.picks[transcript.played])
    other = transcript.answered_by(make("loop:0.3", BOREDOM))
    assert not np.array_equal(other[transcript.played], transcript.picks[transcript.played])
