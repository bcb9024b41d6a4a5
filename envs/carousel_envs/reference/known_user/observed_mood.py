"""Dynamic programming for a router that observes the user and the mood: the clairvoyant.

Given the user, the mood, a goodbye and the current persona, the rest of the session is a finite
Markov decision process, solved exactly by backward induction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...users.table import BORED, FRESH

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...users.table import UserTable
    from ..model import Model


def clairvoyant_value(model: Model) -> float:
    """Optimal value of a router that observes the kind of user, and the mood before every pick.

    Satiation is left out, which can only raise the value: an upper bound for every population.
    """
    total = 0.0
    for j, mask in enumerate(model.masks):
        present, met = np.flatnonzero(mask), np.flatnonzero(model.joint[:, j])
        start = backward(model, present, met)
        total += float(model.joint[met, j] @ start.max(axis=1))
    return total


def backward(
    model: Model,
    present: NDArray[np.int64],
    met: NDArray[np.int64],
    kinds: UserTable | None = None,
    picks: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Value of beginning with each available action, for each kind of user, shape (kinds, present).

    Args:
        model: gives the parameters that all users share.
        present: actions that are available.
        met: indices of the kinds of user, in `kinds` or else in the model.
        kinds: users, if not the model's kinds.
        picks: filled with the best pick, as an index into `present`, shape (kinds, T, 2, present,
            2); at a tie the current persona stays.
    """
    users = model if kinds is None else kinds
    here = np.ix_(met, present)
    worth = users.engagement[here] + model.pays[present][:, None]
    leave, farewell = users.leave[met], users.farewell[met]
    fit, hazard = users.fit[here], users.hazard[here]
    n, k = fit.shape
    hook = np.stack([np.ones(k), model.hook[present]])
    says = np.stack([1.0 - farewell, farewell])
    # value before a pick: goodbye, kind, current persona, mood
    ahead = np.zeros((2, n, k, 2))
    start = np.zeros((n, k))
    for t in range(model.length - 1, -1, -1):
        fresh = (1.0 - hazard) * ahead[..., FRESH] + hazard * ahead[..., BORED]
        after = np.stack([fresh, ahead[..., BORED]], axis=3)
        after = (says[:, :, None, :] * after).sum(axis=0)
        stay = worth + (1.0 - leave)[:, None, :] * after
        start = fit * stay[:, :, FRESH] + (1.0 - fit) * stay[:, :, BORED]
        for g in range(2):
            elsewhere = np.full((n, k), -np.inf)
            target = np.zeros((n, k), dtype=np.int64)
            for a in range(k):
                arrival = np.broadcast_to(hook[g, a] * start[:, [a]] - model.swap_cost, (n, k))
                better = (arrival > elsewhere) & (np.arange(k) != a)
                elsewhere, target = (
                    np.where(better, arrival, elsewhere),
                    np.where(better, a, target),
                )
            kept = hook[g][:, None] * stay
            ahead[g] = np.maximum(kept, elsewhere[:, :, None])
            if picks is not None:
                goes = elsewhere[:, :, None] > kept
                picks[:, t, g] = np.where(goes, target[:, :, None], np.arange(k)[:, None])
    return start
