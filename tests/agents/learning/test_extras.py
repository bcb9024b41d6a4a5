"""Algorithms whose packages are not installed, or do not fit together."""

import pytest

from carousel_agents.learning import optional_algorithms, settings
from carousel_agents.learning.algorithms import find
from carousel_agents.learning.settings import ALGORITHMS, OPTIONAL, check_algorithm, preset
from carousel_envs import CarouselError
from support.small_runs import small


@pytest.mark.parametrize("algorithm", OPTIONAL)
@pytest.mark.parametrize("ask", [check_algorithm, preset, small, find])
def test_without_its_packages_an_algorithm_is_refused_in_a_sentence_that_names_the_extra(
    ask, algorithm: str, monkeypatch
):
    monkeypatch.setattr(optional_algorithms, "find_spec", lambda name: None)
    settings._preset.cache_clear()
    with pytest.raises(CarouselError) as caught:
        ask(algorithm)
    assert str(caught.value) == (
        f"{algorithm} needs sbx-rl, which is not installed: pip install 'persona-carousel[sbx]' "
        "brings it"
    )


def test_packages_that_do_not_fit_together_are_one_sentence(monkeypatch):
    def broken(*name):
        raise ImportError("jaxlib is version 1, but this version of jax needs 2")

    monkeypatch.setattr(optional_algorithms, "find_spec", lambda name: object())
    monkeypatch.setattr(optional_algorithms, "import_module", broken)
    with pytest.raises(CarouselError, match=r"cannot be imported: jaxlib is .*; pip install"):
        find("sbx-ppo")


def test_what_is_optional_is_apart_from_what_is_not():
    assert not set(ALGORITHMS) & set(OPTIONAL)
    with pytest.raises(CarouselError, match=r"known are ppo, .*, sbx-ppo, sbx-dqn$"):
        check_algorithm("sarsa")
