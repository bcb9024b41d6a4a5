"""The observation, column by column: the one place that names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

from . import cues

if TYPE_CHECKING:
    from .population import Population

NOT_SHOWN = -1.0
"""Value of the cue and engagement columns before the first turn."""


@dataclass(frozen=True)
class Columns:
    """Where each quantity stands in a flat observation.

    An observation holds, in this order: the level of each cue; engagement (0 or 1); the current
    persona, one-hot; the availability of each persona, 0 or 1; turns with the current persona;
    share of the session gone. Before the first turn cues and engagement are -1, the rest of the
    past is 0.

    Attributes:
        n_cues: J.
        n_actions: K.
    """

    n_cues: int
    n_actions: int

    @classmethod
    def of(cls, population: Population) -> Columns:
        """The columns that users of this population show."""
        return cls(len(population.cues), population.n_actions)

    @property
    def cues(self) -> slice:
        """Level of each cue."""
        return slice(0, self.n_cues)

    @property
    def engagement(self) -> int:
        """Whether the user engaged."""
        return self.n_cues

    @property
    def persona(self) -> slice:
        """Who speaks, one-hot."""
        return slice(self.n_cues + 1, self.n_cues + 1 + self.n_actions)

    @property
    def available(self) -> slice:
        """Who may be picked."""
        return slice(self.n_cues + 1 + self.n_actions, self.streak)

    @property
    def streak(self) -> int:
        """Turns with the current persona."""
        return self.n_cues + 1 + 2 * self.n_actions

    @property
    def elapsed(self) -> int:
        """Share of the session gone."""
        return self.streak + 1

    @property
    def width(self) -> int:
        """Number of columns, D."""
        return self.streak + 2


def column_names(population: Population) -> tuple[str, ...]:
    """The name of every column, in order, length D."""
    n = len(population.cues)
    shown = [*cues.NAMES[:n], *(f"cue_{j + 1}" for j in range(len(cues.NAMES), n))]
    return (
        *shown,
        "engagement",
        *(f"persona_{name}" for name in population.personas),
        *(f"available_{name}" for name in population.personas),
        "turns_with_persona",
        "session_gone",
    )


def observation_space(population: Population) -> spaces.Box:
    """Space of one observation: float32, shape (D,), with tight bounds per column."""
    columns = Columns.of(population)
    low = np.zeros(columns.width, dtype=np.float32)
    high = np.ones(columns.width, dtype=np.float32)
    low[columns.cues] = NOT_SHOWN
    low[columns.engagement] = NOT_SHOWN
    high[columns.cues] = np.array(population.cue_levels, dtype=np.float32) - 1
    high[columns.streak] = population.session_length
    return spaces.Box(low, high, dtype=np.float32)
