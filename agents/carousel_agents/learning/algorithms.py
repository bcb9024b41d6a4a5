"""Algorithms of Stable-Baselines3 and its contrib package, as many lanes need them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sb3_contrib import QRDQN, TRPO, MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO

from . import optional_algorithms
from .distributions import leave_unchecked
from .network import ScaledColumns
from .rollout_buffer import ShuffledMaskedRollout, ShuffledRollout
from .sequences import SessionBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.buffers import RolloutBuffer
    from stable_baselines3.common.vec_env import VecEnv

    from .settings import Settings
    from .view import Scaling

_ACTIVATIONS = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}
_POLICY_KEYS = ("lstm_hidden_size", "enable_critic_lstm", "shared_lstm", "n_quantiles")
_OURS = ("steps", "lanes", "network", "activation", "time_limit", "torch_threads")
_SCHEDULED = ("learning_rate", "learning_rate_final", "ent_coef_until")


class LanewiseExploration:
    """Every lane decides for itself whether it picks at random.

    The library draws once for all lanes, and then asks the action space once for each.
    """

    def _sample_action(
        self: Any, learning_starts: int, action_noise: Any = None, n_envs: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n_actions = int(self.action_space.n)
        # from the generators that `set_random_seed` seeds and a checkpoint keeps
        picks: NDArray[np.int64] = np.random.randint(n_actions, size=n_envs)  # noqa: NPY002
        if self.num_timesteps >= learning_starts:
            greedy, _ = self.policy.predict(self._last_obs, deterministic=True)
            explores = np.random.random(n_envs) < self.exploration_rate  # noqa: NPY002
            picks = np.where(explores, picks, greedy)
        return picks, picks


class LaneDQN(LanewiseExploration, DQN):
    """DQN whose lanes explore one by one."""


class LaneQRDQN(LanewiseExploration, QRDQN):
    """QR-DQN whose lanes explore one by one."""


class SessionPPO(RecurrentPPO):
    """Recurrent PPO that is trained on whole stretches of sessions at a time."""

    def _setup_model(self) -> None:
        super()._setup_model()
        old: Any = self.rollout_buffer
        self.rollout_buffer = SessionBuffer(
            old.buffer_size,
            self.observation_space,
            self.action_space,
            old.hidden_state_shape,
            self.device,
            gae_lambda=self.gae_lambda,
            gamma=self.gamma,
            n_envs=self.n_envs,
        )


def _scaling_network(settings: Settings, scaling: Scaling) -> dict[str, Any]:
    """A network that scales its columns itself."""
    values = dict(settings)
    return {
        "features_extractor_class": ScaledColumns,
        "features_extractor_kwargs": {"scaling": scaling},
        "net_arch": list(settings.network),
        "activation_fn": _ACTIVATIONS[settings.activation],
        **{key: values[key] for key in _POLICY_KEYS if key in values},
    }


def _as_it_is(env: VecEnv, scaling: Scaling) -> VecEnv:
    return env


@dataclass(frozen=True)
class Algorithm:
    """How a model is made.

    Attributes:
        model: its class.
        policy: name of the kind of network.
        off_policy: whether it learns from a memory of earlier turns.
        rollout: class of what keeps its rollouts; None: its own.
        network: what the network is made from, given the scaling of the columns that it reads.
        around: puts before the model what its network cannot do itself.
    """

    model: Callable[..., BaseAlgorithm]
    policy: str = "MlpPolicy"
    off_policy: bool = False
    rollout: type[RolloutBuffer] | None = None
    network: Callable[[Settings, Scaling], dict[str, Any]] = _scaling_network
    around: Callable[[VecEnv, Scaling], VecEnv] = _as_it_is


ALGORITHMS: Mapping[str, Algorithm] = MappingProxyType(
    {
        "ppo": Algorithm(PPO, rollout=ShuffledRollout),
        "a2c": Algorithm(A2C, rollout=ShuffledRollout),
        "dqn": Algorithm(LaneDQN, off_policy=True),
        "recurrent-ppo": Algorithm(SessionPPO, "MlpLstmPolicy"),
        "qr-dqn": Algorithm(LaneQRDQN, off_policy=True),
        "maskable-ppo": Algorithm(MaskablePPO, rollout=ShuffledMaskedRollout),
        "trpo": Algorithm(TRPO, rollout=ShuffledRollout),
    }
)


def find(name: str) -> Algorithm:
    """An algorithm by its name.

    Raises:
        CarouselError: its extra is missing, or cannot be imported.
    """
    known = ALGORITHMS if name in ALGORITHMS else optional_algorithms.module_of(name).ALGORITHMS
    found: Algorithm = known[name]
    return found


def build(name: str, settings: Settings, env: VecEnv, scaling: Scaling) -> BaseAlgorithm:
    """A model with fresh weights.

    Args:
        name: of the algorithm.
        settings: of the same algorithm.
        env: what it is trained in.
        scaling: of the columns that env shows.

    Raises:
        CarouselError: the algorithm's extra is missing, or cannot be imported.
    """
    algorithm = find(name)
    first, last = settings.learning_rate, settings.learning_rate_final
    own = {
        key: value
        for key, value in dict(settings).items()
        if key not in (*_OURS, *_SCHEDULED, *_POLICY_KEYS)
    }
    if algorithm.rollout:
        own["rollout_buffer_class"] = algorithm.rollout
    with warnings.catch_warnings():
        # a last minibatch that is smaller than the others is nobody's fault
        warnings.filterwarnings("ignore", "You have specified a mini-batch size", UserWarning)
        model = algorithm.model(
            algorithm.policy,
            algorithm.around(env, scaling),
            learning_rate=lambda remaining: last + (first - last) * max(remaining, 0.0),
            policy_kwargs=algorithm.network(settings, scaling),
            # not a seed: Stable-Baselines3 would seed the environment with it, and so put training
            # on the streams of evaluation
            seed=None,
            device="cpu",
            **own,
        )
    leave_unchecked(model.policy)
    return model
