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


def test_bits_are_all_for_who_agrees_or_disagrees_and_none_for_strangers():
    rng = np.random.default_rng(0)
    swaps, which = rng.random(4000) < 0.3, np.arange(4000) % 40
    room = entropy(swaps.mean()) * len(swaps)
    for answers in (swaps, ~swaps):
        assert bits_told(swaps, answers, which, 40).sum() == pytest.approx(room, rel=0.01)
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
