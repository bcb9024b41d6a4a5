"""Drawing sessions: a line of text per turn, or a picture of the session so far.

The picture has one column per turn, and a label for every row. From the top: one row per persona,
filled where it speaks (colour by persona; outlined where a pick was refused); engagement (green
where the user engaged); one row per cue (darker is a higher level); what was hidden, mood (yellow
fresh, grey bored); numbers of turns; and a legend.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..compiled import codes
from ..lanes.sheet import GREEN, NEVER, PERSONAS, Sheet, hollow
from .cues import NAMES
from .observation import Columns
from .table import BORED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..lanes.sheet import Colour
    from .population import Population

_FRESH, _BORED_COLOUR = (240, 200, 66), (120, 120, 125)
_LIGHTEST, _DARKEST = 235, 60


def cue_name(j: int) -> str:
    """What cue j is called."""
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


@dataclass
class Recorder:
    """Keeps the turns of the running session of every lane, for drawing only."""

    population: Population
    lanes: int
    turns: list[list[_Turn]] = field(init=False)

    def __post_init__(self) -> None:
        self.columns = Columns.of(self.population)
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
        detail: NDArray[np.float32],
        events: NDArray[np.int8],
    ) -> None:
        """Record one turn of every lane that played one; a lane that reset forgets."""
        terminated, truncated, played, swapped, refused, mood = events[: codes.KEPT].tolist()
        for i in range(self.lanes):
            if not played[i]:
                self.turns[i] = []
                continue
            if self.turns[i] and self.turns[i][-1].end:
                self.turns[i] = []
            self.turns[i].append(
                _Turn(
                    persona=int(obs[i, self.columns.persona].argmax()),
                    engaged=bool(obs[i, self.columns.engagement] > 0),
                    cues=tuple(int(x) for x in obs[i, self.columns.cues]),
                    chance=float(detail[0, i]),
                    mood=mood[i],
                    swapped=bool(swapped[i]),
                    refused=bool(refused[i]),
                    reward=float(reward[i]),
                    unseen=self._unseen(obs[i], detail[:, i], events[:, i]),
                    end="left" if terminated[i] else "session over" if truncated[i] else "",
                )
            )

    def _unseen(
        self, obs: NDArray[np.float32], detail: NDArray[np.float32], events: NDArray[np.int8]
    ) -> str:
        """What the reward does not see, in populations that have it."""
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
        """The last turn of a lane in words: who speaks, what the user showed, what was hidden."""
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
