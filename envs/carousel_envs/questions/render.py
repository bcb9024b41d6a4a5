"""Drawing sessions of questions: a line of text per turn, or a picture of the session so far.

The picture has one column per turn, and a label for every row. From the top: one row per persona,
filled where it answers (colour by persona); the answer (green knowledgeable, grey a denial); the
reward (green 1, grey 0); hidden facts: red where the question was forbidden, blue where another
persona could have answered; numbers of turns; and a legend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..compiled.codes import SWAPPED, TRUNCATED
from ..lanes.recording import Recorder
from ..lanes.sheet import BLUE, GREEN, NEVER, PERSONAS, RED, Sheet
from . import outputs
from .observation import QuestionColumns

if TYPE_CHECKING:
    import numpy as np
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


class QuestionRecorder(Recorder):
    """Keeps the turns of sessions of questions."""

    def __init__(self, population: Questions, lanes: int) -> None:
        super().__init__(lanes, _sheet_of(population))
        self.population, self.columns = population, QuestionColumns.of(population)

    def _turn_of(
        self, obs: NDArray[np.float32], reward: float, detail: NDArray[Any], events: list[int]
    ) -> _Turn:
        return _Turn(
            persona=int(obs[self.columns.persona].argmax()),
            topic=events[outputs.TOPIC_ASKED],
            year=int(detail),
            knowledgeable=bool(events[outputs.WAS_KNOWLEDGEABLE]),
            forbidden=bool(events[outputs.WAS_FORBIDDEN]),
            deceived=bool(events[outputs.DECEIVED]),
            swapped=bool(events[SWAPPED]),
            reward=reward,
            over=bool(events[TRUNCATED]),
        )

    def line(self, lane: int) -> str:
        """The last turn of a lane in words: question, answer, hidden facts."""
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
