"""The sheet on which a session is drawn: labelled rows, a column per turn, and a legend."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .font import HEIGHT, WIDTH, written

if TYPE_CHECKING:
    from numpy.typing import NDArray

CELL, GAP = 12, 6
"""Points from one row or turn to the next, and between groups of rows."""
BACKGROUND, INK = (248, 248, 246), (60, 60, 60)
NEVER = (225, 225, 222)
"""Colour of an event that did not happen in a turn."""
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
GREEN, RED, BLUE = PERSONAS[2], PERSONAS[5], PERSONAS[0]
_TICKS = 10

Colour = tuple[int, int, int]
Key = tuple[Colour, str]
"""A colour of the legend, and its meaning."""


def hollow(area: NDArray[np.uint8]) -> None:
    """Leave only the outline of a cell."""
    area[2:-2, 2:-2] = BACKGROUND


@dataclass(frozen=True)
class Sheet:
    """The picture before the first turn, and the places of its cells.

    Attributes:
        groups: labels of the rows from the top, group by group; a gap stands between groups.
        turns: of a session; there is a column for each.
        legend: lines of colours and their meanings, below the rows.
        outlined: meaning of a cell drawn as an outline only; "" without such cells.
    """

    groups: tuple[tuple[str, ...], ...]
    turns: int
    legend: tuple[tuple[Key, ...], ...]
    outlined: str = ""

    @cached_property
    def _tops(self) -> list[int]:
        """Where each row begins; the last one is that of the numbers of turns."""
        tops, top = [], GAP
        for group in self.groups:
            tops += [top + CELL * row for row in range(len(group))]
            top += CELL * len(group) + GAP
        return [*tops, top]

    @cached_property
    def _left(self) -> int:
        """Where the column of the first turn begins."""
        longest = max(len(label) for group in self.groups for label in group)
        return 2 * GAP + WIDTH * longest

    @cached_property
    def blank(self) -> NDArray[np.uint8]:
        """The sheet without a turn, uint8, shape (height, width, 3), not to be written to."""
        lines = [*self.legend, *([((INK, self.outlined),)] if self.outlined else [])]
        legend = self._tops[-1] + CELL + GAP
        needed = [2 * GAP + sum(_room(text) for _, text in line) for line in lines]
        width = max(self._left + CELL * self.turns + GAP, *needed)
        image = np.full((legend + CELL * len(lines) + GAP, width, 3), BACKGROUND, dtype=np.uint8)
        labels = [label for group in self.groups for label in group]
        for label, top in zip([*labels, "turn"], self._tops, strict=True):
            _write(image, label, top, GAP)
        for turn in (1, *range(_TICKS, self.turns + 1, _TICKS)):
            if self._left + CELL * (turn - 1) + WIDTH * len(str(turn)) <= width:
                _write(image, str(turn), self._tops[-1], self._left + CELL * (turn - 1))
        for i, line in enumerate(lines):
            left, top = GAP, legend + CELL * i
            for colour, text in line:
                mark = image[top : top + CELL - 1, left : left + CELL - 1]
                mark[:] = colour
                if text == self.outlined:
                    hollow(mark)
                _write(image, text, top, left + CELL + 2)
                left += _room(text)
        image.setflags(write=False)
        return image

    def cell(self, image: NDArray[np.uint8], row: int, turn: int) -> NDArray[np.uint8]:
        """The points of a cell of a picture on this sheet, to be coloured; rows and turns count
        from 0."""
        top, left = self._tops[row], self._left + CELL * turn
        return image[top : top + CELL - 1, left : left + CELL - 1]


def _room(text: str) -> int:
    """How far it is from one entry of the legend to the next."""
    return CELL + 2 + WIDTH * len(text) + GAP


def _write(image: NDArray[np.uint8], text: str, top: int, left: int) -> None:
    """Write a text in the middle of a row."""
    points, top = written(text), top + (CELL - HEIGHT) // 2
    image[top : top + HEIGHT, left : left + points.shape[1]][points] = INK
