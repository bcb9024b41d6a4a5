"""A transcript is what was played, with what an exact observer believed."""

from __future__ import annotations

import numpy as np
import pytest

from carousel_agents.probes.transcript import record
from carousel_agents.router import make
from carousel_envs import CarouselError, Population
from carousel_envs.reference import Filter
from carousel_envs.registry import any_population
from carousel_envs.rollout import rollout


@pytest.mark.parametrize("name", ["Boredom", "Taste", "Welfare"])
def test_it_is_the_sessions_that_a_rollout_plays(name: str):
    population = Population.preset(name)
    router = make("loop:0.5", population)
    transcript = record(router, population, 60, seed=11)
    sessions = rollout(population, router, 60, seed=11)
    assert np.allclose((transcript.reward * transcript.played).sum(axis=0), sessions.engagement)
    assert np.array_equal(transcript.played.sum(axis=0), sessions.length)
    assert np.array_equal(transcript.swaps.sum(axis=0), sessions.swaps)
    assert np.array_equal(transcript.user, sessions.user)
    assert transcript.begins[0].all()
    assert not transcript.begins[1:][transcript.played[1:]].any()
    assert (transcript.current[0] == -1).all()


def test_its_belief_is_that_of_a_filter_that_reads_along():
    """The loop on users who are alike swaps exactly where the observer's belief says so."""
    population = Population.preset("Boredom")
    transcript = record(make("loop:0.5", population), population, 200, seed=3)
    decides = transcript.decides
    assert np.array_equal(transcript.swaps[decides], transcript.bored[decides] >= 0.5)
    one = Filter(population)
    belief = one.start(200)
    for turn in range(3):
        belief = one.update(belief, transcript.observation[turn])
        played = transcript.played[turn]
        assert np.allclose(transcript.joint[turn][played], belief.joint[played])
    other = population.replace(boredom_hazard=0.3)
    believed = record(make("loop:0.5", population), population, 200, seed=3, believed=other)
    assert np.array_equal(believed.picks, transcript.picks)
    assert believed.bored[decides].mean() > transcript.bored[decides].mean()


def test_a_router_that_sees_another_view_is_recorded_by_the_environment_s_own():
    population = Population.preset("Taste")
    plain = record(make("uniform", population), population, 5, seed=0)
    hidden = record(make("clairvoyant", population), population, 5, seed=0)
    assert hidden.observation.shape[-1] == plain.observation.shape[-1]


def test_questions_and_impossible_numbers_are_refused():
    recall = any_population("Recall")
    with pytest.raises(CarouselError, match="probes of decisions need users with moods"):
        record(make("uniform", recall), recall, 5)
    boredom = Population.preset("Boredom")
    with pytest.raises(CarouselError, match="sessions is 0"):
        record(make("uniform", boredom), boredom, 0)
