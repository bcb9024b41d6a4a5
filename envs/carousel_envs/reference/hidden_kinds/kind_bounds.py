"""Two-sided bounds for populations with several kinds of user, by heuristic search.

The hidden state is (kind, mood); the current persona, the turn, and whether the user has just said
goodbye are observed. The lower bound's
router sees merged cue symbols, and the upper bound's router more informative ones (`symbols`). The
base of the upper bound is a router that knows the kind and infers the mood; where users say
goodbye, one that sees the mood.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .decisions import Problem
from .hsvi import search
from .kinds_problem import persona_decisions, persona_follows
from .symbols import merge_symbols, spread_symbols

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .convex_bounds import Chains
    from .decisions import Decisions
    from .hsvi import Bounds
    from .kinds_problem import KindsProblem


@dataclass(frozen=True, eq=False)
class KindBounds:
    """Bounds on the optimum, and the plans that attain the lower one.

    Attributes:
        lower, upper: enclose the optimal value.
        vectors: value of each plan, shape (T, K, P, kinds, states), before the pick of that turn;
            short sets are padded with copies. Before the first turn there is only `first`; its row
            repeats that of the second turn.
        actions: first persona of each plan, shape (T, K, P).
        first: persona to begin with.
        trials, work: of the search (see `hsvi.Bounds`).
    """

    lower: float
    upper: float
    vectors: NDArray[np.float64]
    actions: NDArray[np.int64]
    first: int
    trials: int
    work: int


def _seeds(problem: KindsProblem, limit: float) -> NDArray[np.float64]:
    """Beliefs that get a plan in every turn, at most `limit`, shape (n, kinds, states): those of
    `_about`, and where users say goodbye all of them once more, for users who have just done so."""
    said = problem.n_states // 2
    seeds = _about(problem.start[:, 0], limit / said)
    silent = np.concatenate([seeds, *[np.zeros_like(seeds)] * (said - 1)], axis=2)
    return np.concatenate([np.roll(silent, 2 * shift, axis=2) for shift in range(said)])


def _about(weights: NDArray[np.float64], limit: float) -> NDArray[np.float64]:
    """Beliefs about kinds and moods, at most `limit`, shape (n, kinds, 2).

    The prior over kinds, and beliefs in which one kind is likely; if there is room, also those in
    which one is almost certain, and those in which it is one of two; each at several probabilities
    of boredom.
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
    problem: KindsProblem,
    *,
    bins: int = 5,
    ends: int = 8,
    tolerance: float = 0.025,
    work: float = 5e9,
) -> KindBounds:
    """Bound the optimal value from both sides.

    Args:
        problem: kinds of user and personas.
        bins: cue bins of the lower bound's router.
        ends: cue symbols of the upper bound's router.
        tolerance: stop once upper - lower <= tolerance * upper.
        work: stop after about so many multiplications.
    """
    n_kinds, n_k = problem.fit.shape
    decisions, start = persona_decisions(problem), problem.start
    low = persona_follows(problem, merge_symbols(problem.cues, bins))
    high = persona_follows(problem, spread_symbols(problem.cues, ends))
    base = persona_follows(problem, spread_symbols(problem.cues, 4 * ends))
    # Plans for n seeds may take a quarter of the work. Each looks at every option, and makes a plan
    # from about two of them, out of about n plans for what follows.
    looks, picks = n_k * high.shape[1] / 2, 2 * low.shape[1]
    each = work / 4 / (problem.length * n_k * start.size)
    limit = (np.sqrt(looks**2 + picks * each) - looks) / picks
    bounds = search(
        Problem(decisions, low, high, start, n_k, base),
        seeds=_seeds(problem, limit),
        grid=129 if problem.length * n_k * n_kinds <= 4000 else 33,
        tolerance=tolerance,
        work=work,
    )
    vectors, actions = _in_use(bounds, decisions, n_k)
    first = int(bounds.plans.move[bounds.root]) % n_k
    return KindBounds(
        bounds.lower, bounds.upper, vectors, actions, first, bounds.trials, bounds.work
    )


def blind_schedule(problem: KindsProblem, *, work: float = 2e8) -> NDArray[np.int64]:
    """Best schedule found, shape (T,): the plan of a router that cannot tell observations apart."""
    n_k = problem.fit.shape[1]
    follows = persona_follows(problem, problem.cues).sum(axis=1, keepdims=True)
    bounds = search(
        Problem(persona_decisions(problem), follows, follows, problem.start, n_k),
        grid=33,
        tolerance=1e-6,
        work=work,
        room=1 << 15,
    )
    schedule, place = np.zeros(problem.length, dtype=np.int64), bounds.root
    for t in range(problem.length):
        schedule[t] = bounds.plans.move[place] % n_k
        place = int(bounds.plans.follow[place, 0])
    return schedule


def _in_use(
    bounds: Bounds, decisions: Decisions, n_k: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Plans that may continue the start's plan, as in `KindBounds`.

    The set contains the plans that continue each of its own, so acting by the best of them at every
    turn is worth at least as much as the start's plan.
    """
    plans, layers = bounds.plans, decisions.layers
    used: list[list[list[int]]] = []
    after = {int(decisions.to[plans.move[bounds.root]]): np.unique(plans.follow[bounds.root])}
    for layer in range(1, layers):
        here, after = after, {}
        used.append([])
        for mode in range(n_k):
            # a persona that cannot be current yet still needs some plans: the newest ones
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
    """Indices of the newest plans of a chain."""
    places: list[int] = []
    i = int(plans.head[layer, mode])
    while i >= 0 and len(places) < 32:
        places.append(i)
        i = int(plans.link[i])
    return places
