"""Answers for tiny problems by enumerating everything that can happen: slow, and beyond doubt.

Nothing here uses the solvers; the numbers come from the user table and the cue table alone.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import Population, repertoire, user_table
from carousel_envs.cues import cue_table
from carousel_envs.users import UNIT

if TYPE_CHECKING:
    from collections.abc import Callable

Mass = tuple[tuple[float, float], ...]
"""P(kind, mood, everything seen so far), one (fresh, bored) per kind."""


@dataclass(frozen=True)
class Kind:
    """One kind of user and its share."""

    weight: float
    fit: tuple[float, ...]
    hazard: tuple[float, ...]
    engagement: tuple[float, float]
    leave: tuple[float, float]
    gain: float
    memory: float


@dataclass(frozen=True)
class Problem:
    """All kinds of user of a population in which every persona is available."""

    kinds: tuple[Kind, ...]
    cues: tuple[tuple[float, float], ...]
    length: int
    cost: float
    n_actions: int

    @classmethod
    def of(cls, population: Population) -> Problem:
        table = user_table(population)
        assert table.available.all()
        shares: dict[tuple, float] = {}
        for i in range(len(table)):
            parts = (table.fit, table.hazard, table.engagement, table.leave)
            row = (*(tuple(x[i].tolist()) for x in parts), float(table.gain[i]))
            row = (*row, float(table.memory[i]))
            shares[row] = shares.get(row, 0.0) + 1.0 / len(table)
        return cls(
            kinds=tuple(Kind(weight, *row) for row, weight in shares.items()),
            cues=tuple(map(tuple, cue_table(population).probability.T.tolist())),
            length=population.session_length,
            cost=population.swap_cost,
            n_actions=population.n_actions,
        )

    def each(self) -> list[Problem]:
        """One problem per kind, as if the router knew the user."""
        return [
            Problem((kind,), self.cues, self.length, self.cost, self.n_actions)
            for kind in self.kinds
        ]

    def start(self) -> Mass:
        return tuple((kind.weight, 0.0) for kind in self.kinds)

    def chances(self, history: tuple[int, ...]) -> list[tuple[float, float]]:
        """P(engagement) of each kind and mood at the last turn of a history of personas."""
        found = []
        for kind in self.kinds:
            satiation = 0.0
            for spoke in history[:-1]:
                satiation = kind.memory * (satiation + (spoke == history[-1]))
            lost = kind.gain * satiation
            # in the kernel's resolution
            found.append(tuple(round(max(q - lost, 0.0) * UNIT) / UNIT for q in kind.engagement))
        return found

    def arrive(self, mass: Mass, persona: int) -> Mass:
        """Mass after a new persona takes over."""
        return tuple(
            ((f + b) * kind.fit[persona], (f + b) * (1.0 - kind.fit[persona]))
            for kind, (f, b) in zip(self.kinds, mass, strict=True)
        )

    def after(self, mass: Mass, persona: int, like: list[tuple[float, float]]) -> Mass:
        """Mass of those who showed something (likelihoods per kind and mood) and stayed."""
        result = []
        for kind, (f, b), (lf, lb) in zip(self.kinds, mass, like, strict=True):
            fresh, bored = f * lf * (1.0 - kind.leave[0]), b * lb * (1.0 - kind.leave[1])
            moved = fresh * kind.hazard[persona]
            result.append((fresh - moved, bored + moved))
        return tuple(result)

    def play(
        self,
        mass: Mass,
        history: tuple[int, ...],
        pick: int,
        ahead: Callable[[Mass, tuple[int, ...]], float],
        *,
        listens: bool = True,
    ) -> float:
        """Expected reward of a pick at this point, and of what `ahead` makes of what follows."""
        total = 0.0
        if not history or history[-1] != pick:
            if history:
                total -= self.cost * sum(f + b for f, b in mass)
            mass = self.arrive(mass, pick)
        history = (*history, pick)
        chances = self.chances(history)
        total += sum(f * qf + b * qb for (f, b), (qf, qb) in zip(mass, chances, strict=True))
        if len(history) == self.length:
            return total
        if not listens:
            return total + ahead(self.after(mass, pick, [(1.0, 1.0)] * len(mass)), history)
        for engaged in (False, True):
            for fresh, bored in self.cues:
                like = [
                    ((qf if engaged else 1 - qf) * fresh, (qb if engaged else 1 - qb) * bored)
                    for qf, qb in chances
                ]
                following = self.after(mass, pick, like)
                if any(f + b > 0.0 for f, b in following):
                    total += ahead(following, history)
        return total


def optimum(problem: Problem) -> float:
    """The best that any router can do: the maximum over picks after every possible history."""

    def best(mass: Mass, history: tuple[int, ...]) -> float:
        return max(problem.play(mass, history, pick, best) for pick in range(problem.n_actions))

    return best(problem.start(), ())


def value_of(problem: Problem, rule: Callable[[int, int, Mass], int]) -> float:
    """Value of a router that picks rule(turn, current persona or -1, mass)."""

    def follow(mass: Mass, history: tuple[int, ...]) -> float:
        current = history[-1] if history else -1
        return problem.play(mass, history, rule(len(history), current, mass), follow)

    return follow(problem.start(), ())


def schedule_value(problem: Problem, schedule: tuple[int, ...]) -> float:
    """Value of a fixed sequence of personas."""

    def follow(mass: Mass, history: tuple[int, ...]) -> float:
        return problem.play(mass, history, schedule[len(history)], follow, listens=False)

    return follow(problem.start(), ())


def schedule_values(problem: Problem) -> list[float]:
    """Values of every possible schedule."""
    schedules = itertools.product(range(problem.n_actions), repeat=problem.length)
    return [schedule_value(problem, schedule) for schedule in schedules]


def informed(problem: Problem) -> float:
    """Optimum of a router that is told the kind of user."""
    return sum(optimum(part) for part in problem.each())


def clairvoyant(problem: Problem) -> float:
    """Optimum of a router that is told the kind of user and sees the mood before every pick."""

    def best(part: Problem, mass: Mass, history: tuple[int, ...]) -> float:
        (fresh, bored) = mass[0]
        return sum(
            max(
                part.play(seen, history, pick, lambda m, h: best(part, m, h), listens=False)
                for pick in range(part.n_actions)
            )
            for seen in (((fresh, 0.0),), ((0.0, bored),))
            if seen[0][0] + seen[0][1] > 0.0
        )

    return sum(best(part, part.start(), ()) for part in problem.each())


def tiny(
    seed: int, *, kinds: int = 1, personas: int = 2, length: int = 4, **changes: object
) -> Population:
    """A random small population of exactly this many equally frequent users, all different."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0.0, 0.5)
    tastes = rng.normal(size=(kinds, 4))
    spread = 0.15 if kinds > 1 else 0.0
    hazard, leaving = rng.uniform(0.02, 0.4), rng.uniform(0.0, 0.4)
    cue = tuple(tuple(row) for row in rng.dirichlet((1.0, 1.0), size=2).tolist())
    fields = {
        "personas": tuple(rng.permutation(list(repertoire())).tolist())[:personas],
        "session_length": length,
        "fit": "traits",
        "boredom_hazard": (hazard, hazard + spread),
        "hazard_relief": float(rng.choice([0.0, 0.7])),
        "engagement_fresh": rng.uniform(0.6, 1.0),
        "engagement_bored": low,
        "swap_cost": float(rng.choice([0.0, 0.1, 0.3, 0.8])),
        "leave_fresh": float(rng.choice([0.0, leaving / 4])),
        "leave_bored": leaving,
        "cues": (cue,),
        "archetypes": tuple(map(tuple, tastes.tolist())),
        "archetype_weights": (1.0,) * kinds,
        "taste_sharpness": rng.uniform(0.5, 4.0),
        "taste_bias": rng.uniform(-1.0, 2.0),
        "n_users": kinds,
        "users_seed": seed,
    }
    return Population(**{**fields, **changes})
