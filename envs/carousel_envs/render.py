"""Drawing sessions: a line of text per turn, or a picture of the session so far.

The picture has one column per turn. From the top: one row per persona, filled where it speaks
(colour by persona; a pick that was refused is outlined); engagement (green where the user engaged);
one row per cue (darker is a higher level); and, below the gap, what was hidden: mood (yellow fresh,
grey bored).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from . import codes
from .cues import NAMES
from .observation import Columns
from .users import BORED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Population

CELL, GAP = 12, 6
BACKGROUND = (248, 248, 246)
# Okabe & Ito's palette: distinguishable with every common form of colour blindness.
PERSONAS = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
    (90, 90, 90),
)
_ENGAGED, _NOT_ENGAGED = (0, 158, 115), (225, 225, 222)
_FRESH, _BORED = (240, 200, 66), (120, 120, 125)


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
        cues = " ".join(
            f"{NAMES[j] if j < len(NAMES) else f'cue_{j + 1}'}={level}"
            for j, level in enumerate(turn.cues)
        )
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
        rows = k + 1 + n_cues + 1
        width = 2 * GAP + CELL * self.population.session_length
        height = CELL * rows + 5 * GAP
        image = np.full((height, width, 3), BACKGROUND, dtype=np.uint8)
        for t, turn in enumerate(self.turns[lane]):
            left = GAP + t * CELL

            def cell(
                row: int, gaps: int, colour: tuple[int, ...] | NDArray[np.uint8], left: int = left
            ) -> NDArray[np.uint8]:
                top = row * CELL + gaps * GAP
                area = image[top : top + CELL - 1, left : left + CELL - 1]
                area[:] = colour
                return area

            own = cell(turn.persona, 1, PERSONAS[turn.persona % len(PERSONAS)])
            if turn.refused:
                own[2:-2, 2:-2] = BACKGROUND
            cell(k, 2, _ENGAGED if turn.engaged else _NOT_ENGAGED)
            for j, level in enumerate(turn.cues):
                dark = 235 - 175 * level / (self.population.cue_levels[j] - 1)
                cell(k + 1 + j, 3, np.full(3, dark, dtype=np.uint8))
            cell(rows - 1, 4, _BORED if turn.mood == BORED else _FRESH)
        return image
