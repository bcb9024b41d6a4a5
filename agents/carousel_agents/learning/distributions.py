"""Distributions over personas that are not checked at every turn.

torch checks that all logits are finite, and that all picks are personas, each time a distribution
is made or asked. Training checks its losses after every update instead (`divergence`), and torch
still refuses to draw from logits that are not finite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from sb3_contrib.common.maskable.distributions import (
    MaskableCategorical,
    MaskableCategoricalDistribution,
)
from stable_baselines3.common.distributions import CategoricalDistribution
from torch.distributions import Categorical

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch


class UncheckedCategorical(CategoricalDistribution):
    """Over personas."""

    def proba_distribution(self, action_logits: torch.Tensor) -> Self:
        """Take logits of shape (N, K); returns the distribution itself."""
        self.distribution = Categorical(logits=action_logits, validate_args=False)
        return self


class UncheckedMaskableCategorical(MaskableCategoricalDistribution):
    """Over personas of which some are unavailable."""

    def proba_distribution(self, action_logits: torch.Tensor) -> Self:
        """Take logits of shape (N, K); returns the distribution itself."""
        logits = action_logits.view(-1, self.action_dim)
        self.distribution = MaskableCategorical(logits=logits, validate_args=False)
        return self


_UNCHECKED: Mapping[type, type] = {
    CategoricalDistribution: UncheckedCategorical,
    MaskableCategoricalDistribution: UncheckedMaskableCategorical,
}


def leave_unchecked(policy: Any) -> None:
    """Let an actor-critic draw from a distribution that is not checked; others are left alone."""
    checked: Any = getattr(policy, "action_dist", None)
    if type(checked) in _UNCHECKED:
        policy.action_dist = _UNCHECKED[type(checked)](checked.action_dim)
