"""A logistic curve with lapses, fitted to counts: how often something is done, by one number.

    P(x) = guess + (1 - guess - lapse) / (1 + exp(-(x - threshold) / width))

(Wichmann & Hill, 2001, Perception & Psychophysics 63:1293). Threshold and width are searched on a
grid, guess and lapse found by expectation maximisation at every point of it: the likelihood has
several hills where a curve is steep.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_TINY = 1e-12
_STAGES = ((0.2, 41, 2.5), (0.012, 7, 1.5), (0.002, 5, 1.2))
_LAST_STAGE = (0.002, 5, 1.06)
"""Around the best curve so far: how far thresholds reach, how many there are, by what widths
differ."""
_STEPS, _FIRST_STEPS, _LAST_STEPS = 15, 40, 150
_LEAST = 1e-4
"""Lapses from which a search starts: none at all would stay none."""
_THRESHOLDS = np.linspace(0.0, 1.0, 51)
_WIDTHS = np.geomspace(0.002, 0.5, 8)
_EQUAL = 1e-6
"""Log-likelihoods that differ by less are one: a step lies anywhere between two observations."""


@dataclass(frozen=True)
class LapseCurve:
    """A fitted curve.

    Attributes:
        threshold: x where the curve, lapses aside, is one half.
        width: of its rise, in units of x.
        guess, lapse: how far it stays above 0 and below 1.
        bits: what it tells of an outcome beyond the mean, per outcome.
    """

    threshold: float
    width: float
    guess: float
    lapse: float
    bits: float

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """P at x."""
        rise = 1.0 - self.guess - self.lapse
        return np.asarray(self.guess + rise * _logistic((x - self.threshold) / self.width))

    @property
    def slope(self) -> float:
        """Its greatest slope, at the threshold."""
        return (1.0 - self.guess - self.lapse) / (4.0 * self.width)


def fit(
    x: NDArray[np.float64],
    done: NDArray[np.float64],
    of: NDArray[np.float64],
    near: LapseCurve | None = None,
) -> LapseCurve:
    """The curve of greatest likelihood.

    Args:
        x: where, in [0, 1], shape (B,).
        done, of: how often it was done there, of how many times, shape (B,); `of` above 0.
        near: a curve in whose neighbourhood to look, which is faster; default: everywhere.
    """
    steps = _STEPS
    stages: tuple[tuple[float, int, float], ...] = _STAGES
    if near is None:
        near = _best(x, done, of, _THRESHOLDS, _WIDTHS, _FIRST_STEPS, (0.02, 0.02))
        steps, stages = _LAST_STEPS, (*_STAGES, _LAST_STAGE)
    for reach, n, spread in stages:
        thresholds = near.threshold + np.linspace(-reach, reach, n)
        widths = np.clip(near.width * np.geomspace(1 / spread, spread, 3), _WIDTHS[0], _WIDTHS[-1])
        lapses = near.guess, near.lapse
        near = _best(x, done, of, thresholds, np.unique(widths), steps, lapses)
    return near


def _best(
    x: NDArray[np.float64],
    done: NDArray[np.float64],
    of: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    widths: NDArray[np.float64],
    steps: int,
    lapses: tuple[float, float],
) -> LapseCurve:
    """The best curve of a grid; the middle one of several that are as good. Guess and lapse are
    looked for from `lapses` on."""
    threshold, width = (grid.ravel()[:, None] for grid in np.meshgrid(thresholds, widths))
    rise = np.clip(_logistic((x - threshold) / width), _TINY, 1.0 - _TINY)
    rest, total = of - done, of.sum()
    guess, lapse = (np.full((len(rise), 1), max(rate, _LEAST)) for rate in lapses)
    for _ in range(steps):
        p = guess + (1.0 - guess - lapse) * rise
        guess, lapse = (
            guess * (done / p).sum(axis=1, keepdims=True) / total,
            lapse * (rest / (1.0 - p)).sum(axis=1, keepdims=True) / total,
        )
    p = np.clip(guess + (1.0 - guess - lapse) * rise, _TINY, 1.0 - _TINY)
    likelihood = (done * np.log(p) + rest * np.log1p(-p)).sum(axis=1)
    equal = np.flatnonzero(likelihood >= likelihood.max() - _EQUAL)
    middle = np.median(threshold[equal, 0])
    best = equal[np.abs(threshold[equal, 0] - middle).argmin()]
    mean = np.clip(done.sum() / total, _TINY, 1.0 - _TINY)
    flat = done.sum() * np.log(mean) + rest.sum() * np.log1p(-mean)
    bits = (likelihood[best] - flat) / total / np.log(2.0)
    curve = (threshold[best, 0], width[best, 0], guess[best, 0], lapse[best, 0], bits)
    return LapseCurve(*map(float, curve))


def _logistic(z: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(z, -500.0, 500.0))))
