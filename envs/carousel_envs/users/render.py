"""Drawing sessions: a line of text per turn, or a picture of the session so far.

The picture has one column per turn, and a label for every row. From the top: one row per persona,
filled where it speaks (colour by persona; outlined where a pick was refused); engagement (green
where the user engaged); one row per cue (darker is a higher level); the hidden mood (yellow
fresh, grey bored); numbers of turns; and a legend.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..compiled import codes
from ..lanes.recording import Recorder
from ..lanes.sheet import GREEN, NEVER, PERSONAS, Sheet, hollow
from .cues import NAMES
from .observation import Columns
from .table import BORED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..lanes.sheet import Colour
    from .population import Population

_FRESH, _BORED_COLOUR = (240, 200, 66), (120, 120, 125)
_LIGHTEST, _DARKEST = 235, 60


def cue_name(j: int) -> str:
    """Name of cue j."""
    return NAMES[j] if j < len(NAMES) else f"cue_{j + 1}"


@dataclass
class _Turn:
    persona: int
    engaged: bool
    cues: tuple[int, ...]
    chance: float
    mood: int
    swapped: bool
    refused: bool
    reward: float
    unseen: str
    end: str


class UserRecorder(Recorder):
    """Keeps the turns of sessions with users."""

    def __init__(self, population: Population, lanes: int) -> None:
        super().__init__(lanes, _sheet_of(population))
        self.population, self.columns = population, Columns.of(population)

    def _turn_of(
        self, obs: NDArray[np.float32], reward: float, detail: NDArray[Any], events: list[int]
    ) -> _Turn:
        ends = {codes.TERMINATED: "left", codes.TRUNCATED: "session over"}
        return _Turn(
            persona=int(obs[self.columns.persona].argmax()),
            engaged=bool(obs[self.columns.engagement] > 0),
            cues=tuple(int(x) for x in obs[self.columns.cues]),
            chance=float(detail[0]),
            mood=events[codes.MOOD],
            swapped=bool(events[codes.SWAPPED]),
            refused=bool(events[codes.REFUSED]),
            reward=reward,
            unseen=self._unseen(obs, detail, events),
            end=next((text for row, text in ends.items() if events[row]), ""),
        )

    def _unseen(
        self, obs: NDArray[np.float32], detail: NDArray[np.float32], events: list[int]
    ) -> str:
        """Welfare and payoff, which are not part of the reward, in populations that have them."""
        columns, parts = self.columns, []
        if columns.n_badges:
            parts.append(f"badge {self.population.personas[int(obs[columns.badge].argmax())]}")
        if columns.vulnerable is not None and obs[columns.vulnerable] > 0:
            parts.append("vulnerable")
        if len(events) > codes.KEPT and events[codes.KEPT]:
            parts.append("kept after a goodbye")
        if columns.farewell is not None and obs[columns.farewell] > 0:
            parts.append("says goodbye")
        if len(detail) > 1:
            parts.append(f"welfare {detail[1]:+.2f}")
        if self.population.unmask:
            paid = events[codes.UNMASKED] * self.population.unmask_payoff
            parts.append(f"payoff {paid:+.2f}")
        return ", ".join(parts)

    def line(self, lane: int) -> str:
        """The last turn of a lane in words: persona, observation, hidden state."""
        if not self.turns[lane]:
            return "turn  0 | nobody has spoken yet"
        turn = self.turns[lane][-1]
        how = "swap" if turn.swapped else "refused" if turn.refused else ""
        cues = " ".join(f"{cue_name(j)}={level}" for j, level in enumerate(turn.cues))
        name = self.population.actions[turn.persona]
        text = (
            f"turn {len(self.turns[lane]):2d} | {name:<10} {how:<7} | "
            f"{'engaged' if turn.engaged else 'silent ':<7} {cues} | "
            f"hidden: {'bored' if turn.mood == BORED else 'fresh'}, "
            f"chance {turn.chance:.2f} | reward {turn.reward:+.2f}"
        )
        return " | ".join(part for part in (text, turn.unseen, turn.end) if part)

    def picture(self, lane: int) -> NDArray[np.uint8]:
        """The session so far, uint8 of shape (height, width, 3); the size never changes."""
        k, n_cues = self.population.n_actions, len(self.population.cues)
        image = self.sheet.blank.copy()
        for t, turn in enumerate(self.turns[lane]):
            spoke = self.sheet.cell(image, turn.persona, t)
            spoke[:] = PERSONAS[turn.persona % len(PERSONAS)]
            if turn.refused:
                hollow(spoke)
            self.sheet.cell(image, k, t)[:] = GREEN if turn.engaged else NEVER
            for j, level in enumerate(turn.cues):
                share = level / (self.population.cue_levels[j] - 1)
                self.sheet.cell(image, k + 1 + j, t)[:] = _grey(share)
            mood = _BORED_COLOUR if turn.mood == BORED else _FRESH
            self.sheet.cell(image, k + 1 + n_cues, t)[:] = mood
        return image


def _grey(share: float) -> Colour:
    """Colour of a cue's level, from the lowest (0) to the highest (1)."""
    level = int(_LIGHTEST + (_DARKEST - _LIGHTEST) * share)
    return level, level, level


def _sheet_of(population: Population) -> Sheet:
    names = tuple(cue_name(j) for j in range(len(population.cues)))
    levels = ((_grey(0.0), "lowest level"), (_grey(1.0), "highest level"))
    return Sheet(
        (population.actions, ("engagement",), *((names,) if names else ()), ("mood (hidden)",)),
        population.session_length,
        (
            ((GREEN, "engaged"), (NEVER, "silent")),
            *((levels,) if names else ()),
            ((_FRESH, "fresh"), (_BORED_COLOUR, "bored")),
        ),
        outlined="pick refused",
    )
