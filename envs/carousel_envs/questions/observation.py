"""The observation of questions: the one place that names its columns and their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from gymnasium import spaces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Questions


@dataclass(frozen=True)
class QuestionColumns:
    """Position of each quantity in a flat observation.

    An observation holds, in this order: the topic shown, one-hot; the year shown, from 0 (the first
    year) to 1 (the last); whether the last answer was knowledgeable, and the last reward (0 or 1;
    -1 before the first answer); who spoke last, one-hot; share of the session gone. Once the
    session is over no question is shown: topic and year are 0.

    Attributes:
        n_topics, n_years: how many topics and years questions are about.
        n_actions: K.
    """

    n_topics: int
    n_years: int
    n_actions: int

    @classmethod
    def of(cls, population: Questions) -> QuestionColumns:
        """The columns of this population."""
        return cls(population.n_topics, population.n_years, population.n_actions)

    @property
    def topic(self) -> slice:
        """The topic shown, one-hot."""
        return slice(0, self.n_topics)

    @property
    def year(self) -> int:
        """The year shown."""
        return self.n_topics

    @property
    def knowledgeable(self) -> int:
        """Whether the last answer was knowledgeable."""
        return self.n_topics + 1

    @property
    def reward(self) -> int:
        """The last reward."""
        return self.n_topics + 2

    @property
    def persona(self) -> slice:
        """The persona that spoke last, one-hot."""
        return slice(self.n_topics + 3, self.elapsed)

    @property
    def elapsed(self) -> int:
        """Share of the session gone."""
        return self.n_topics + 3 + self.n_actions

    @property
    def width(self) -> int:
        """Number of columns, D."""
        return self.elapsed + 1

    def question(
        self, observation: NDArray[np.float32]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Topic and year (counted from the first) shown, (N, D) to two arrays of shape (N,)."""
        topic = observation[:, self.topic].argmax(axis=1)
        year = np.rint(observation[:, self.year] * (self.n_years - 1)).astype(np.int64)
        return topic, year


def question_column_names(population: Questions) -> tuple[str, ...]:
    """The name of every column, in order, length D."""
    return (
        *(f"topic_{name}" for name in population.topics),
        "year",
        "knowledgeable",
        "reward",
        *(f"persona_{name}" for name in population.personas),
        "session_gone",
    )


def question_space(population: Questions) -> spaces.Box:
    """Space of one observation: float32, shape (D,), with tight bounds per column."""
    columns = QuestionColumns.of(population)
    low = np.zeros(columns.width, dtype=np.float32)
    low[[columns.knowledgeable, columns.reward]] = -1.0
    return spaces.Box(low, np.ones(columns.width, dtype=np.float32), dtype=np.float32)
