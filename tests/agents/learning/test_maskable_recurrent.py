"""Recurrent PPO with action masks, beside both of its parents: `RecurrentPPO` and `MaskablePPO`."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from sb3_contrib import MaskablePPO, RecurrentPPO
from sb3_contrib.common.maskable.evaluation import evaluate_policy
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import DummyVecEnv

from carousel_agents.learning.adapter import CarouselVecEnv
from carousel_agents.learning.maskable_recurrent import MaskableRecurrentPPO
from carousel_agents.learning.sequences import MaskableSessionPPO, SessionPPO
from carousel_envs import Population

BOREDOM = Population.preset("Boredom").replace(session_length=9, leave_bored=0.1)
MASKED = BOREDOM.replace(unavailability=0.5)
HIDDEN = 6
OPTIONS: dict[str, Any] = {
    "n_steps": 13,
    "batch_size": 40,
    "n_epochs": 2,
    "learning_rate": 1e-2,
    "ent_coef": 0.01,
    "device": "cpu",
}


def model_of(kind: type, population: Population, **policy: Any) -> Any:
    env = CarouselVecEnv.of(population, 8, 0, time_limit="end")
    set_random_seed(3)
    kwargs = {"lstm_hidden_size": HIDDEN, "net_arch": [5], **policy}
    return kind("MlpLstmPolicy", env, policy_kwargs=kwargs, **OPTIONS)


def assert_same_weights(one: Any, other: Any, tolerance: float) -> None:
    theirs = other.policy.state_dict()
    for name, weight in one.policy.state_dict().items():
        torch.testing.assert_close(weight, theirs[name], atol=tolerance, rtol=0.0)


@pytest.mark.parametrize(
    ("masked", "parent"), [(MaskableRecurrentPPO, RecurrentPPO), (MaskableSessionPPO, SessionPPO)]
)
@pytest.mark.parametrize(
    "critic",
    [
        {"enable_critic_lstm": True},
        {"enable_critic_lstm": False, "shared_lstm": True},
        {"enable_critic_lstm": False, "shared_lstm": False},
    ],
)
def test_where_nothing_is_forbidden_it_is_recurrent_ppo(masked, parent, critic):
    models = [model_of(kind, BOREDOM, **critic) for kind in (masked, parent)]
    first = copy.deepcopy(models[0].policy.state_dict())
    for model in models:
        set_random_seed(7)
        model.learn(4 * 13 * 8)
    # masks that forbid nothing only round differently
    assert_same_weights(*models, 1e-5)
    assert not any(torch.equal(first[k], v) for k, v in models[0].policy.state_dict().items())


class Bandit(gym.Env[Any, Any]):
    """Sessions of one turn, in which some actions are forbidden: there is nothing to remember."""

    observation_space = spaces.Box(-1.0, 1.0, (3,), np.float32)
    action_space = spaces.Discrete(4)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._seen = self.np_random.uniform(-1.0, 1.0, 3).astype(np.float32)
        self._may = self.np_random.random(4) < 0.6
        self._may[self.np_random.integers(4)] = True
        return self._seen, {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self._may[action], "a forbidden action was picked"
        return self._seen, float(self._seen[int(action) % 3]), True, False, {}

    def action_masks(self) -> Any:
        return self._may


class Glance(BaseFeaturesExtractor):
    """What a memory makes of one look, when nothing came before."""

    def __init__(self, observation_space: Any) -> None:
        super().__init__(observation_space, HIDDEN)
        self.lstm = torch.nn.LSTM(3, HIDDEN)

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return self.lstm(seen[None])[0][0]


def test_where_nothing_can_be_remembered_it_is_maskable_ppo():
    options = {**OPTIONS, "batch_size": 4 * 16, "n_steps": 16}
    envs = [DummyVecEnv([Bandit] * 4) for _ in range(2)]
    for env in envs:
        env.seed(5)
    kwargs = {"lstm_hidden_size": HIDDEN, "net_arch": []}
    ours: Any = MaskableRecurrentPPO("MlpLstmPolicy", envs[0], policy_kwargs=kwargs, **options)
    kwargs = {
        "features_extractor_class": Glance,
        "share_features_extractor": False,
        "net_arch": [],
    }
    theirs: Any = MaskablePPO("MlpPolicy", envs[1], policy_kwargs=kwargs, **options)
    one, other = ours.policy, theirs.policy
    beside = [
        (one.lstm_actor, other.pi_features_extractor.lstm),
        (one.lstm_critic, other.vf_features_extractor.lstm),
        (one.action_net, other.action_net),
        (one.value_net, other.value_net),
    ]
    for mine, parents in beside:
        parents.load_state_dict(mine.state_dict())
    first = copy.deepcopy(one.action_net.weight)
    for model in (ours, theirs):
        set_random_seed(7)
        model.learn(3 * 64)
    assert (first - one.action_net.weight).abs().max() > 0.01
    for mine, parents in beside:
        for a, b in zip(mine.parameters(), parents.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=2e-5, rtol=0.0)


@pytest.mark.parametrize("kind", [MaskableRecurrentPPO, MaskableSessionPPO])
def test_minibatches_hold_the_masks_that_their_actions_were_picked_under(kind):
    """So an untrained policy finds the probabilities again; with other masks it does not."""
    model = model_of(kind, MASKED)
    _, callback = model._setup_learn(10**6, CallbackList([]))
    buffer, policy, turns = model.rollout_buffer, model.policy, 0
    for _ in range(2):
        model.collect_rollouts(model.env, callback, buffer, model.n_steps)
        played = copy.deepcopy(buffer.action_masks)
        assert 0.2 < played.mean() < 0.9
        for batch in buffer.get(40):
            real, actions = batch.mask > 0.5, batch.actions.long().flatten()
            arguments = (batch.observations, actions, batch.lstm_states, batch.episode_starts)
            _, now, _ = policy.evaluate_actions(*arguments, action_masks=buffer.batch_masks)
            torch.testing.assert_close(now[real], batch.old_log_prob[real], atol=1e-5, rtol=0.0)
            _, free, _ = policy.evaluate_actions(*arguments)
            assert (free[real] - batch.old_log_prob[real]).abs().mean() > 0.1
            turns += int(real.sum())
    assert turns == 2 * 13 * 8


@pytest.mark.parametrize("kind", [MaskableRecurrentPPO, MaskableSessionPPO])
def test_what_is_forbidden_is_never_picked(kind):
    model = model_of(kind, MASKED)

    def look(scope: Any, _: Any) -> bool:
        masks = scope["self"].rollout_buffer.coming
        assert masks[np.arange(8), scope["clipped_actions"]].all()
        return True

    model.learn(4 * 13 * 8, callback=look)
    observation = model.env.reset()
    state, begins = None, np.ones(8, dtype=bool)
    for turn in range(30):
        masks = np.stack(model.env.env_method("action_masks"))
        picks, state = model.predict(
            observation, state, begins, deterministic=turn % 2 == 0, action_masks=masks
        )
        assert masks[np.arange(8), picks].all()
        observation, _, begins, _ = model.env.step(picks)


@pytest.mark.parametrize("masked", [True, False])
def test_what_a_callback_evaluates_leaves_the_rollout_alone(masked):
    """It may have another number of lanes, and masks of its own or none."""
    models = [model_of(MaskableRecurrentPPO, MASKED) for _ in range(2)]
    other = CarouselVecEnv.of(MASKED, 3, 10**6)

    def evaluated(scope: Any, _: Any) -> bool:
        observation = other.reset()
        masks = np.stack(other.env_method("action_masks"))
        given = {"action_masks": masks} if masked else {}
        scope["self"].predict(observation, deterministic=True, **given)
        return True

    for model, callback in zip(models, (None, evaluated), strict=True):
        set_random_seed(7)
        model.learn(2 * 13 * 8, callback=callback)
    assert_same_weights(*models, 0.0)


class Several(gym.Env[Any, Any]):
    """Observations and actions of any form, with random masks; fails if one is disregarded."""

    def __init__(self, observation_space: Any, action_space: Any) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        shape = action_space.nvec if isinstance(action_space, spaces.MultiDiscrete) else None
        self._sizes = [2] * action_space.n if shape is None else list(shape)

    def _look(self) -> Any:
        self._may = [self.np_random.random(n) < 0.5 for n in self._sizes]
        for may in self._may:
            may[self.np_random.integers(len(may))] = True
        return self.observation_space.sample()

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self._turn = 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert all(may[a] for may, a in zip(self._may, action, strict=True))
        self._turn += 1
        return self._look(), float(np.sum(action)), self._turn == 5, False, {}

    def action_masks(self) -> Any:
        return np.concatenate(self._may)


@pytest.mark.parametrize("actions", [spaces.MultiDiscrete([3, 2]), spaces.MultiBinary(3)])
@pytest.mark.parametrize("policy", ["MlpLstmPolicy", "MultiInputLstmPolicy"])
def test_observations_and_actions_may_have_any_form_that_the_parents_take(policy, actions):
    seen: Any = spaces.Box(0.0, 1.0, (2,), np.float32)
    if policy == "MultiInputLstmPolicy":
        seen = spaces.Dict({"one": seen, "two": spaces.Discrete(3)})
    env = DummyVecEnv([lambda: Several(seen, actions)] * 2)
    kwargs = {"lstm_hidden_size": HIDDEN}
    model: Any = MaskableRecurrentPPO(policy, env, policy_kwargs=kwargs, **OPTIONS)
    model.learn(2 * 13 * 2)
    assert np.isfinite(evaluate_policy(model, env, n_eval_episodes=4, warn=False)[0])


def test_an_environment_without_masks_is_refused_unless_none_are_wanted():
    env = DummyVecEnv([lambda: gym.make("CartPole-v1")])
    model: Any = MaskableRecurrentPPO("MlpLstmPolicy", env, **OPTIONS)
    with pytest.raises(ValueError, match="has no method action_masks"):
        model.learn(26)
    assert model.learn(26, use_masking=False).num_timesteps == 26


def test_actions_that_cannot_be_masked_are_refused():
    env = DummyVecEnv([lambda: gym.make("Pendulum-v1")])
    with pytest.raises(NotImplementedError, match="action space"):
        MaskableRecurrentPPO("MlpLstmPolicy", env, **OPTIONS)


def test_a_saved_model_picks_and_goes_on_as_the_one_that_was_saved(tmp_path):
    model = model_of(MaskableRecurrentPPO, MASKED).learn(13 * 8)
    model.save(tmp_path / "model.zip")
    again: Any = MaskableRecurrentPPO.load(tmp_path / "model.zip", env=model.env)
    assert_same_weights(again, model, 0.0)
    observation = model.env.reset()
    masks = np.stack(model.env.env_method("action_masks"))
    picks, picked = (
        one.predict(observation, deterministic=True, action_masks=masks)[0]
        for one in (model, again)
    )
    np.testing.assert_array_equal(picks, picked)
    again.learn(13 * 8)
