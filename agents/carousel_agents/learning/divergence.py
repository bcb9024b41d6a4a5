"""Training that diverged: losses and weights that are not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from carousel_envs import CarouselError


def refuse_not_finite(model: Any) -> None:
    """Raise if a loss of the last update is not finite.

    Raises:
        CarouselError: training diverged.
    """
    for name, value in model.logger.name_to_value.items():
        if "loss" in name and not np.isfinite(value):
            raise _diverged(f"{name} is {value}", model)


def refuse_weights_not_finite(model: Any) -> None:
    """Raise if a weight is not finite.

    Raises:
        CarouselError: training diverged.
    """
    if not all(bool(torch.isfinite(weight).all()) for weight in model.policy.parameters()):
        raise _diverged("a weight is not finite", model)


def _diverged(what: str, model: Any) -> CarouselError:
    return CarouselError(
        f"training diverged: {what} after {model.num_timesteps} steps; settings nearer to the "
        "preset's, such as a smaller learning_rate, may help"
    )
