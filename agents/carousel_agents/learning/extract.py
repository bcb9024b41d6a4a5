"""From a model to a policy file: the acting half alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown

from .algorithms import ALGORITHMS
from .layers import Lstm, Network
from .policy_file import PolicyFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carousel_envs.registry import AnyPopulation

    from .implementation import Implementation
    from .parts import Normalisation, Parts
    from .view import View


@dataclass(frozen=True)
class Provenance:
    """Where a policy comes from, as its file says.

    Attributes:
        population: the users it was trained on, or questions.
        environment: id that the file will name.
        algorithm: name of the algorithm.
        view: what the model was shown.
        training: steps, seed, settings; plain JSON data.
        versions: of the packages that trained it.
    """

    population: AnyPopulation
    environment: str
    algorithm: str
    view: View
    training: Mapping[str, Any]
    versions: Mapping[str, str]


def policy_file_of(
    model: Any, provenance: Provenance, normalisation: Normalisation | None = None
) -> PolicyFile:
    """The policy of a model, ready to save.

    Args:
        model: an instance of the algorithm's class (`Implementation.model`), with its `MlpPolicy`
            (or `MlpLstmPolicy`), activations tanh or relu, and `ScaledColumns` or plain columns.
        provenance: where it comes from.
        normalisation: what scaled the columns before they reached a model that takes them plain.

    Raises:
        CarouselError: the model cannot be written as a policy file, does not fit this population
            and view, or its weights are not finite.
    """
    population = provenance.population
    implementation = ALGORITHMS.find(provenance.algorithm).implementation
    _refuse_other_classes(model, provenance.algorithm, implementation)
    columns = provenance.view.columns(population)
    _refuse_other_spaces(model, len(columns), population.n_actions)
    parts = implementation.parts(model, len(columns), normalisation)
    _refuse_not_finite(parts)
    return PolicyFile(
        **vars(provenance),
        columns=columns,
        scaling=parts.scaling,
        clip=parts.clip,
        network=Network(parts.activation, parts.layers, parts.lstm, parts.head, parts.masked),
    )


def _refuse_other_classes(model: Any, algorithm: str, implementation: Implementation) -> None:
    if not isinstance(model, implementation.model):
        raise CarouselError(
            f"the model is of class {type(model).__name__}; {algorithm} makes "
            f"{implementation.model.__name__}"
        )
    # a subclass may compute anything
    if type(model.policy) is not implementation.policy_class:
        raise CarouselError(
            f"the policy is of class {type(model.policy).__name__}; only the network of an "
            f"MlpPolicy, {implementation.policy_class.__name__}, can be written"
        )


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


def _refuse_not_finite(parts: Parts) -> None:
    arrays = [*(array for layer in parts.layers for array in layer)]
    arrays += [parts.scaling.centre, parts.scaling.scale]
    arrays += [getattr(layer, part) for layer in parts.lstm for part in Lstm.PARTS]
    if not all(np.isfinite(array).all() for array in arrays):
        raise CarouselError("training diverged: the network's weights are not finite")
