"""Problems of several kinds of user, and their optimum over every history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carousel_envs.reference.hidden_kinds.kinds_problem import KindsProblem

if TYPE_CHECKING:
    from carousel_envs.reference.model import Model


def random_problem(
    seed: int, kinds: int, personas: int, length: int, symbols: int = 2, *, goodbyes: bool = False
):
    """Any problem that `close_kinds` may be given."""
    rng = np.random.default_rng(seed)
    problem = KindsProblem(
        fit=rng.uniform(0, 1, (kinds, personas)) ** 0.5,
        hazard=rng.uniform(0, 0.5, (kinds, personas)),
        pays=np.where(np.arange(personas) == seed % 3, 0.3, 0.0),
        engagement=np.sort(rng.uniform(0, 1, (kinds, personas, 2)))[:, :, ::-1].copy(),
        leave=np.sort(rng.uniform(0, 0.4, (kinds, 2))),
        weights=rng.dirichlet(np.ones(kinds)),
        cues=rng.dirichlet(np.ones(symbols), 2),
        length=length,
        swap_cost=float(rng.choice([0.0, 0.1, 0.4])),
    )
    if not goodbyes:
        return problem
    farewell, hook = rng.uniform(0, 0.6, (kinds, 2)), rng.uniform(0, 1, personas)
    return problem._replace(farewell=farewell, hook=hook)


def alike(problem: KindsProblem) -> KindsProblem:
    """The same, where kinds differ in whom they like alone."""
    shape = problem.fit.shape
    return problem._replace(
        hazard=np.broadcast_to(problem.hazard[:1], shape).copy(),
        engagement=np.broadcast_to(problem.engagement[:1], (*shape, 2)).copy(),
        leave=np.broadcast_to(problem.leave[:1], (shape[0], 2)).copy(),
    )


def brute_force(problem: KindsProblem, rule=None) -> float:
    """Optimum, or the value of rule(turn, current, belief, goodbye), over every history."""
    fit, hazard, engagement, pays, leave, weights, cues, length, swap_cost, farewell, hook = problem
    # says it or not, with what probability in either mood
    ends = [(0, 1.0)] if farewell is None else [(0, 1.0 - farewell), (1, farewell)]

    def value(belief, current, turn, goodbye=0):
        def play(k):
            now, total = belief, 0.0
            if k != current:
                mass = belief.sum(axis=1, keepdims=True)
                now = mass * np.stack([fit[:, k], 1 - fit[:, k]], axis=1)
                total -= swap_cost * mass.sum() if turn else 0.0
            now = now * hook[k] if goodbye else now
            q = engagement[:, k]
            total += (now * (q + pays[k])).sum()
            if turn + 1 < length:
                for like in (1 - q, q):
                    for cue in cues.T:
                        for said, chance in ends:
                            after = now * like * cue * (1 - leave) * chance
                            moved = after[:, :1] * hazard[:, [k]]
                            total += value(after + np.hstack([-moved, moved]), k, turn + 1, said)
            return total

        if rule is not None:
            return play(rule(turn, current, belief, goodbye))
        return max(play(k) for k in range(fit.shape[1]))

    return value(np.stack([weights, 0 * weights], axis=1), -1, 0)


def whole_problem(model: Model) -> KindsProblem:
    """All kinds of user of a model, with all personas."""
    engagement = np.broadcast_to(
        model.engagement.reshape(model.n_types, -1, 2), (model.n_types, model.n_actions, 2)
    )
    names = ("fit", "hazard", "pays", "leave", "weights", "cues", "length", "swap_cost")
    shared = {name: getattr(model, name) for name in names}
    return KindsProblem(**shared, engagement=engagement.copy())
