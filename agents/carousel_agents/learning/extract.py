"""From a model of Stable-Baselines3 or sb3-contrib to a policy file: the acting half alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from gymnasium import spaces
from sb3_contrib import QRDQN, TRPO, MaskablePPO, RecurrentPPO
from sb3_contrib.common.maskable.policies import MaskableActorCriticPolicy
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.qrdqn.policies import QRDQNPolicy
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.dqn.policies import DQNPolicy

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import named, shown

from . import optional_algorithms
from .layers import Lstm, Network
from .network import ScaledColumns
from .policy_file import PolicyFile
from .view import Scaling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation

    from .layers import Dense
    from .view import View

_ACTIVATIONS: Mapping[type[Any], str] = {torch.nn.Tanh: "tanh", torch.nn.ReLU: "relu"}


@dataclass(frozen=True)
class _Acting:
    """The modules that act, in the order in which an observation passes them."""

    features: Any
    dense: tuple[Any, ...]
    lstm: Any = None
    head: str = "logits"
    masked: bool = False
    quantiles: int = 1


def _actor(policy: Any) -> _Acting:
    dense = (*policy.mlp_extractor.policy_net, policy.action_net)
    return _Acting(policy.pi_features_extractor, dense)


def _recurrent_actor(policy: Any) -> _Acting:
    return replace(_actor(policy), lstm=policy.lstm_actor)


def _masked_actor(policy: Any) -> _Acting:
    return replace(_actor(policy), masked=True)


def _action_values(policy: Any) -> _Acting:
    return _Acting(policy.q_net.features_extractor, tuple(policy.q_net.q_net), head="values")


def _mean_quantiles(policy: Any) -> _Acting:
    net = policy.quantile_net
    dense = tuple(net.quantile_net)
    return _Acting(net.features_extractor, dense, head="values", quantiles=net.n_quantiles)


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Running statistics that stood before a model while it was trained (SB3's `VecNormalize`).

    Attributes:
        scaling: the columns' means and deviations.
        clip: scaled columns are cut to [-clip, clip].
    """

    scaling: Scaling
    clip: float


@dataclass(frozen=True, eq=False)
class Parts:
    """What a policy file takes from a model; see `PolicyFile` and `Network`."""

    layers: tuple[Dense, ...]
    activation: str
    scaling: Scaling
    clip: float | None
    lstm: tuple[Lstm, ...] = ()
    head: str = "logits"
    masked: bool = False


def _torch_parts(
    acting_in: Callable[[Any], _Acting],
    model: Any,
    width: int,
    normalisation: Normalisation | None,
) -> Parts:
    acting = acting_in(model.policy)
    layers, activation = _dense_layers(acting)
    lstm = () if acting.lstm is None else _lstm_layers(acting.lstm)
    scaling, clip = _scaling(acting.features, width, normalisation)
    return Parts(layers, activation, scaling, clip, lstm, acting.head, acting.masked)


@dataclass(frozen=True)
class Source:
    """Where the policies of an algorithm come from.

    Attributes:
        model: its class in the library that made it.
        policy: the class of its `MlpPolicy`. A subclass may compute anything, and is refused.
        parts: takes a model apart, given the number of columns that it reads and what stood before
            it.
    """

    model: type[Any]
    policy: type[Any]
    parts: Callable[[Any, int, Normalisation | None], Parts]


def _of_torch(model: type[Any], policy: type[Any], acting: Callable[[Any], _Acting]) -> Source:
    return Source(model, policy, partial(_torch_parts, acting))


SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "ppo": _of_torch(PPO, ActorCriticPolicy, _actor),
        "a2c": _of_torch(A2C, ActorCriticPolicy, _actor),
        "dqn": _of_torch(DQN, DQNPolicy, _action_values),
        "recurrent-ppo": _of_torch(RecurrentPPO, RecurrentActorCriticPolicy, _recurrent_actor),
        "qr-dqn": _of_torch(QRDQN, QRDQNPolicy, _mean_quantiles),
        "maskable-ppo": _of_torch(MaskablePPO, MaskableActorCriticPolicy, _masked_actor),
        "trpo": _of_torch(TRPO, ActorCriticPolicy, _actor),
    }
)
"""Of the algorithms that need no extra."""


def policy_file_of(
    model: Any,
    *,
    population: AnyPopulation,
    environment: str,
    algorithm: str,
    view: View,
    training: Mapping[str, Any],
    versions: Mapping[str, str],
    normalisation: Normalisation | None = None,
) -> PolicyFile:
    """The policy of a model, ready to save.

    Args:
        model: of the class that `SOURCES` names for the algorithm, with its `MlpPolicy` (or
            `MlpLstmPolicy`), activations tanh or relu, and `ScaledColumns` or plain columns.
        population: the users it was trained on, or questions.
        environment: id that the file will name.
        algorithm: a key of `SOURCES`, or one that needs an extra.
        view: what it was shown.
        training: steps, seed, settings; plain JSON data.
        versions: of the packages that trained it.
        normalisation: what scaled the columns before they reached a model that takes them plain.

    Raises:
        CarouselError: the model cannot be written as a policy file, does not fit this population
            and view, or its weights are not finite.
    """
    source = _checked_source(model, algorithm)
    columns = view.columns(population)
    _refuse_other_spaces(model, len(columns), population.n_actions)
    parts = source.parts(model, len(columns), normalisation)
    arrays = [*(array for layer in parts.layers for array in layer)]
    arrays += [parts.scaling.centre, parts.scaling.scale]
    arrays += [getattr(layer, part) for layer in parts.lstm for part in Lstm.PARTS]
    if not all(np.isfinite(array).all() for array in arrays):
        raise CarouselError("training diverged: the network's weights are not finite")
    return PolicyFile(
        algorithm=algorithm,
        environment=environment,
        population=population,
        view=view,
        columns=columns,
        scaling=parts.scaling,
        clip=parts.clip,
        network=Network(parts.activation, parts.layers, parts.lstm, parts.head, parts.masked),
        training=training,
        versions=versions,
    )


def _checked_source(model: Any, algorithm: str) -> Source:
    if algorithm not in SOURCES and algorithm not in optional_algorithms.EXTRAS:
        named("algorithm", algorithm, SOURCES)
    known = SOURCES if algorithm in SOURCES else optional_algorithms.module_of(algorithm).SOURCES
    source: Source = known[algorithm]
    if not isinstance(model, source.model):
        raise CarouselError(
            f"the model is of class {type(model).__name__}; {algorithm} makes "
            f"{source.model.__name__}"
        )
    if type(model.policy) is not source.policy:
        raise CarouselError(
            f"the policy is of class {type(model.policy).__name__}; only the network of an "
            f"MlpPolicy, {source.policy.__name__}, can be written"
        )
    return source


def _refuse_other_spaces(model: Any, width: int, personas: int) -> None:
    actions, observations = model.action_space, model.observation_space
    if not isinstance(actions, spaces.Discrete) or (actions.n, actions.start) != (personas, 0):
        raise CarouselError(
            f"the model acts in {shown(actions)}; these users are offered {personas} personas"
        )
    if not isinstance(observations, spaces.Box) or observations.shape != (width,):
        kind = getattr(observations, "shape", None) or type(observations).__name__
        raise CarouselError(
            f"the model reads observations of form {kind}; these users show {width} columns "
            "(see --history and --visible-context)"
        )


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float32)


def _dense_layers(acting: _Acting) -> tuple[tuple[Dense, ...], str]:
    """(weight, bias) of every dense layer, and the one activation between them."""
    linear, between = acting.dense[::2], acting.dense[1::2]
    kinds = {type(module) for module in between}
    if (
        not all(type(module) is torch.nn.Linear and module.bias is not None for module in linear)
        or len(linear) != len(between) + 1
        or not kinds <= set(_ACTIVATIONS)
        or len(kinds) > 1
    ):
        names = ", ".join(type(module).__name__ for module in acting.dense)
        raise CarouselError(
            f"the network is {names}; only dense layers with biases and one activation between "
            f"them, {' or '.join(_ACTIVATIONS.values())}, can be written"
        )
    layers = [(_array(module.weight), _array(module.bias)) for module in linear]
    layers[-1] = _without_quantiles(*layers[-1], acting.quantiles)
    # a network without hidden layers has no activation: any name will do
    return tuple(layers), _ACTIVATIONS[next(iter(kinds), torch.nn.Tanh)]


def _without_quantiles(
    weight: NDArray[np.float32], bias: NDArray[np.float32], quantiles: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The layer that gives the mean over quantiles (arXiv 1710.10044): a mean of linear maps."""
    if quantiles == 1:
        return weight, bias
    # a row per quantile and action, actions fastest
    of_action = weight.reshape(quantiles, -1, weight.shape[1])
    mean = of_action.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean, bias.reshape(quantiles, -1).mean(axis=0, dtype=np.float64).astype(np.float32)


def _lstm_layers(lstm: Any) -> tuple[Lstm, ...]:
    if lstm.bidirectional or lstm.proj_size or not lstm.bias:
        raise CarouselError(
            "the LSTM is bidirectional, projected or without biases; only a plain one can be "
            "written"
        )
    return tuple(
        Lstm(**{part: _array(getattr(lstm, f"{part}_l{i}")) for part in Lstm.PARTS})
        for i in range(lstm.num_layers)
    )


def _scaling(
    features: Any, width: int, normalisation: Normalisation | None
) -> tuple[Scaling, float | None]:
    if type(features) is ScaledColumns:
        refuse_second_scaling(normalisation)
        counts = tuple(int(i) for i in np.flatnonzero(features.is_count.cpu().numpy()))
        return Scaling(counts, _array(features.centre), _array(features.scale)), None
    if type(features) is not FlattenExtractor:
        raise CarouselError(
            f"the model extracts features with {type(features).__name__}; only ScaledColumns and "
            "FlattenExtractor can be written"
        )
    return scaling_before(width, normalisation)


def refuse_second_scaling(normalisation: Normalisation | None) -> None:
    """Refuse statistics that stood before a model whose columns are scaled already.

    Raises:
        CarouselError: there are some.
    """
    if normalisation is not None:
        raise CarouselError("the model scales columns itself; statistics before it are too much")


def scaling_before(width: int, normalisation: Normalisation | None) -> tuple[Scaling, float | None]:
    """Scaling and clip of what stood before a model that takes its columns plain."""
    if normalisation is None:
        return Scaling((), np.zeros(width, np.float32), np.ones(width, np.float32)), None
    return normalisation.scaling, normalisation.clip
