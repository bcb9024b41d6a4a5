"""A population of questions as exact integer tables.

Probabilities are multiples of 1/65536, the resolution of the kernel's draws. The kernel and the
closed form read the same arrays, so no rounding comes between them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..users.cues import alias_columns, round_to_units
from ..users.table import UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Questions

TOPIC, YEAR, KNOWS, SAYS, FORBIDDEN = range(5)
"""Columns of `QuestionTables.facts`."""

IN_PIECES = 5, 3
"""Numbers of topics and personas for which an observation is three times four columns."""

ANSWERS, BEGINS = 5, 4
"""Ways to show an answer: 2 * knowledgeable + reward, or none yet."""


@dataclass(frozen=True, eq=False)
class QuestionTables:
    """Questions as rows; question q is about topic q // years and year q % years.

    Attributes:
        facts: int32, shape (questions, 5). Columns: topic, year (counted from the first), bit masks
            of the personas that know the answer and of the personas that give one if they do not
            lie, whether a denial is rewarded (0 or 1).
        lies: int32, shape (topics, K); P(a persona lies when it is asked) in 1/65536.
        asked: int64, shape (topics, years); P(question) in 1/65536.
        topic_shown: int64, shape (topics, topics); P(shown | true) in 1/65536, rows sum to 65536.
        year_shown: int64, shape (years, years); the same for years.
        asked_alias, topic_alias, year_alias: int32; alias tables of the three, for the kernel (see
            `cues.alias_columns`), shapes (columns,), (topics, columns), (years, columns).
        scale: float32, shape (years,); how each year is shown, from 0 (first) to 1 (last).
    """

    facts: NDArray[np.int32]
    lies: NDArray[np.int32]
    asked: NDArray[np.int64]
    topic_shown: NDArray[np.int64]
    year_shown: NDArray[np.int64]
    asked_alias: NDArray[np.int32]
    topic_alias: NDArray[np.int32]
    year_alias: NDArray[np.int32]
    scale: NDArray[np.float32]

    def matrix(self, column: int, n_actions: int) -> NDArray[np.bool_]:
        """A bit mask of `facts`, spread out: shape (topics, years, K)."""
        bits = (self.facts[:, column, None] >> np.arange(n_actions)) & 1
        return np.asarray(bits.reshape(*self.asked.shape, n_actions) != 0)

    @cached_property
    def packed(self) -> NDArray[np.int32]:
        """`facts` as the kernel reads them, int32, shape (questions, 2): topic and year in 12 bits
        each, then forbidden; the masks of those that know and that answer in 16 bits each."""
        topic, year, knows, says, forbidden = self.facts.T
        about = topic | (year << 12) | (forbidden << 24)
        table = np.ascontiguousarray(np.stack([about, knows | (says << 16)], axis=1))
        table.setflags(write=False)
        return table

    @cached_property
    def shown(self) -> NDArray[np.float32]:
        """What is shown of a year and an answer (`ANSWERS`) in row 5 * year + answer, the last year
        being none: the year, whether the answer was knowledgeable, the reward, and 0, float32,
        shape (5 * (years + 1), 4)."""
        rows = np.zeros((len(self.scale) + 1, ANSWERS, 4), dtype=np.float32)
        rows[:-1, :, 0] = self.scale[:, None]
        rows[:, :, 1:3] = [(0, 0), (0, 1), (1, 0), (1, 1), (-1, -1)]
        table = rows.reshape(-1, 4)
        table.setflags(write=False)
        return table

    def pieces(self, n_actions: int) -> NDArray[np.float32]:
        """What is shown, in pieces of four columns, float32, shape (rows, 4): of each topic and of
        none the first four topics' columns; of each persona and of none the personas' three, and 0;
        then each row of `shown` twice, after a 0 and after a 1, the last topic's column. No rows
        where topics and personas are not as many as `IN_PIECES` says."""
        n_topics = len(self.topic_shown)
        if (n_topics, n_actions) != IN_PIECES:
            return np.zeros((0, 4), dtype=np.float32)
        topics, personas = np.eye(n_topics + 1, 4), np.eye(n_actions + 1, 4)
        personas[-1] = 0.0
        last = np.repeat(np.roll(self.shown, 1, axis=1), 2, axis=0)
        last[1::2, 0] = 1.0
        return np.vstack([topics, personas, last]).astype(np.float32)

    @property
    def anybody_lies(self) -> bool:
        """Whether some persona may lie."""
        return bool(self.lies.any())

    def says(self, n_actions: int) -> NDArray[np.float64]:
        """P(a persona gives an answer), shape (topics, years, K)."""
        honest = self.matrix(SAYS, n_actions)
        lies = self.lies[:, None, :] / UNIT
        return np.where(honest, 1.0 - lies, lies)

    @property
    def forbidden(self) -> NDArray[np.bool_]:
        """Questions on which a denial is rewarded, shape (topics, years)."""
        return np.asarray(self.facts[:, FORBIDDEN].reshape(self.asked.shape) != 0)


@lru_cache(maxsize=64)
def question_tables(population: Questions) -> QuestionTables:
    """Build the tables of a population."""
    n_topics, n_years = population.n_topics, population.n_years
    knows = (population.knowledge() * (1 << np.arange(population.n_actions))).sum(axis=2).ravel()
    facts = np.column_stack(
        [
            np.repeat(np.arange(n_topics), n_years),
            np.tile(np.arange(n_years), n_topics),
            knows,
            honest(knows),
            population.forbidden().ravel(),
        ]
    ).astype(np.int32)
    topic, year = np.array(population.topic_weights), np.array(population.year_weights)
    joint = np.outer(topic / topic.sum(), year / year.sum())
    asked = round_to_units((joint / joint.sum()).ravel())
    topic_shown = _noisy(population.topic_noise, ~np.eye(n_topics, dtype=np.bool_))
    apart = np.abs(np.subtract.outer(np.arange(n_years), np.arange(n_years)))
    year_shown = _noisy(population.year_noise, (apart > 0) & (apart <= population.year_error))
    tables = QuestionTables(
        facts=np.ascontiguousarray(facts),
        lies=np.ascontiguousarray(np.rint(population.lying() * UNIT), dtype=np.int32),
        asked=asked.reshape(n_topics, n_years),
        topic_shown=topic_shown,
        year_shown=year_shown,
        asked_alias=alias_columns(asked),
        topic_alias=np.stack([alias_columns(row) for row in topic_shown]),
        year_alias=np.stack([alias_columns(row) for row in year_shown]),
        scale=np.linspace(0.0, 1.0, n_years).astype(np.float32),
    )
    for array in vars(tables).values():
        array.setflags(write=False)
    return tables


def honest(knows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The personas that answer, given those that know: every persona says exactly what it knows."""
    return knows.copy()


def _noisy(noise: float, others: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Counts of what is shown: the truth, or with probability `noise` one of `others` (by row)."""
    share = noise * others / others.sum(axis=1, keepdims=True)
    return np.stack([round_to_units(row) for row in share + (1.0 - noise) * np.eye(len(others))])
