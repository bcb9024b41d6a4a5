"""A live model of Stable-Baselines3 routes as the policy file that is made of it."""

from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

from carousel_agents.generalisation import evaluate
from carousel_agents.learning import CarouselVecEnv, FrameStack, LearnedRouter, SB3Router
from carousel_agents.learning.view import View
from carousel_envs import CarouselError, Population
from carousel_envs.rollout import rollout
from support.learned_models import file_of, trained_model

BOREDOM = Population.preset("Boredom").replace(session_length=9, leave_bored=0.1)
MASKED = BOREDOM.replace(unavailability=0.4)


@pytest.mark.parametrize(
    ("algorithm", "population", "more"),
    [
        ("ppo", BOREDOM, {}),
        ("dqn", BOREDOM, {}),
        ("maskable-ppo", MASKED, {}),
        ("recurrent-ppo", BOREDOM, {"lstm_hidden_size": 8}),
        ("maskable-recurrent-ppo", MASKED, {"lstm_hidden_size": 8}),
    ],
)
def test_a_live_model_plays_the_sessions_of_its_file(algorithm: str, population: Any, more: Any):
    view = View(2)
    model = trained_model(algorithm, population, view, plain=True, steps=1, **more)
    live = rollout(population, SB3Router(model, population, view=view), 64)
    file = rollout(population, LearnedRouter(file_of(model, algorithm, population, view), "f"), 64)
    # rounding may decide between equals, in few sessions
    assert np.mean(live.engagement == file.engagement) > 0.95
    if "maskable" in algorithm:
        assert live.refused.sum() == file.refused.sum()


def test_it_plays_as_behind_the_wrappers_of_its_training():
    lanes = CarouselVecEnv.of(BOREDOM, 16, monitor=False)
    env = VecFrameStack(VecNormalize(lanes, norm_reward=False), 3)
    model = trained_model("ppo", BOREDOM, plain=True, env=env, steps=320)
    router = SB3Router(model, BOREDOM, frame_stack=FrameStack(3))
    model.get_vec_normalize_env().training = False
    played = rollout(BOREDOM, router, 16, seed=5)
    env.seed(5)
    env.set_options([{"user": i} for i in range(16)])
    seen, lengths, over = env.reset(), np.zeros(16, int), np.zeros(16, bool)
    for _ in range(9):
        lengths += ~over
        seen, _, done, _ = env.step(model.predict(seen, deterministic=True)[0])
        over |= done
    np.testing.assert_array_equal(lengths, played.length)


def test_it_is_evaluated_like_any_router_and_refuses_what_it_was_not_trained_on():
    model = trained_model("ppo", BOREDOM, plain=True, steps=320)
    router = SB3Router(model, BOREDOM, name="mine")
    assert np.isfinite(evaluate(router, BOREDOM, users=50).score)
    assert router.description == "a live PPO of 320 steps"
    with pytest.raises(CarouselError, match="these users are offered 3 personas"):
        SB3Router(model, "Recall")
    with pytest.raises(CarouselError, match="these users show 30 columns"):
        SB3Router(model, BOREDOM, view=View(2))
    with pytest.raises(CarouselError, match="trained on others"):
        SB3Router(model, BOREDOM.replace(session_length=20))
