"""Answers for tiny problems by enumerating everything that can happen: slow, and beyond doubt.

Nothing here uses the solvers; the numbers come from the user table and the cue table alone.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import Population, user_table
from carousel_envs.users.cues import cue_table
from carousel_envs.users.table import UNIT
from support.env_helpers import EIGHT, tuples

if TYPE_CHECKING:
    from collections.abc import Callable

Mass = tuple[tuple[float, float, float, float], ...]
"""P(kind, mood, everything seen so far) per kind: fresh and bored users who have not just said
goodbye, then fresh and bored users who have."""


@dataclass(frozen=True)
class Kind:
    """One kind of user and its share; engagement holds a (fresh, bored) pair per action."""

    weight: float
    fit: tuple[float, ...]
    hazard: tuple[float, ...]
    engagement: tuple[tuple[float, float], ...]
    leave: tuple[float, float]
    farewell: tuple[float, float]
    gain: tuple[float, ...]
    memory: float


@dataclass(frozen=True)
class Problem:
    """All kinds of user of a population in which every persona is available."""

    kinds: tuple[Kind, ...]
    cues: tuple[tuple[float, float], ...]
    hook: tuple[float, ...]
    pays: tuple[float, ...]
    length: int
    cost: float

    @classmethod
    def of(cls, population: Population, which: np.ndarray | None = None) -> Problem:
        """The problem of these users (all), each with its share among all."""
        table = user_table(population)
        assert table.available.all()
        parts = (table.fit, table.hazard, table.engagement, table.leave, table.farewell)
        shares: dict[tuple, float] = {}
        for i in range(len(table)) if which is None else np.flatnonzero(which):
            row = (*(tuples(x[i]) for x in (*parts, table.gain)), float(table.memory[i]))
            shares[row] = shares.get(row, 0.0) + 1.0 / len(table)
        return cls(
            kinds=tuple(Kind(weight, *row) for row, weight in shares.items()),
            cues=tuples(cue_table(population).probability.T),
            hook=tuples(np.rint(population.per_action("hook") * UNIT) / UNIT),
            pays=(
                *(-population.per_action("persona_cost")[: len(population.personas)]).tolist(),
                *([population.unmask_reward] if population.unmask else []),
            ),
            length=population.session_length,
            cost=population.swap_cost,
        )

    @property
    def n_actions(self) -> int:
        return len(self.hook)

    @property
    def says_goodbye(self) -> bool:
        return any(max(kind.farewell) > 0.0 for kind in self.kinds)

    def each(self) -> list[Problem]:
        """One problem per kind, as if the router knew the user."""
        return [replace(self, kinds=(kind,)) for kind in self.kinds]

    def start(self) -> Mass:
        return tuple((kind.weight, 0.0, 0.0, 0.0) for kind in self.kinds)

    def chances(self, history: tuple[int, ...]) -> list[tuple[float, float]]:
        """P(engagement) of each kind and mood at the last turn of a history of personas."""
        found, persona = [], history[-1]
        for kind in self.kinds:
            satiation = 0.0
            for spoke in history[:-1]:
                satiation = kind.memory * (satiation + (spoke == persona))
            lost = kind.gain[persona] * satiation
            # in the kernel's resolution
            found.append(
                tuple(round(max(q - lost, 0.0) * UNIT) / UNIT for q in kind.engagement[persona])
            )
        return found

    def arrive(self, mass: Mass, persona: int) -> Mass:
        """Mass after a new persona takes over."""
        found = []
        for kind, (fresh, bored, fresh_goes, bored_goes) in zip(self.kinds, mass, strict=True):
            fit, stays, goes = kind.fit[persona], fresh + bored, fresh_goes + bored_goes
            found.append((stays * fit, stays * (1.0 - fit), goes * fit, goes * (1.0 - fit)))
        return tuple(found)

    def after(
        self, mass: list[tuple[float, float]], persona: int, like: list[tuple[float, float]]
    ) -> Mass:
        """Mass of those who showed something (likelihoods per kind and mood) and stayed, whether
        they said goodbye or not."""
        found = []
        for kind, (fresh, bored), (lf, lb) in zip(self.kinds, mass, like, strict=True):
            fresh *= lf * (1.0 - kind.leave[0])
            bored *= lb * (1.0 - kind.leave[1])
            row: list[float] = []
            for says in ((1.0 - kind.farewell[0], 1.0 - kind.farewell[1]), kind.farewell):
                moved = fresh * says[0] * kind.hazard[persona]
                row += [fresh * says[0] - moved, bored * says[1] + moved]
            found.append(tuple(row))
        return tuple(found)

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
                total -= self.cost * sum(map(sum, mass))
            mass = self.arrive(mass, pick)
        # who has said goodbye goes, unless this persona keeps them
        keep = self.hook[pick]
        there = [(f + keep * fg, b + keep * bg) for f, b, fg, bg in mass]
        history = (*history, pick)
        chances = self.chances(history)
        total += sum(f * qf + b * qb for (f, b), (qf, qb) in zip(there, chances, strict=True))
        total += self.pays[pick] * sum(map(sum, there))
        if len(history) == self.length:
            return total
        if not listens:
            return total + ahead(self.after(there, pick, [(1.0, 1.0)] * len(mass)), history)
        for engaged in (False, True):
            for fresh, bored in self.cues:
                like = [
                    ((qf if engaged else 1 - qf) * fresh, (qb if engaged else 1 - qb) * bored)
                    for qf, qb in chances
                ]
                for following in by_goodbye(self.after(there, pick, like)):
                    total += ahead(following, history)
        return total


def by_goodbye(mass: Mass) -> list[Mass]:
    """Mass of those who have not just said goodbye and of those who have, where there are any."""
    stays = tuple((f, b, 0.0, 0.0) for f, b, _, _ in mass)
    goes = tuple((0.0, 0.0, fg, bg) for _, _, fg, bg in mass)
    return [part for part in (stays, goes) if any(map(any, part))]


def belief(mass: Mass) -> tuple[float, int]:
    """P(bored) of a known kind of user, and whether a goodbye has just been seen."""
    ((fresh, bored, fresh_goes, bored_goes),) = mass
    goodbye = fresh_goes + bored_goes > 0.0
    assert not (goodbye and fresh + bored > 0.0), "whoever listens sees a goodbye"
    return (bored + bored_goes) / (fresh + bored + fresh_goes + bored_goes), int(goodbye)


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
        return sum(
            max(
                part.play(seen, history, pick, lambda m, h: best(part, m, h), listens=False)
                for pick in range(part.n_actions)
            )
            for seen in one_by_one(mass)
        )

    return sum(best(part, part.start(), ()) for part in problem.each())


def one_by_one(mass: Mass) -> list[Mass]:
    """Mass of a known kind of user by mood and goodbye, where there is any."""
    (row,) = mass
    return [
        (tuple(x if i == j else 0.0 for j, x in enumerate(row)),)
        for i in range(len(row))
        if row[i] > 0.0
    ]


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
        "personas": tuple(rng.permutation(EIGHT).tolist())[:personas],
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


def draws(seed: int, personas: int, *, farewells: bool) -> dict[str, object]:
    """Further fields of a tiny population: an appeal per persona and, where users say goodbye, a
    hook per persona."""
    rng = np.random.default_rng(seed + 10**6)
    fields: dict[str, object] = {"appeal": tuple(rng.uniform(-0.2, 0.2, personas).tolist())}
    if farewells:
        bored = rng.uniform(0.1, 0.6)
        fields |= {
            "farewell_fresh": float(rng.choice([0.0, bored / 3])),
            "farewell_bored": bored,
            "hook": tuple(rng.uniform(0.0, 1.0, personas).tolist()),
            "shows": ("farewell",),
        }
    return fields


FLAVOURS = {
    "alike": lambda seed, personas: {},
    "appeal": lambda seed, personas: draws(seed, personas, farewells=False),
    "farewells": lambda seed, personas: draws(seed, personas, farewells=True),
}
"""What a tiny population has beyond moods: nothing, an appeal per persona, or farewells too."""
