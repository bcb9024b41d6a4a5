"""What a policy file takes from a model, and what may have stood before the model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import CarouselError

from .view import Scaling

if TYPE_CHECKING:
    from .layers import Dense, Lstm


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
    """What a policy file takes from a model; see `PolicyFile` and `Network`.

    Attributes:
        layers: (weight, bias) of every dense layer, float32, shapes (out, in) and (out,).
        activation: "tanh" or "relu", between dense layers.
        scaling: of the columns that the model reads.
        clip: scaled columns are cut to [-clip, clip]; None: they are not.
        lstm: layers of memory before the dense ones.
        head: "logits" or action "values".
        masked: whether personas that are unavailable cannot be picked.
    """

    layers: tuple[Dense, ...]
    activation: str
    scaling: Scaling
    clip: float | None
    lstm: tuple[Lstm, ...] = ()
    head: str = "logits"
    masked: bool = False


def refuse_second_scaling(normalisation: Normalisation | None) -> None:
    """Refuse statistics that stood before a model whose columns are scaled already.

    Raises:
        CarouselError: there are some.
    """
    if normalisation is not None:
        raise CarouselError("the model scales columns itself; statistics before it are too much")


def scaling_before(width: int, normalisation: Normalisation | None) -> tuple[Scaling, float | None]:
    """Scaling and clip before a model that does not scale its columns."""
    if normalisation is None:
        return Scaling((), np.zeros(width, np.float32), np.ones(width, np.float32)), None
    return normalisation.scaling, normalisation.clip
