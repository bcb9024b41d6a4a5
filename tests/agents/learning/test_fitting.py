"""Routers meet users whose columns they read, under the id that plays these users."""

import pytest
from stable_baselines3 import PPO

from carousel_agents import scripted
from carousel_agents.generalisation import evaluate
from carousel_agents.learning import CarouselVecEnv, LearnedRouter, SB3Router
from carousel_agents.learning.importing import import_sb3
from carousel_agents.learning.train import Run
from carousel_agents.router import ROUTERS
from carousel_envs import CarouselError, Population, Questions
from carousel_envs.foundation.errors import UsageError
from carousel_envs.rollout import rollout
from support.learned_models import file_of

BOREDOM = Population.preset("Boredom")
OTHERS = [Population.preset("Taste"), Population.preset("Satiation"), Questions.preset("Recall")]


@pytest.mark.sampled(7)
@pytest.mark.parametrize("other", OTHERS, ids=["Taste", "Satiation", "Recall"])
@pytest.mark.parametrize("name", ROUTERS)
def test_a_scripted_router_is_refused_where_other_columns_are_shown(name, other):
    router = scripted.make(name, BOREDOM)
    with pytest.raises(CarouselError, match=f"router '{name}' was solved for observations of"):
        evaluate(router, other, users=2)
    with pytest.raises(CarouselError, match=f"router '{name}' was solved for observations of"):
        rollout(other, router, 2)


@pytest.mark.parametrize("other", OTHERS, ids=["Taste", "Satiation", "Recall"])
def test_so_are_learned_routers_and_live_models(other):
    env = CarouselVecEnv.of(BOREDOM, 2)
    model = PPO("MlpPolicy", env, n_steps=8, batch_size=16, device="cpu")
    live = SB3Router(model, "Boredom", name="live")
    with pytest.raises(CarouselError, match="router 'live' was trained on other columns"):
        evaluate(live, other, users=2)
    with pytest.raises(CarouselError, match="router 'ppo' was trained on other columns"):
        evaluate(LearnedRouter(file_of(model, "ppo", BOREDOM)), other, users=2)


def test_a_slot_may_hold_another_persona():
    changed = BOREDOM.replace(personas=tuple(reversed(BOREDOM.personas)))
    router = scripted.make("uniform", BOREDOM)
    assert rollout(changed, router, 4).length.shape == (4,)


def test_a_name_and_a_preset_are_enough():
    found = evaluate("Loop", "boredom", users=50, seed=3)
    assert found.row() == evaluate(scripted.make("loop", BOREDOM), BOREDOM, users=50, seed=3).row()
    with pytest.raises(UsageError, match="did you mean loop"):
        evaluate("lop", "Boredom")


@pytest.mark.parametrize("given", ["Boredom", "boredom", "Carousel/Boredom-v0"])
def test_a_run_bears_the_id_of_its_environment(given):
    assert Run.of(BOREDOM, environment=given).environment == "Carousel/Boredom-v0"
    shifted = BOREDOM.replace(swap_cost=1.0)
    assert Run.of(shifted, environment=given).environment == "Carousel/Boredom-v0"


def test_or_one_of_ones_own():
    assert Run.of(BOREDOM, environment="Mine/Boredom-v0").environment == "Mine/Boredom-v0"


@pytest.mark.parametrize(
    ("population", "given", "said"),
    [
        (BOREDOM, "Bordom", r"did you mean Boredom\?"),
        (BOREDOM, "Carousel/Boredom-v1", "is unknown"),
        (BOREDOM, "", "is unknown"),
        (BOREDOM, 3, "is unknown"),
        (Population.preset("Taste"), "Boredom", "the preset Taste, whose id is Carousel/Taste-v0"),
        (Questions.preset("Recall"), "Boredom", "Questions"),
        (BOREDOM, "Recall", "must be Questions"),
    ],
)
def test_what_does_not_play_these_users_is_refused(population, given, said, tmp_path):
    with pytest.raises(CarouselError, match=said):
        Run.of(population, environment=given)
    with pytest.raises(CarouselError, match=said):
        import_sb3(tmp_path / "m.zip", population, algorithm="ppo", environment=given)
