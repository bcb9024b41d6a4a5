"""From a policy of Stable-Baselines3 or sb3-contrib to arrays: the acting half alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor
from stable_baselines3.dqn.policies import DQNPolicy

from carousel_envs import CarouselError

from .layers import Lstm
from .network import ScaledColumns
from .parts import Parts, refuse_second_scaling, scaling_before
from .view import Scaling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from .layers import Dense
    from .parts import Normalisation

_ACTIVATIONS: Mapping[type[Any], str] = {torch.nn.Tanh: "tanh", torch.nn.ReLU: "relu"}


@dataclass(frozen=True)
class Acting:
    """The modules of a policy that act, in the order in which an observation passes them.

    Attributes:
        features: a `ScaledColumns` or `FlattenExtractor`.
        dense: linear layers, with an activation between each two.
        lstm: a `torch.nn.LSTM` before them, or None.
        head: "logits" or action "values".
        masked: whether personas that are unavailable cannot be picked.
        quantiles: outputs per persona, of which the mean counts.
    """

    features: Any
    dense: tuple[Any, ...]
    lstm: Any = None
    head: str = "logits"
    masked: bool = False
    quantiles: int = 1


def actor(policy: Any, *, lstm: Any = None, masked: bool = False) -> Acting:
    """The acting modules of an actor-critic."""
    dense = (*policy.mlp_extractor.policy_net, policy.action_net)
    return Acting(policy.pi_features_extractor, dense, lstm=lstm, masked=masked)


def _known_acting(policy: Any) -> Acting:
    """The acting modules of an `ActorCriticPolicy` or a `DQNPolicy`.

    Raises:
        CarouselError: it is neither. A subclass may compute anything.
    """
    if type(policy) is ActorCriticPolicy:
        return actor(policy)
    if type(policy) is DQNPolicy:
        net = policy.q_net
        return Acting(net.features_extractor, tuple(net.q_net), head="values")
    raise CarouselError(
        f"the policy is of class {type(policy).__name__}; only ActorCriticPolicy and DQNPolicy can "
        "be written unless the algorithm says which modules act (Implementation.parts)"
    )


def torch_parts(
    acting_in: Callable[[Any], Acting],
    model: Any,
    width: int,
    normalisation: Normalisation | None,
) -> Parts:
    """What a policy file takes from a model that computes with torch.

    Args:
        acting_in: the modules of the model's policy that act.
        model: a model of Stable-Baselines3.
        width: number of columns that it reads.
        normalisation: statistics that stood before it.

    Raises:
        CarouselError: the network has other layers than a policy file can hold.
    """
    acting = acting_in(model.policy)
    layers, activation = _dense_layers(acting)
    lstm = () if acting.lstm is None else _lstm_layers(acting.lstm)
    scaling, clip = _scaling(acting.features, width, normalisation)
    return Parts(layers, activation, scaling, clip, lstm, acting.head, acting.masked)


def mlp_parts(model: Any, width: int, normalisation: Normalisation | None) -> Parts:
    """`torch_parts` of the `MlpPolicy` of an actor-critic or of DQN.

    Raises:
        CarouselError: the policy is of another class, or its network has other layers.
    """
    return torch_parts(_known_acting, model, width, normalisation)


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    return np.array(tensor.detach().cpu().numpy(), dtype=np.float32)


def _dense_layers(acting: Acting) -> tuple[tuple[Dense, ...], str]:
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
