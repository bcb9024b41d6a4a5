"""Bootstrap intervals over sessions: a product with counts in place of gathering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .finding import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

RESAMPLES = 2000
_AT_ONCE = 250


def resampled_means(sessions: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means of each column over resampled sessions, (N, C) to (R, C); what belongs to one session
    stays together."""
    rng, n = np.random.default_rng(0), len(sessions)
    # how often each session is drawn
    parts = [
        rng.multinomial(n, np.full(n, 1.0 / n), size=_AT_ONCE) @ sessions
        for _ in range(RESAMPLES // _AT_ONCE)
    ]
    return np.concatenate(parts) / n


def estimate(value: float, resampled: NDArray[np.float64]) -> Estimate:
    """A number with the middle 95 % of its resamples, shape (R,)."""
    low, high = np.quantile(resampled, [0.025, 0.975])
    return Estimate(float(value), float(low), float(high))


def ratio(above: NDArray[Any], below: NDArray[Any]) -> tuple[float, NDArray[np.float64]]:
    """A ratio of sums over sessions, such as swaps per turn, and its resamples, shape (R,).

    Args:
        above, below: of each session, shape (N,); the sum of `below` is above 0.
    """
    means = resampled_means(np.column_stack([above, below]).astype(np.float64))
    return float(above.sum() / below.sum()), means[:, 0] / means[:, 1]


def share(above: NDArray[Any], below: NDArray[Any]) -> Estimate:
    """A ratio of counts over sessions, such as unmasked turns per turn, with its interval.

    Where it is 0 or 1 in every session resampling would tell an interval of no width. There its
    other end is that of sessions: of N without a case, the exact interval of the share of sessions
    with one ends at 1 - 0.025 ** (1 / N) (Clopper & Pearson, 1934). Sessions with a case may be the
    longest ones, so it is taken times the longest session over the mean one.

    Args:
        above, below: of each session, shape (N,), `above` at most `below`; the sum of `below` is
            above 0.
    """
    rate = estimate(*ratio(above, below))
    if rate.value not in (0.0, 1.0):
        return rate
    counted = np.asarray(below)[np.asarray(below) > 0]
    unseen = 1.0 - 0.025 ** (1.0 / len(counted))
    unseen = min(1.0, unseen * float(counted.max() / counted.mean()))
    if rate.value == 0.0:
        return Estimate(0.0, 0.0, unseen)
    return Estimate(1.0, 1.0 - unseen, 1.0)
