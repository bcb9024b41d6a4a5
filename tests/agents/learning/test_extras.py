"""Algorithms whose packages are not installed, or do not fit together."""

from dataclasses import replace

import pytest

from carousel_agents.learning.algorithms import ALGORITHMS, record
from carousel_agents.learning.algorithms.record import algorithms_with_extras, core_algorithms
from carousel_agents.learning.settings import check_algorithm, preset
from carousel_envs import CarouselError
from support.small_runs import small


def loaded(algorithm: str):
    return replace(ALGORITHMS[algorithm]).implementation


@pytest.mark.parametrize("algorithm", algorithms_with_extras())
@pytest.mark.parametrize("ask", [check_algorithm, preset, small, loaded])
def test_without_its_packages_an_algorithm_is_refused_in_a_sentence_that_names_the_extra(
    ask, algorithm: str, monkeypatch
):
    monkeypatch.setattr(record, "find_spec", lambda name: None)
    with pytest.raises(CarouselError) as caught:
        ask(algorithm)
    assert str(caught.value) == (
        f"{algorithm} needs sbx-rl, which is not installed: pip install 'persona-carousel[sbx]' "
        "brings it"
    )


def test_packages_that_do_not_fit_together_are_one_sentence(monkeypatch):
    def broken():
        raise ImportError("jaxlib is version 1, but this version of jax needs 2")

    monkeypatch.setattr(record, "find_spec", lambda name: object())
    with pytest.raises(CarouselError, match=r"cannot be imported: jaxlib is .*; pip install"):
        _ = replace(ALGORITHMS["sbx-ppo"], load=broken).implementation


def test_every_algorithm_is_with_an_extra_or_without():
    assert (*core_algorithms(), *algorithms_with_extras()) == tuple(ALGORITHMS)
    with pytest.raises(CarouselError, match=r"known are ppo, .*, sbx-ppo, sbx-dqn;"):
        check_algorithm("sarsa")
