"""The checker: whether a certificate proves its bounds, from the model's definition alone.

Kinds of user differ in whom they like, and in nothing else. What `Model` reads from a population is
all that is known. After every turn values move outwards by more than rounding moved them inwards.

*Below*, a finite policy is enacted backwards: a plan enacts its persona for a turn and then, by
report and cue symbol, goes on with a plan of the next turn.

*Above*, the value of a turn in which persona k takes over is convex and homogeneous in the shares
of kinds, so no more than a mixture of bounds at other shares. During a streak three numbers tell
the belief: P(k suited, user fresh), P(suited, tired since), P(never suited). In these the value is
convex, so no more than a mixture of nodes of a grid; and a router is worth no less if it hears
symbols from which its own follow by forgetting (Blackwell 1951). Induction goes from the last turn.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def require(holds: Any, why: str) -> None:
    """Raise ValueError unless it holds, of all numbers."""
    if not np.all(holds):
        raise ValueError(why)


def ratio(part: Any, whole: Any, otherwise: Any = 0.0) -> Any:
    """part / whole, or something else where there is nothing."""
    return np.where(whole > 0.0, part / np.where(whole > 0.0, whole, 1.0), otherwise)


class Session:
    """One visible context: who is there, and what a turn does. K personas, A kinds, Z symbols."""

    def __init__(self, model: Any, context: int) -> None:
        there, kinds = np.flatnonzero(model.masks[context]), np.flatnonzero(model.joint[:, context])
        require(not model.gain.any() and not model.farewell.any(), "users satiate or say goodbye")
        self.share = model.joint[kinds, context]
        self.fit = model.fit[np.ix_(kinds, there)].T  # K, A
        at = np.ix_(kinds, there)
        alike = [model.hazard[at], model.engagement[at], model.leave[kinds]]
        require(all((x == x[:1]).all() for x in alike), "kinds differ in more than whom they like")
        hazard, engaged, stays = alike[0][0], alike[1][0], 1.0 - alike[2][0]
        self.reward = engaged + model.pays[there, None]  # K, mood
        self.heard = np.stack([1.0 - engaged, engaged], axis=1)  # K, report, mood
        # fresh to fresh, fresh to bored, bored to bored
        moves = [(1.0 - hazard) * stays[0], hazard * stays[0], stays[1] + 0.0 * hazard]
        self.ahead = np.stack(moves, axis=1)
        cues = model.cues[:, model.cues.sum(axis=0) > 0.0]
        self.odds, which = np.unique(cues[1] / cues.sum(axis=0), return_inverse=True)
        self.cues = np.zeros((2, len(self.odds)))
        np.add.at(self.cues.T, which.ravel(), cues.T)
        self.length, self.cost = model.length, float(model.swap_cost)
        # no session is worth more, in absolute terms
        self.most = self.length * (float(np.abs(self.reward).max()) + self.cost)
        # sums have fewer terms than this, none larger than `most`
        self.slack = 8.0 * np.finfo(float).eps * self.most * (2 * len(self.odds) + self.fit.size)

    def cheapest(self, values: Any, which: Any, shares: Any, off: Any) -> Any:
        """The bound of the cheapest of the mixtures of `_mixtures`, shape (Q, N)."""
        return ((values[which] * shares).sum(axis=-1) + self.most * off).min(axis=-1)


def lower_bound(session: Session, arrays: Any) -> float:
    """What the policy of a certificate earns, at least."""
    names = ("turn", "persona", "before", "report", "stop", "after")
    turn, persona, before, report, stop, after = (arrays[x].astype(np.int64) for x in names)
    n, (n_k, n_a), z, root = len(turn), session.fit.shape, len(session.odds), int(arrays["root"])
    require((len(persona) == n, len(before) == len(report) == len(stop) == len(after)), "lengths")
    require((persona >= 0) & (persona < n_k), "a plan enacts nobody")
    require((turn >= 0) & (turn < session.length), "a plan is for no turn")
    require((0 <= root < n, turn[root] == 0), "there is no plan for the start")
    require((after >= 0) & (after < n) & (before >= 0) & (before < n), "no plan follows")
    require((report == 0) | (report == 1), "there are two reports")
    require(turn[after] == turn[before] + 1, "what follows is for another turn")
    key = 2 * before + report
    new = np.diff(key, prepend=-1) != 0
    going_on = 2 * np.flatnonzero(turn < session.length - 1)[:, None] + [0, 1]
    require(np.array_equal(key[new], going_on.ravel()), "reports are not heard once each")
    begin = np.where(new, 0, np.append(0, stop[:-1]))
    whole = np.where(np.roll(new, -1), stop == z, stop < z)
    require((begin < stop) & whole, "symbols are not heard once each")
    mass = np.concatenate([np.zeros((2, 1)), np.cumsum(session.cues, axis=1)], axis=1)
    value = np.zeros((n, n_a, 2))  # in the turn, by kind and mood
    for t in range(session.length - 1, -1, -1):
        here, links = np.flatnonzero(turn == t), np.flatnonzero(turn[before] == t)
        value[here] = session.reward[persona[here], None] - session.slack
        k, j, ahead = persona[before[links]], persona[after[links]], value[after[links]]
        begun = ahead[..., 1] + session.fit[j] * (ahead[..., 0] - ahead[..., 1]) - session.cost
        ahead = np.where((k == j)[:, None, None], ahead, begun[..., None])
        still, tires, bored = session.ahead[k].T[..., None]
        moods = (still * ahead[..., 0] + tires * ahead[..., 1], bored * ahead[..., 1])
        for m, worth in enumerate(moods):
            like = session.heard[k, report[links], m] * (mass[m, stop] - mass[m, begin])[links]
            np.add.at(value[..., m], before[links], like[:, None] * worth)
    fresh, bored = value[root].T
    return float(session.share @ (bored + session.fit[persona[root]] * (fresh - bored)))


def upper_bound(session: Session, arrays: Any) -> float:
    """What no router can earn more than."""
    (n_k, n_a), start = session.fit.shape, session.share / session.share.sum()
    grids = arrays["never"], arrays["tired"]
    for grid in grids:
        require((grid[0] == 0.0, grid[-1] == 1.0), "a grid does not go from 0 to 1")
        require(np.diff(grid) > 0.0, "a grid does not rise")
    cues, points = _spread(session, arrays["symbols"].astype(np.int64)), []
    never, tired = (x.ravel() for x in np.meshgrid(*grids, indexing="ij"))
    nodes = np.stack([(1.0 - never) * (1.0 - tired), (1.0 - never) * tired, never], axis=1)
    for k in range(n_k):
        x = arrays[f"points {k}"]
        require(np.all(x >= 0.0) and x.shape == (len(x), n_a), "points are no shares")
        shares = x / x.sum(axis=1, keepdims=True)
        points.append(np.concatenate([np.eye(n_a), start[None], shares]))
    steps: list[Any] = []
    mixed: list[dict[int, Any]] = []
    for k, x in enumerate(points):
        fit, suits, at = session.fit[k], x @ session.fit[k], grids[0][:, None, None]
        suited = ratio(x * fit, suits[:, None], x)
        unsuited = ratio(x * (1.0 - fit), 1.0 - suits[:, None], x)
        begins = np.stack([suits, 0.0 * suits, 1.0 - suits], axis=1)
        at_nodes = _steps(session, k, cues, grids, nodes)
        steps.append([[a[..., None] for a in at_nodes], _steps(session, k, cues, grids, begins)])
        swaps, others = (1.0 - at) * suited + at * unsuited, (j for j in range(n_k) if j != k)
        mixed.append({j: _mixtures(points[j], swaps, arrays[f"mixed {k} {j}"]) for j in others})
    values: list[Any] = []
    for t in range(session.length - 1, -1, -1):
        ahead, values, last = values, [], t == session.length - 1
        for k, x in enumerate(points):
            swap = [] if last else [session.cheapest(ahead[j][1], *m) for j, m in mixed[k].items()]
            swapped = np.max(swap, axis=0) - session.cost if swap else None
            after = (None if last else ahead[k][0], swapped, len(grids[1]), len(x))
            values.append([_expected(some, *after) + session.slack for some in steps[k]])
    return float(np.max([bound[n_a] for _, bound in values]) * session.share.sum())


def _spread(session: Session, kept: Any) -> Any:
    """P(symbol | mood) where all but the kept symbols are split between their neighbours, such that
    mass and mean of p = P(bored | symbol) at even odds stay, shape (2, E)."""
    p, mass = session.odds, session.cues.sum(axis=0)
    require(np.diff(kept) > 0, "symbols are not in order")
    require((kept[0] == 0, kept[-1] == len(p) - 1), "the outermost symbols are not kept")
    right = np.searchsorted(kept, np.arange(len(p)))
    left = np.maximum(right - 1, 0)
    share = ratio(p[kept[right]] - p, p[kept[right]] - p[kept[left]])
    split = np.zeros(len(kept))
    np.add.at(split, left, share * mass)
    np.add.at(split, right, (1.0 - share) * mass)
    return np.stack([split * (1.0 - p[kept]), split * p[kept]])


def _steps(session: Session, k: int, cues: Any, grids: Any, beliefs: Any) -> list[Any]:
    """What a turn brings at beliefs of shape (N, 3), and for all that may be heard: probability,
    the cell of the grid that it leads to, and how far along, shape (N, X)."""
    like = (session.heard[k][:, :, None] * cues).transpose(1, 0, 2).reshape(2, 1, -1)
    still, tires, bored = session.ahead[k]
    suited, since, wrong = (beliefs[:, i, None] for i in range(3))
    fresh, wrong = still * suited * like[0], bored * wrong * like[1]
    tired = tires * suited * like[0] + bored * since * like[1]
    places = [fresh + tired + wrong]
    for grid, at in ((grids[0], ratio(wrong, places[0])), (grids[1], ratio(tired, fresh + tired))):
        cell = np.clip(np.searchsorted(grid, at, side="right") - 1, 0, len(grid) - 2)
        places += [cell, np.clip((at - grid[cell]) / (grid[cell + 1] - grid[cell]), 0.0, 1.0)]
    return [beliefs @ session.reward[k, [0, 1, 1]], *places]


def _expected(step: Any, stay: Any, swap: Any, across: int, n: int) -> Any:
    """The bound on a turn for n points: at nodes, shape (N, n), or where k takes over, (n,)."""
    (total, mass, i, up, j, right), points = step, np.arange(n)
    total = total + np.zeros(n)
    for x in range(mass.shape[1] if stay is not None else 0):
        m, u, r, q, at = (a[:, x] for a in (mass, up, right, i, across * i + j))
        ahead = (1.0 - u) * ((1.0 - r) * stay[at, points] + r * stay[at + 1, points])
        at = at + across
        ahead += u * ((1.0 - r) * stay[at, points] + r * stay[at + 1, points])
        if swap is not None:
            swaps = (1.0 - u) * swap[q, points] + u * swap[q + 1, points]
            ahead = np.maximum(ahead, swaps)
        total += m * ahead
    return total


def _mixtures(points: Any, kinds: Any, which: Any) -> tuple[Any, Any, Any]:
    """Mixtures of the named points, shape (Q, N, W, A), and of points that are sure of one kind:
    their shares, and by how much the mixture is another belief."""
    n_a = points.shape[1]
    require((which.ndim == 4, which.shape[:2] == kinds.shape[:2]), "mixtures are not whole")
    require((which >= 0) & (which < len(points)), "a mixture is of no point")
    sure = np.broadcast_to(np.arange(n_a), (*which.shape[:2], 1, n_a))
    which, target = (
        np.concatenate([which.astype(np.int64), sure], axis=2),
        kinds[:, :, None, :, None],
    )
    columns = points[which].swapaxes(-1, -2)
    flat = np.abs(np.linalg.det(columns))[..., None, None] <= 1e-12
    shares = np.maximum(np.linalg.solve(np.where(flat, np.eye(n_a), columns), target), 0.0)
    off = np.abs(columns @ shares - target).sum(axis=(-1, -2))
    return which, shares[..., 0], off
