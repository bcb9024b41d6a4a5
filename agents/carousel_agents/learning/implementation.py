"""The classes that train by an algorithm, and how a model is built of them."""

from __future__ import annotations

import inspect
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from carousel_envs import CarouselError

from .distributions import leave_unchecked
from .exploration import lanewise
from .network import ScaledColumns
from .torch_parts import mlp_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.buffers import RolloutBuffer
    from stable_baselines3.common.policies import BasePolicy
    from stable_baselines3.common.vec_env import VecEnv

    from .algorithms import Settings
    from .parts import Normalisation, Parts
    from .view import Scaling

_ACTIVATIONS = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}
_NOT_OF_THE_MODEL = (
    *("steps", "lanes", "network", "activation", "time_limit", "rewards", "torch_threads"),
    *("learning_rate", "learning_rate_final", "ent_coef_until"),
)
"""Settings that the constructor of a model does not take, or not as they are."""


def scaled_mlp(settings: Settings, scaling: Scaling) -> dict[str, Any]:
    """Arguments of a torch policy whose network scales its columns itself."""
    values = dict(settings)
    return {
        "features_extractor_class": ScaledColumns,
        "features_extractor_kwargs": {"scaling": scaling},
        "net_arch": list(settings.network),
        "activation_fn": _ACTIVATIONS[settings.activation],
        **{name: values[name] for name in settings.policy_fields},
    }


@dataclass(frozen=True)
class Implementation:
    """The classes that train by an algorithm.

    Attributes:
        model: class with the interface of Stable-Baselines3. It is given the settings as arguments,
            apart from those of training as a whole (steps, lanes) and of the policy. Policy files
            are made of its instances.
        policy: name of its policy, a key of `model.policy_aliases`.
        trained: subclass that trains in its place; default: `model`, exploring lane by lane.
        rollout: class of its rollout buffer; None: its own.
        policy_kwargs: arguments of the policy, given the scaling of the columns that it reads.
        wrap: wrapper of the environment that a model is given, which scales the columns; None: the
            policy scales them.
        parts: takes a model apart into what a policy file holds, given the number of columns that
            it reads and the statistics that stood before it. The default takes the networks of
            `MlpPolicy` as Stable-Baselines3 makes them for actor-critics and DQN.
    """

    model: type[BaseAlgorithm]
    policy: str = "MlpPolicy"
    trained: type[BaseAlgorithm] | None = None
    rollout: type[RolloutBuffer] | None = None
    policy_kwargs: Callable[[Settings, Scaling], dict[str, Any]] = scaled_mlp
    wrap: Callable[[VecEnv, Scaling], VecEnv] | None = None
    parts: Callable[[Any, int, Normalisation | None], Parts] = mlp_parts

    @property
    def policy_class(self) -> type[BasePolicy]:
        """Class of the policy that `policy` names."""
        return self.model.policy_aliases[self.policy]

    def build(self, settings: Settings, env: VecEnv, scaling: Scaling) -> BaseAlgorithm:
        """A model with fresh weights.

        Args:
            settings: of the algorithm.
            env: what it is trained in.
            scaling: of the columns that env shows.

        Raises:
            CarouselError: the class takes no argument of a setting's name.
        """
        first, last = settings.learning_rate, settings.learning_rate_final
        own = {
            name: value
            for name, value in dict(settings).items()
            if name not in (*_NOT_OF_THE_MODEL, *settings.policy_fields)
        }
        if self.rollout:
            own["rollout_buffer_class"] = self.rollout
        _refuse_untaken(self.model, own)
        make: Any = self.trained or lanewise(self.model)
        with warnings.catch_warnings():
            # a last minibatch that is smaller than the others does no harm
            warnings.filterwarnings("ignore", "You have specified a mini-batch size", UserWarning)
            model: BaseAlgorithm = make(
                self.policy,
                self.wrap(env, scaling) if self.wrap else env,
                learning_rate=lambda remaining: last + (first - last) * max(remaining, 0.0),
                policy_kwargs=self.policy_kwargs(settings, scaling),
                # not a seed: Stable-Baselines3 would seed the environment with it, and so put
                # training on the streams of evaluation
                seed=None,
                device="cpu",
                **own,
            )
        leave_unchecked(model.policy)
        return model


def _refuse_untaken(model: type[BaseAlgorithm], settings: Mapping[str, Any]) -> None:
    taken = inspect.signature(model).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in taken.values()):
        return
    untaken = [name for name in settings if name not in taken]
    if untaken:
        raise CarouselError(
            f"{model.__name__} takes no {untaken[0]!r}, which is a setting of its algorithm; "
            f"settings are given to it by name, except those in policy_fields, and it takes "
            f"{', '.join(taken)}"
        )
