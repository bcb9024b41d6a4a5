"""Statistics of few runs, with seeds as the unit of replication.

After Agarwal et al., "Deep Reinforcement Learning at the Edge of the Statistical Precipice"
(arXiv 2108.13264), whose package is rliable. Everything is NumPy, and the same seed gives the same
interval to the last digit.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import as_array, real_number, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import ArrayLike, NDArray

RESAMPLES = 10_000
COVERAGE = MappingProxyType({3: 0.75, 5: 0.90, 10: 0.93, 20: 0.94})
"""Measured coverage of the nominal 95 % interval of the interquartile mean, by number of runs, for
normal values; for exponential ones it is the same to 0.01."""
ENDS = ("", "_low", "_high")
"""What follows a figure's name: nothing, or an end of its 95 % interval."""
_DECILE = 0.1


def trimmed_mean(values: ArrayLike, low: float, high: float) -> Any:
    """Mean of what lies between two quantile levels: the integral of the empirical quantile
    function from `low` to `high`, divided by high - low.

    A value that lies across a level counts with the share of it that lies inside, so that any
    number of values is trimmed by exactly the shares asked for.

    Args:
        values: finite numbers, shape (..., n), n at least 1.
        low, high: 0 <= low < high <= 1.

    Returns:
        float64, shape (...).

    Raises:
        CarouselError: no numbers, or other levels.
    """
    x = np.sort(_numbers("values", values), axis=-1)
    real_number("low", low, 0.0, 1.0)
    if not low < real_number("high", high, 0.0, 1.0):
        raise CarouselError(f"low is {low} and high is {high}; low must be below high")
    edges = np.clip(np.arange(x.shape[-1] + 1) / x.shape[-1], low, high)
    # equal values have that value as their mean, to the last digit, only if the first is set apart;
    # a sum and no matrix product, because libraries add up products in orders of their own
    first = x[..., :1]
    return first[..., 0] + ((x - first) * (np.diff(edges) / (high - low))).sum(axis=-1)


def iqm(values: ArrayLike) -> Any:
    """Interquartile mean: the mean of the middle half, over the last axis.

    The trim is exact: of 10 values two and a half are cut at each end. `scipy.stats.trim_mean(x,
    0.25)`, which rliable uses, cuts whole values only (two of 10, and none of 3); the two agree
    where 4 divides the number of values.

    Args:
        values: finite numbers, shape (..., n), n at least 1.

    Returns:
        float64, shape (...).

    Raises:
        CarouselError: no numbers.
    """
    return trimmed_mean(values, 0.25, 0.75)


def worst_decile_mean(values: ArrayLike, share: float = _DECILE) -> Any:
    """Mean of the worst tenth, over the last axis: conditional value at risk (Rockafellar and
    Uryasev 2000) of the empirical distribution, at level `share`.

    Args:
        values: finite numbers, larger ones being better, shape (..., n), n at least 1.
        share: which part is the worst, from a millionth up to 1.

    Returns:
        float64, shape (...); of fewer than 1 / share values it is the smallest.

    Raises:
        CarouselError: no numbers, or another share.
    """
    return trimmed_mean(values, 0.0, real_number("share", share, 1e-6, 1.0))


def interval(
    strata: Sequence[ArrayLike],
    statistic: Callable[[Any], Any] = iqm,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float, float] | None:
    """Stratified percentile bootstrap interval of a statistic of all runs.

    Runs are drawn again with replacement within each stratum (an environment, a task), so that
    every resample has each stratum's number of runs; the statistic is that of all values together.
    The ends are the (1 - level) / 2 and (1 + level) / 2 quantiles (Efron and Tibshirani 1993,
    chapter 13).

    With few runs such an interval covers less often than it says. Of normal scores in a single
    stratum, the nominal 95 % interval of the interquartile mean covers the true one in 75 % of
    cases with 3 runs, 90 % with 5, 93 % with 10 and 94 % with 20, that of the mean with 10 in 89 %
    (measured; `COVERAGE` and its tests). With 3 runs nothing that stays between the smallest and
    the largest can do better than 75 % for a median: in one case of four, all three lie on the same
    side of it.

    Args:
        strata: the values of each stratum, shape (n_i,), finite.
        statistic: from values of shape (R, n) to shape (R,).
        resamples: R, 100 to 1 000 000.
        seed: of the resampling; the same seed gives the same interval to the last digit.
        level: nominal coverage, above 0 and below 1.

    Returns:
        (low, high); None if no stratum has two runs, so that nothing tells how runs differ.

    Raises:
        CarouselError: no values, or a number that is not allowed.
    """
    values = [_numbers("stratum", stratum) for stratum in _some("strata", strata)]
    whole_number("resamples", resamples, 100, 10**6)
    real_number("level", level, 1e-6, 1.0 - 1e-6)
    if all(len(stratum) < 2 for stratum in values):
        return None
    rng = np.random.default_rng(whole_number("seed", seed, 0, 2**63 - 1))
    drawn = [x[rng.integers(0, len(x), (resamples, len(x)))] for x in values]
    found = np.quantile(
        statistic(np.concatenate(drawn, axis=1)), [(1 - level) / 2, (1 + level) / 2]
    )
    return float(found[0]), float(found[1])


def over_seeds(
    name: str, values: ArrayLike, statistic: Callable[[Any], Any], resamples: int
) -> dict[str, Any]:
    """A statistic of one value per seed, with its 95 % interval.

    Args:
        name: of the figure.
        values: shape (seeds,); may be empty.
        statistic: from values of shape (R, seeds) to shape (R,).
        resamples: of the interval, 100 to 1 000 000.

    Returns:
        The figure under each of `ENDS`: None without values, its ends None with a single one.
    """
    found = np.asarray(values, dtype=np.float64)
    if not len(found):
        return dict.fromkeys(f"{name}{end}" for end in ENDS)
    low, high = interval([found], statistic, resamples=resamples) or (None, None)
    return {name: float(statistic(found[None])[0]), f"{name}_low": low, f"{name}_high": high}


def probability_of_improvement(ours: Sequence[ArrayLike], theirs: Sequence[ArrayLike]) -> float:
    """How often a run of ours beats one of theirs on the same task: P(X > Y) + P(X = Y) / 2, by all
    pairs (the Mann-Whitney statistic), averaged over tasks.

    Args:
        ours, theirs: the values of each task, in the same order of tasks; shapes (n_i,), (m_i,).

    Returns:
        0 to 1; a half if neither is better.

    Raises:
        CarouselError: no values, or different numbers of tasks.
    """
    x = [_numbers("ours", task) for task in _some("ours", ours)]
    y = [_numbers("theirs", task) for task in _some("theirs", theirs)]
    if len(x) != len(y):
        raise CarouselError(f"ours has {len(x)} tasks and theirs {len(y)}; they must be the same")
    signs = [np.sign(a[:, None] - b[None, :]).mean() for a, b in zip(x, y, strict=True)]
    return float(0.5 + 0.5 * np.mean(signs))


def performance_profile(strata: Sequence[ArrayLike], thresholds: ArrayLike) -> NDArray[np.float64]:
    """Share of runs whose value exceeds each threshold, averaged over strata.

    Args:
        strata: the values of each stratum, shape (n_i,).
        thresholds: shape (m,).

    Returns:
        float64, shape (m,): 1 minus the mean empirical distribution function.

    Raises:
        CarouselError: no values.
    """
    levels = _numbers("thresholds", thresholds)
    values = [_numbers("stratum", stratum) for stratum in _some("strata", strata)]
    shares = np.array([(x[:, None] > levels).mean(axis=0) for x in values])
    return np.asarray(shares.mean(axis=0), dtype=np.float64)


def _some(name: str, strata: Sequence[ArrayLike]) -> Sequence[ArrayLike]:
    if len(strata) == 0:
        raise CarouselError(f"{name} is empty; there must be one stratum at least")
    return strata


def _numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    found = as_array(name, values)
    if found.dtype.kind not in "iuf" or found.ndim == 0 or found.shape[-1] == 0:
        raise CarouselError(f"{name} is {values!r}; it must hold one number at least")
    if not np.isfinite(found).all():
        raise CarouselError(f"{name} holds a number that is not finite")
    return found.astype(np.float64)
