"""Two-sided bounds for populations with several kinds of user, by heuristic search.

The hidden state is (kind, mood); who speaks, and the turn, are seen. The base of the upper bound is
a router that knows the kind and infers the mood.

There are as many joint cue symbols as the cues have combinations, but of a symbol only P(bored |
symbol) matters, at even odds: p. The lower bound's router sees which bin p falls in. The upper
bound's router is told one end of p's bin, drawn so that the mean is p: a symbol that says more than
the true one. Bins are equally wide in arcsin(sqrt(p)), where equal steps are equally telling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .hsvi import Decisions, search

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .convex_bounds import Chains
    from .hsvi import Bounds


@dataclass(frozen=True, eq=False)
class KindBounds:
    """Bounds on the optimum, and the plans that attain the lower one.

    Attributes:
        lower, upper: enclose the optimal value.
        vectors: value of each plan, shape (T, K, P, kinds, 2), before the pick of that turn;
            short sets are filled up with copies. Before the first turn there is only `first`; its
            row repeats that of the second turn.
        actions: first persona of each plan, shape (T, K, P).
        first: persona to begin with.
        trials, work: what the search took (see `hsvi.Bounds`).
    """

    lower: float
    upper: float
    vectors: NDArray[np.float64]
    actions: NDArray[np.int64]
    first: int
    trials: int
    work: int


def _telling(cues: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Symbols that occur, shape (2, n), and arcsin(sqrt(P(bored | symbol))), shape (n,)."""
    cues = cues[:, cues.sum(axis=0) > 0]
    return cues, np.arcsin(np.sqrt(cues[1] / cues.sum(axis=0)))


def merge_symbols(cues: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Symbols that say no more: P(symbol | mood), shape (2, n) to (2, at most bins)."""
    cues, x = _telling(cues)
    width = max(float(np.ptp(x)), 1e-12) / bins
    merged = np.zeros((2, bins))
    np.add.at(merged.T, np.minimum((x - x.min()) / width, bins - 1).astype(np.int64), cues.T)
    return np.ascontiguousarray(merged[:, merged.sum(axis=0) > 0])


def spread_symbols(cues: NDArray[np.float64], ends: int) -> NDArray[np.float64]:
    """Symbols that say no less: P(symbol | mood), shape (2, n) to (2, at most ends)."""
    cues, x = _telling(cues)
    p = np.sin(x) ** 2
    grid = np.sin(np.linspace(x.min(), x.max(), ends)) ** 2
    if grid[-1] - grid[0] < 1e-12:
        return np.ascontiguousarray(cues.sum(axis=1, keepdims=True))
    # the ends must enclose every p, rounding included
    grid[0], grid[-1] = min(grid[0], p.min()), max(grid[-1], p.max())
    left = np.clip(np.searchsorted(grid, p, side="right") - 1, 0, ends - 2)
    right = (p - grid[left]) / (grid[left + 1] - grid[left])
    mass = np.zeros(ends)
    np.add.at(mass, left, cues.sum(axis=0) * (1.0 - right))
    np.add.at(mass, left + 1, cues.sum(axis=0) * right)
    spread = np.stack([mass * (1.0 - grid), mass * grid])
    return np.ascontiguousarray(spread[:, mass > 0])


def persona_decisions(
    fit: NDArray[np.float64],
    engagement: NDArray[np.float64],
    length: int,
    swap_cost: float,
) -> Decisions:
    """Modes 0 to K - 1: who spoke last; mode K: nobody yet. Moves 0 to K - 1: the persona stays;
    K to 2 K - 1: it takes over; 2 K to 3 K - 1: it begins. Shapes as in `solve_kinds`."""
    n_k = fit.shape[1]
    options = np.empty((n_k + 1, n_k), dtype=np.int64)
    for k in range(n_k):
        options[k] = [k, *(n_k + a for a in range(n_k) if a != k)]
    options[n_k] = 2 * n_k + np.arange(n_k)
    stays = engagement.transpose(1, 0, 2)
    begins = (fit.T * stays[:, :, 0] + (1.0 - fit.T) * stays[:, :, 1])[:, :, None].repeat(2, axis=2)
    return Decisions(
        options=options,
        to=np.tile(np.arange(n_k), 3),
        reward=np.concatenate([stays, begins - swap_cost, begins]),
        layers=length,
        discount=1.0,
    )


def persona_follows(
    fit: NDArray[np.float64],
    hazard: NDArray[np.float64],
    engagement: NDArray[np.float64],
    leave: NDArray[np.float64],
    cues: NDArray[np.float64],
) -> NDArray[np.float64]:
    """P(engagement and symbol, mood at the next pick | kind, mood, move), shape (3 K, 2 symbols,
    kinds, 2, 2), for the moves of `persona_decisions`; first the symbols without engagement."""
    q = engagement.transpose(1, 0, 2)[:, None]
    like = np.concatenate([(1.0 - q) * cues.T[None, :, None], q * cues.T[None, :, None]], axis=1)
    turn = np.zeros((*hazard.T.shape, 2, 2))
    turn[:, :, 0, 0], turn[:, :, 0, 1], turn[:, :, 1, 1] = 1.0 - hazard.T, hazard.T, 1.0
    stays = like[..., None] * (turn * (1.0 - leave)[None, :, :, None])[:, None]
    drawn = np.stack([fit.T, 1.0 - fit.T], axis=2)
    begins = np.einsum("kam,kzamn->kzan", drawn, stays)[:, :, :, None].repeat(2, axis=3)
    return np.concatenate([stays, begins, begins])


def _seeds(weights: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Beliefs worth a plan in every turn, at most `limit`, shape (n, kinds, 2).

    Nothing is known of the kind, or one is likely; then also, one is all but certain; then also,
    it is one of two; each at several probabilities of boredom.
    """
    n, unit = len(weights), np.eye(len(weights))
    vague = [weights, *(0.2 * weights + 0.8 * unit)]
    clear = vague + [*(0.03 * weights + 0.97 * unit)]
    pairs = [0.04 * weights + 0.48 * (unit[a] + unit[b]) for a in range(n) for b in range(a)]
    few, many = [0.0, 0.15, 0.5], [0.0, 0.03, 0.08, 0.15, 0.3, 0.5, 0.75, 1.0]
    for about, bored in ((clear + pairs, many), (clear, many), (clear, few), (vague, few)):
        if len(about) * len(bored) <= limit:
            break
    moods = np.stack([1.0 - np.array(bored), np.array(bored)], axis=1)
    seeds = (np.array(about)[None, :, :, None] * moods[:, None, None]).reshape(-1, n, 2)
    return np.ascontiguousarray(seeds[: max(int(limit), 1)])


def solve_kinds(
    fit: NDArray[np.float64],
    hazard: NDArray[np.float64],
    engagement: NDArray[np.float64],
    leave: NDArray[np.float64],
    weights: NDArray[np.float64],
    cues: NDArray[np.float64],
    length: int,
    swap_cost: float,
    *,
    bins: int = 5,
    ends: int = 8,
    tolerance: float = 0.025,
    work: float = 5e9,
) -> KindBounds:
    """Bound the optimal value from both sides.

    Args:
        fit, hazard: shape (kinds, K), the personas that are present.
        engagement: shape (kinds, K, 2): fresh, bored.
        leave: shape (kinds, 2): fresh, bored.
        weights: share of each kind, shape (kinds,).
        cues: P(symbol | mood), shape (2, symbols).
        length, swap_cost: T and c.
        bins: cue bins of the lower bound's router.
        ends: cue symbols of the upper bound's router.
        tolerance: stop once upper - lower <= tolerance * upper.
        work: stop after about so many multiplications.
    """
    n_kinds, n_k = fit.shape
    parts = fit, hazard, engagement, leave
    decisions = persona_decisions(fit, engagement, length, swap_cost)
    low = persona_follows(*parts, merge_symbols(cues, bins))
    high = persona_follows(*parts, spread_symbols(cues, ends))
    start = np.stack([weights / weights.sum(), np.zeros(n_kinds)], axis=1)
    # Plans for n seeds may take a quarter of the work. Each looks at every option, and makes a plan
    # from about two of them, out of about n plans for what follows.
    looks, picks = n_k * high.shape[1] / 2, 2 * low.shape[1]
    each = work / 4 / (length * n_k * start.size)
    limit = (np.sqrt(looks**2 + picks * each) - looks) / picks
    bounds = search(
        decisions,
        low,
        high,
        start,
        n_k,
        told=persona_follows(*parts, spread_symbols(cues, 4 * ends)),
        seeds=_seeds(start[:, 0], limit),
        grid=129 if length * n_k * n_kinds <= 4000 else 33,
        tolerance=tolerance,
        work=work,
    )
    vectors, actions = _in_use(bounds, decisions, n_k)
    first = int(bounds.plans.move[bounds.root]) % n_k
    return KindBounds(
        bounds.lower, bounds.upper, vectors, actions, first, bounds.trials, bounds.work
    )


def blind_schedule(
    fit: NDArray[np.float64],
    hazard: NDArray[np.float64],
    engagement: NDArray[np.float64],
    leave: NDArray[np.float64],
    weights: NDArray[np.float64],
    cues: NDArray[np.float64],
    length: int,
    swap_cost: float,
    *,
    work: float = 2e8,
) -> NDArray[np.int64]:
    """Best schedule found for a router to whom everything that is shown is one symbol, shape (T,);
    arguments as in `solve_kinds`."""
    n_kinds, n_k = fit.shape
    follows = persona_follows(fit, hazard, engagement, leave, cues).sum(axis=1, keepdims=True)
    start = np.stack([weights / weights.sum(), np.zeros(n_kinds)], axis=1)
    decisions = persona_decisions(fit, engagement, length, swap_cost)
    bounds = search(
        decisions, follows, follows, start, n_k, grid=33, tolerance=1e-6, work=work, room=1 << 15
    )
    schedule, place = np.zeros(length, dtype=np.int64), bounds.root
    for t in range(length):
        schedule[t] = bounds.plans.move[place] % n_k
        place = int(bounds.plans.follow[place, 0])
    return schedule


def _in_use(
    bounds: Bounds, decisions: Decisions, n_k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Plans that the start's plan may go on with, as in `KindBounds`.

    Each of them finds the plans it goes on with among them, so that to act by the best of them at
    every turn is worth what the start's plan is worth, or more.
    """
    plans, layers = bounds.plans, decisions.layers
    used: list[list[list[int]]] = []
    after = {int(decisions.to[plans.move[bounds.root]]): np.unique(plans.follow[bounds.root])}
    for layer in range(1, layers):
        here, after = after, {}
        used.append([])
        for mode in range(n_k):
            # a persona that cannot be speaking yet still stands for something: all that is known
            places = here.get(mode)
            used[-1].append(_chain(plans, layer, mode) if places is None else places.tolist())
            if places is not None:
                for move in np.unique(plans.move[places]):
                    follow = plans.follow[places[plans.move[places] == move]]
                    to = int(decisions.to[move])
                    after[to] = np.union1d(after.get(to, follow), follow)
    known = [len(here) for row in used for here in row]
    size = max(known, default=1)
    vectors = np.zeros((layers, n_k, size, *plans.vectors.shape[1:]))
    actions = np.zeros((layers, n_k, size), dtype=np.int64)
    for layer in range(1, layers):
        for mode in range(n_k):
            some = np.resize(np.array(used[layer - 1][mode]), size)
            vectors[layer, mode], actions[layer, mode] = plans.vectors[some], plans.move[some] % n_k
    if layers > 1:
        vectors[0], actions[0] = vectors[1], actions[1]
    else:
        actions[0] = np.arange(n_k)[:, None]
    return vectors, actions


def _chain(plans: Chains, layer: int, mode: int) -> list[int]:
    """The newest plans of a chain."""
    places: list[int] = []
    i = int(plans.head[layer, mode])
    while i >= 0 and len(places) < 32:
        places.append(i)
        i = int(plans.link[i])
    return places
