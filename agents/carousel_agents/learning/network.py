"""What our networks put before their first layer."""

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

    def __init__(self, observation_space: spaces.Box, scaling: Scaling) -> None:
        super().__init__(observation_space, features_dim=observation_space.shape[0])
        is_count = torch.zeros(observation_space.shape, dtype=torch.bool)
        is_count[list(scaling.counts)] = True
        self.register_buffer("is_count", is_count)
        self.register_buffer("centre", torch.tensor(scaling.centre))
        self.register_buffer("scale", torch.tensor(scaling.scale))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        counted = torch.log1p(torch.clamp(observation, min=0.0))
        return (torch.where(self.is_count, counted, observation) - self.centre) / self.scale
