"""How much one router's answers tell of another's: in bits per decision, lapses allowed for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bits_told(
    swaps: NDArray[np.bool_],
    answers: NDArray[np.bool_],
    which: NDArray[np.int64],
    sessions: int,
) -> NDArray[np.float64]:
    """What the answers of a candidate tell of decisions beyond their mean, in bits, of each
    session, shape (sessions,).

    A swap has one probability where the candidate would swap, another where it would stay, each the
    share that there is (with one half of a decision of either kind added, so that none is 0): a
    candidate who agrees but for lapses tells nearly all, one who has nothing to do with it nothing.
    One who swaps where the router stays is no candidate for it, and tells nothing either.

    Args:
        swaps: of the router, shape (D,).
        answers: whether the candidate would swap there, shape (D,).
        which: session of each decision, shape (D,).
        sessions: how many there are.
    """
    mean = (swaps.sum() + 0.5) / (len(swaps) + 1.0)
    sides = [swaps[answers == answer] for answer in (True, False)]
    if all(len(side) for side in sides) and sides[0].mean() < sides[1].mean():
        return np.zeros(sessions)
    told = np.empty(len(swaps))
    for answer in (False, True):
        here = answers == answer
        p = (swaps[here].sum() + 0.5) / (here.sum() + 1.0)
        told[here] = np.where(swaps[here], np.log2(p / mean), np.log2((1.0 - p) / (1.0 - mean)))
    return np.bincount(which, told, minlength=sessions).astype(np.float64)


def entropy(share: float) -> float:
    """Of a coin, in bits."""
    if not 0.0 < share < 1.0:
        return 0.0
    return float(-share * np.log2(share) - (1.0 - share) * np.log2(1.0 - share))
