"""The features extractor of our networks: observation columns, scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor

if TYPE_CHECKING:
    from gymnasium import spaces

    from .view import Scaling


class ScaledColumns(BaseFeaturesExtractor):
    """Observation columns as `Scaling` brings them to the same size.

    Args:
        observation_space: a Box of shape (D,).
        scaling: of the same D columns.
    """

    centre: torch.Tensor
    scale: torch.Tensor
    is_count: torch.Tensor
    counts: torch.Tensor

    def __init__(self, observation_space: spaces.Box, scaling: Scaling) -> None:
        super().__init__(observation_space, features_dim=observation_space.shape[0])
        is_count = torch.zeros(observation_space.shape, dtype=torch.bool)
        is_count[list(scaling.counts)] = True
        self.register_buffer("is_count", is_count)
        # the same as indices, and so not kept in checkpoints
        self.register_buffer("counts", torch.tensor(scaling.counts, dtype=torch.long), False)
        self.register_buffer("centre", torch.tensor(scaling.centre))
        self.register_buffer("scale", torch.tensor(scaling.scale))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """Scaled columns, float32, shape (N, D) to (N, D)."""
        # logarithms of the counting columns alone: one of them costs as much as all the rest
        counted = observation.index_select(1, self.counts).clamp_(min=0.0).log1p_()
        columns = observation.index_copy(1, self.counts, counted)
        return columns.sub_(self.centre).div_(self.scale)
