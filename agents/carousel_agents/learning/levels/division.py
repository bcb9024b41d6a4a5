"""How lanes are divided among levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import CarouselError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

EQUAL_SHARE = 0.25
"""Share of the lanes that is divided equally whatever the regret, so that none is forgotten."""


def refuse_too_few(lanes: int, levels: int) -> None:
    """Refuse fewer lanes than levels.

    Raises:
        CarouselError: there are.
    """
    if lanes < levels:
        raise CarouselError(
            f"lanes is {lanes}; with {levels} levels, the training users among them, there must "
            f"be {levels} at least"
        )


def divided(lanes: int, weights: ArrayLike) -> NDArray[np.int64]:
    """Lanes in proportion to weights, one at least per level; largest remainders are rounded up.

    Args:
        lanes: how many there are, at least one per level.
        weights: shape (L,), not negative; if all are 0, parts are equal.

    Returns:
        Shape (L,), int64; they add up to `lanes`.

    Raises:
        CarouselError: there are fewer lanes than levels.
    """
    weights = np.asarray(weights, dtype=np.float64)
    levels, total = len(weights), weights.sum()
    refuse_too_few(lanes, levels)
    shares = weights / total if total > 0.0 else np.full(levels, 1.0 / levels)
    parts = shares * (lanes - levels)
    whole: NDArray[np.int64] = np.floor(parts).astype(np.int64)
    # of equal remainders the first ones: the same division on every machine
    largest = np.argsort(-(parts - whole).round(9), kind="stable")
    whole[largest[: lanes - levels - whole.sum()]] += 1
    whole += 1
    return whole


def divided_by_regret(lanes: int, regret: ArrayLike) -> NDArray[np.int64]:
    """Lanes in proportion to regret, but for the share that is divided equally.

    Args:
        lanes: how many there are, at least one per level.
        regret: shape (L,); what is negative, by chance or because the policy is better than the
            best one known, counts as 0.

    Returns:
        Shape (L,), int64; they add up to `lanes`.

    Raises:
        CarouselError: there are fewer lanes than levels.
    """
    regret = np.maximum(np.asarray(regret, dtype=np.float64), 0.0)
    total = regret.sum()
    shares = regret / total if total > 0.0 else np.full(len(regret), 1.0 / len(regret))
    return divided(lanes, EQUAL_SHARE / len(regret) + (1.0 - EQUAL_SHARE) * shares)
