"""Quantile-regression deep Q-learning (arXiv 1710.10044), for many native lanes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from . import dqn
from .families import Width  # noqa: TC001 (pydantic reads it)
from .record import ALGORITHMS, Algorithm

if TYPE_CHECKING:
    from ..implementation import Implementation
    from ..torch_parts import Acting


class QRDQNSettings(dqn.DQNSettings):
    """Quantile-regression deep Q-learning."""

    policy_fields: ClassVar[tuple[str, ...]] = ("n_quantiles",)

    n_quantiles: Width = Field(description="quantiles of the return per persona, 1 to 4096")


PRESET = QRDQNSettings(
    **dict(dqn.PRESET),  # so that the quantiles are all that differs
    n_quantiles=25,  # the library's 200 take eight times as long for each persona
)


def mean_quantiles(policy: Any) -> Acting:
    """The acting modules of a `QRDQNPolicy`; a persona's value is the mean of its quantiles."""
    from ..torch_parts import Acting

    net = policy.quantile_net
    dense = tuple(net.quantile_net)
    return Acting(net.features_extractor, dense, head="values", quantiles=net.n_quantiles)


def _load() -> Implementation:
    from sb3_contrib import QRDQN

    from ..implementation import Implementation
    from ..torch_parts import torch_parts

    return Implementation(QRDQN, parts=partial(torch_parts, mean_quantiles))


ALGORITHMS.register(
    Algorithm(
        "qr-dqn",
        PRESET,
        _load,
        dqn.BUDGET,  # not measured here
        {**dqn.SPACE, "n_quantiles": (10, 25, 50)},
    )
)
