"""Shifts of what users show: cues that say less, and cues that come to mean something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .graded import Shift, between, by_name
from .horizon import never_bored

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from ..users.population import Population
    from .quantities import Direction

DROPOUT_MOST = 0.9

_DIGITS = 12
"""Of probabilities: shifts that come to the same cues, such as half of `cue-noise` and a quarter of
`cue-reversal`, give the same population, and a study counts it once."""

_UNHEARD: Mapping[str, Direction] = {
    "blind": "same",
    "best_fixed": "same",
    "uniform": "same",
    "session_length": "same",
}
"""What no cue can move: figures of routers that read none."""


def _each_cue(
    population: Population, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Population:
    """Change P(level | mood) of every cue, shape (2, levels); rows are normalised again."""
    cues = []
    for cue in population.cues:
        rows = change(np.array(cue))
        rows = (rows / rows.sum(axis=1, keepdims=True)).round(_DIGITS)
        cues.append(tuple(map(tuple, rows.tolist())))
    return population.replace(cues=tuple(cues))


def _cue_noise(population: Population, severity: float) -> Population:
    # with this probability a level is drawn whatever the mood: a garbling in Blackwell's sense
    return _each_cue(
        population, lambda rows: (1.0 - severity) * rows + severity * rows.mean(axis=0)
    )


def _cue_dropout(population: Population, severity: float) -> Population:
    share = DROPOUT_MOST * severity
    return _each_cue(
        population, lambda rows: (1.0 - share) * rows + share * np.eye(1, rows.shape[1])
    )


def _cue_reversal(population: Population, severity: float) -> Population:
    return _each_cue(population, lambda rows: (1.0 - severity) * rows + severity * rows[::-1])


def _cue_obstacle(population: Population) -> str:
    if reason := never_bored(population):
        return reason
    if all(np.allclose(cue[0], cue[1]) for cue in population.cues):
        return "its cues say nothing about the mood"
    return ""


def _badge_reversal(population: Population, severity: float) -> Population:
    badge = 0.0 if population.badge is None else population.badge
    return population.replace(badge=between(badge, 0.0, severity))


def _badge_obstacle(population: Population) -> str:
    if population.badge is None:
        return "its users show no badge"
    if population.badge == 0.0:
        return "its badges never name the best persona as it is"
    fit = population.fit_matrix()[:, : len(population.personas)]
    if (fit == fit[:, :1]).all():
        return "every persona fits alike, so that no badge could name the best"
    return ""


OBSERVATION = by_name(
    Shift(
        "cue-noise",
        "observation",
        ("cues",),
        "cues say less and less about the mood; at 1 nothing",
        _cue_noise,
        _cue_obstacle,
        {"value": "falls", "cue_gap": "falls", **_UNHEARD},
    ),
    Shift(
        "cue-dropout",
        "observation",
        ("cues",),
        f"each cue is stuck at its lowest level, whatever the mood, with up to {DROPOUT_MOST:g}",
        _cue_dropout,
        _cue_obstacle,
        {"value": "falls", "cue_gap": "falls", **_UNHEARD},
    ),
    Shift(
        "cue-reversal",
        "concept",
        ("cues",),
        "cues come to mean their opposite: nothing at 0.5, the reverse at 1",
        _cue_reversal,
        _cue_obstacle,
        {"cue_gap": "falls", **_UNHEARD},
    ),
    Shift(
        "badge-reversal",
        "concept",
        ("badge",),
        "badges name the persona that fits best less and less often; at 1 never",
        _badge_reversal,
        _badge_obstacle,
        {
            "badge_accuracy": "falls",
            "best_fixed": "same",
            "uniform": "same",
            "session_length": "same",
        },
    ),
)
"""Shifts of what users show, by name."""
