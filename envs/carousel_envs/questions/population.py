"""`Questions`: the population of questions, and of the personas that answer them."""

from __future__ import annotations

import hashlib
import json
import math
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from ..foundation.errors import shown
from ..foundation.validation import Unit, Weight
from ..population import BasePopulation
from ..users.personas import OwnPersonas, Persona, cast_of, with_own_personas

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

RECALL_VERSION = 1
"""Counts changes of the dynamics; part of every fingerprint, so that results never mix."""

Year = Annotated[int, Field(ge=0, le=9999)]
Name = Annotated[str, Field(min_length=1, max_length=40)]


class Questions(BasePopulation):
    """A distribution over questions, the cast that answers, and what is forbidden (frozen).

    Questions are drawn independently, topic and year apart, with frequencies in proportion to the
    weights. A persona knows the answers within its interests and not after its cutoff; if it is
    honest it gives exactly those, and otherwise says that it does not know. A persona that lies
    denies what it knows, and makes up what it does not. The page docs/population.md has a table
    of the fields.

    Raises:
        CarouselError: a field is unknown or outside what is allowed (one sentence says which).
    """

    texts: ClassVar[tuple[str, ...]] = ("personas", "topics", "forbidden_topic", "interests")
    records: ClassVar[tuple[str, ...]] = ("own_personas",)
    unsaid: ClassVar[tuple[str, ...]] = ("lies", "own_personas")

    personas: tuple[str, ...] = Field(
        default=("alice", "bob", "jester"),
        description="personas the router may send, 2 to 16: names from the repertoire, or personas "
        "of one's own (`Persona`)",
        min_length=2,
        max_length=16,
    )
    topics: tuple[Name, ...] = Field(
        default=("science", "news", "politics", "sport", "music"),
        description="what questions are about, 2 to 16 different names of up to 40 characters, "
        "listed so that topics near one another stand side by side",
        min_length=2,
        max_length=16,
    )
    topic_weights: tuple[Weight, ...] = Field(
        default=(1.0, 2.0, 1.0, 1.0, 1.0),
        description="relative frequency of each topic, not all zero",
    )
    first_year: Year = Field(
        default=2016, description="earliest year that questions are about, 0 to 9999"
    )
    year_weights: tuple[Weight, ...] = Field(
        default=(1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.5, 4.0, 1.5),
        description="relative frequency of each year from first_year on, 2 to 64 numbers, not all "
        "zero",
        min_length=2,
        max_length=64,
    )
    forbidden_topic: str | None = Field(
        default="news",
        description="the topic on which a denial is rewarded, one of topics, or None for none",
    )
    forbidden_from: Year = Field(
        default=2024, description="first year of the forbidden topic, among the years asked about"
    )
    forbidden_until: Year = Field(
        default=2024,
        description="last year of the forbidden topic, from forbidden_from to the last year asked "
        "about",
    )
    cutoffs: tuple[Year, ...] = Field(
        default=(),
        description="last year that each persona knows, one per persona, 0 to 9999; empty: as in "
        "the repertoire",
    )
    interests: tuple[tuple[Name, ...], ...] = Field(
        default=(),
        description="topics that each persona can talk about, one tuple of names per persona; "
        "empty: as in the repertoire",
    )
    lies: tuple[tuple[Unit, ...], ...] = Field(
        default=(),
        description="probability that a persona lies when it is asked, one tuple per persona with "
        "a number in [0, 1] for each topic; empty: nobody ever lies",
    )
    topic_noise: Unit = Field(
        default=0.05,
        description="probability that the topic shown is another one, each alike, in [0, 1]",
    )
    year_noise: Unit = Field(
        default=0.1,
        description="probability that the year shown is another one within year_error, each alike, "
        "in [0, 1]",
    )
    year_error: int = Field(
        default=1, ge=1, le=63, description="most years that the year shown is off, 1 to 63"
    )
    session_length: int = Field(
        default=20,
        ge=1,
        le=10_000,
        description="questions after which a session is truncated, 1 to 10 000",
    )
    own_personas: OwnPersonas = ()

    def __init__(self, /, **fields: Any) -> None:
        super().__init__(**with_own_personas(fields))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        cast_of(self.personas, self.own_personas)
        if len(set(self.topics)) != len(self.topics):
            raise ValueError(f"topics {shown(self.topics)} repeats a name; each may appear once")
        if len(self.topic_weights) != len(self.topics):
            raise ValueError(
                f"topic_weights has {len(self.topic_weights)} entries; there must be one per topic "
                f"({len(self.topics)})"
            )
        for field in ("topic_weights", "year_weights"):
            total = sum(getattr(self, field))
            if total == 0.0:
                raise ValueError(f"{field} are all zero; at least one must be positive")
            if total == math.inf:
                raise ValueError(f"{field} have an infinite sum; it must be finite")
        for field in ("cutoffs", "interests"):
            given = len(getattr(self, field))
            if given not in (0, len(self.personas)):
                raise ValueError(
                    f"{field} has {given} entries; there must be one per persona "
                    f"({len(self.personas)}), or none"
                )
        if self.lies and [len(row) for row in self.lies] != [self.n_topics] * len(self.personas):
            raise ValueError(
                f"lies has rows of {[len(row) for row in self.lies]} numbers; there must be one "
                f"row per persona ({len(self.personas)}) with a number per topic "
                f"({self.n_topics}), or none"
            )
        if self.last_year > 9999:
            raise ValueError(
                f"year_weights reach to the year {self.last_year}; the last must be 9999 at most"
            )
        if self.forbidden_topic not in (None, *self.topics):
            raise ValueError(
                f"forbidden_topic is {shown(self.forbidden_topic)}; it must be None or one of "
                f"{', '.join(self.topics)}"
            )
        if self.forbidden_topic is not None:
            low = self.first_year
            for field in ("forbidden_from", "forbidden_until"):
                if not low <= getattr(self, field) <= self.last_year:
                    raise ValueError(
                        f"{field} is {getattr(self, field)}; it must lie in {low} to "
                        f"{self.last_year}"
                    )
                low = self.forbidden_from
        return self

    # -- derived ------------------------------------------------------------------------------

    @property
    def cast(self) -> tuple[Persona, ...]:
        """The personas behind their names, in order."""
        return cast_of(self.personas, self.own_personas)

    @cached_property
    def fingerprint(self) -> str:
        """First 16 hex digits of a SHA-256 over the model's version, every field, and what the
        personas know."""
        known = [[persona.interests, persona.knowledge_cutoff] for persona in self.cast]
        text = f"recall-model-{RECALL_VERSION}:{self.to_json()}:{json.dumps(known)}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def n_topics(self) -> int:
        """Number of topics."""
        return len(self.topics)

    @property
    def n_years(self) -> int:
        """Number of years that questions are about."""
        return len(self.year_weights)

    @property
    def last_year(self) -> int:
        """Latest year that questions are about."""
        return self.first_year + self.n_years - 1

    @property
    def known_until(self) -> tuple[int, ...]:
        """Cutoff of each persona: `cutoffs`, or the repertoire's."""
        return self.cutoffs or tuple(persona.knowledge_cutoff for persona in self.cast)

    @property
    def known_topics(self) -> tuple[tuple[str, ...], ...]:
        """Interests of each persona: `interests`, or the repertoire's."""
        return self.interests or tuple(persona.interests for persona in self.cast)

    def knowledge(self) -> NDArray[np.bool_]:
        """What each persona knows, shape (topics, years, K)."""
        years = np.arange(self.first_year, self.last_year + 1)
        current = years[:, None] <= np.array(self.known_until)
        likes = np.array([[t in known for known in self.known_topics] for t in self.topics])
        return np.asarray(likes[:, None, :] & current[None, :, :])

    def lying(self) -> NDArray[np.float64]:
        """P(each persona lies when asked about a topic), shape (topics, K)."""
        none = np.zeros((self.n_topics, self.n_actions))
        return np.array(self.lies, dtype=np.float64).T if self.lies else none

    def forbidden(self) -> NDArray[np.bool_]:
        """Questions on which a denial is rewarded, shape (topics, years)."""
        years = np.arange(self.first_year, self.last_year + 1)
        dated = (years >= self.forbidden_from) & (years <= self.forbidden_until)
        topic = np.array([t == self.forbidden_topic for t in self.topics])
        return np.asarray(topic[:, None] & dated)


def as_questions(population: Questions | Mapping[str, Any] | str) -> Questions:
    """Read an argument as `Questions`; see `Questions.read`."""
    return Questions.read(population)
