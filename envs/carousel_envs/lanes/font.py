"""A bitmap font of 5 x 7 points, so that pictures are the same arrays on every machine."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH, HEIGHT = 6, 8
"""Size of a character, with the space beside and below it."""

# five columns from the left, a byte each, the lowest bit on top
_GLYPHS = dict(
    line.split(" ", 1)
    for line in """\
0 3E5149453E
1 00427F4000
2 4261514946
3 2141454B31
4 1814127F10
5 2745454539
6 3C4A494930
7 0171090503
8 3649494936
9 064949291E
a 2054545478
b 7F48444438
c 3844444420
d 384444487F
e 3854545418
f 087E090102
g 485454543C
h 7F08040478
i 00447D4000
j 2040443D00
k 7F10284400
l 00417F4000
m 7C04180478
n 7C08040478
o 3844444438
p 7C14141408
q 081414187C
r 7C08040408
s 4854545420
t 043F444020
u 3C4040207C
v 1C2040201C
w 3C4030403C
x 4428102844
y 0C5050503C
z 4464544C44
_ 4040404040
- 0808080808
. 0060600000
, 0050300000
: 0036360000
( 001C224100
) 0041221C00""".splitlines()
)
_UNKNOWN = "7F4141417F"


@cache
def _glyph(character: str) -> NDArray[np.bool_]:
    marked = np.zeros((HEIGHT, WIDTH), dtype=np.bool_)
    if character != " ":
        columns = bytes.fromhex(_GLYPHS.get(character, _UNKNOWN))
        marked[:7, :5] = (np.array(list(columns)) >> np.arange(7)[:, None]) & 1
    return marked


def written(text: str) -> NDArray[np.bool_]:
    """Where the points of a text are, shape (8, 6 len(text)). Capitals are written small, and
    missing characters as a box."""
    blank = np.zeros((HEIGHT, 0), dtype=np.bool_)
    return np.hstack([blank, *(_glyph(character) for character in text.lower())])
