"""Drawing sessions of questions: a line of text per turn, or a picture of the session so far.

The picture has one column per turn, and a label for every row. From the top: one row per persona,
filled where it answers (colour by persona); the answer (green knowledgeable, grey a denial); the
reward (green 1, grey 0); what was hidden: red where the question was forbidden, blue where another
persona could have answered; numbers of turns; and a legend.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..compiled.codes import PLAYED, SWAPPED, TRUNCATED
from ..lanes.sheet import BLUE, GREEN, NEVER, PERSONAS, RED, Sheet
from . import outputs
from .observation import QuestionColumns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Questions


@dataclass
class _Turn:
    persona: int
    topic: int
    year: int
    knowledgeable: bool
    forbidden: bool
    deceived: bool
    swapped: bool
    reward: float
    over: bool


@dataclass
class QuestionRecorder:
    """Keeps the turns of the running session of every lane, for drawing only."""

    population: Questions
    lanes: int
    turns: list[list[_Turn]] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = QuestionColumns.of(self.population)
        self.sheet = _sheet_of(self.population)
        self.turns = [[] for _ in range(self.lanes)]

    def start(self, which: NDArray[np.bool_]) -> None:
        """Forget the session of the marked lanes."""
        for i in np.flatnonzero(which):
            self.turns[i] = []

    def add(
        self,
        obs: NDArray[np.float32],
        reward: NDArray[np.float64],
        year: NDArray[np.int32],
        events: NDArray[np.int8],
    ) -> None:
        """Record one turn of every lane that played one; a lane that reset forgets."""
        for i in range(self.lanes):
            row = events[:, i].tolist()
            if not row[PLAYED] or (self.turns[i] and self.turns[i][-1].over):
                self.turns[i] = []
            if not row[PLAYED]:
                continue
            self.turns[i].append(
                _Turn(
                    persona=int(obs[i, self.columns.persona].argmax()),
                    topic=row[outputs.TOPIC_ASKED],
                    year=int(year[i]),
                    knowledgeable=bool(row[outputs.WAS_KNOWLEDGEABLE]),
                    forbidden=bool(row[outputs.WAS_FORBIDDEN]),
                    deceived=bool(row[outputs.DECEIVED]),
                    swapped=bool(row[SWAPPED]),
                    reward=float(reward[i]),
                    over=bool(row[TRUNCATED]),
                )
            )

    def line(self, lane: int) -> str:
        """The last turn of a lane in words: what was asked, who answered, what was hidden."""
        if not self.turns[lane]:
            return "turn  0 | nobody has answered yet"
        turn = self.turns[lane][-1]
        text = (
            f"turn {len(self.turns[lane]):2d} | {self.population.topics[turn.topic]} {turn.year} | "
            f"{self.population.personas[turn.persona]:<10} {'swap' if turn.swapped else '':<4} | "
            f"{'answers' if turn.knowledgeable else 'does not know'} | hidden: "
            f"{'forbidden' if turn.forbidden else 'allowed'}, "
            f"{'another persona knew' if turn.deceived else 'no deception'} | "
            f"reward {turn.reward:.0f}"
        )
        return f"{text} | session over" if turn.over else text

    def picture(self, lane: int) -> NDArray[np.uint8]:
        """The session so far, uint8 of shape (height, width, 3); the size never changes."""
        k, image = self.population.n_actions, self.sheet.blank.copy()
        for t, turn in enumerate(self.turns[lane]):
            colours = (
                (turn.persona, PERSONAS[turn.persona % len(PERSONAS)]),
                (k, GREEN if turn.knowledgeable else NEVER),
                (k + 1, GREEN if turn.reward else NEVER),
                (k + 2, RED if turn.forbidden else NEVER),
                (k + 3, BLUE if turn.deceived else NEVER),
            )
            for row, colour in colours:
                self.sheet.cell(image, row, t)[:] = colour
        return image


def _sheet_of(population: Questions) -> Sheet:
    return Sheet(
        (
            population.personas,
            ("answer", "reward"),
            ("forbidden (hidden)", "deceived (hidden)"),
        ),
        population.session_length,
        (
            ((GREEN, "answered, or reward 1"), (NEVER, "no")),
            ((RED, "question was forbidden"),),
            ((BLUE, "another persona knew"),),
        ),
    )
