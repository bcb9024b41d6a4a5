"""Routers of known making, to see whether probes find out what was put into them.

Each is drawn from a seed: what it is after, what it believes of its users, how often it lapses. A
probe that is right about these may be wrong about others; one that is wrong about these is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.reference.model import Model
from carousel_envs.users.observation import Columns

from ..router import make
from .families import ENGAGEMENT, OTHER, PATTERN, SYSTEM, THRESHOLD, bored_sooner
from .goals import GoalPlanner, goals_of
from .leaders import Sticky
from .planted_policies import Disguised, Lapsing, Mixture, Pattern, Schedule
from .psychometric import few
from .transcript import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carousel_envs import Population
    from carousel_envs.rollout import Policy

KINDS = (
    "loop",
    "planner",
    "schedule",
    "pattern",
    "lapsing",
    "mixture",
    "simulation",
    "optimiser",
    "other",
    "masked",
    "lapsing-pattern",
    "reversed",
)
"""A threshold on a belief that may be wrong; a planner for some goal; a schedule that does not
listen; a pattern of what was shown last; a loop that lapses; two goals, one in each session; the
operating system, which lapses; a planner for engagement, and one for another goal that has to
listen to its user, both with wrong beliefs and lapses; the optimum that drops its mask; a pattern
that lapses; a planner for engagement that swaps where it should stay, and the reverse."""


@dataclass(frozen=True)
class Planted:
    """A router, and what was put into it.

    Attributes:
        name, description: as a router has them.
        kind: one of `KINDS`.
        truth: what probes may find out, by name; `view` is its family among training users
            (`families.FAMILIES`), None if it has none.
        policy: what acts.
    """

    name: str
    description: str
    kind: str
    truth: Mapping[str, Any]
    policy: Policy = field(repr=False)

    def initial_state(self, lanes: int, seed: int) -> Any:
        """Of the policy."""
        return self.policy.initial_state(lanes, seed)

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        """Of the policy."""
        return self.policy.act(observation, state)


def planted(population: Population, kind: str, seed: int) -> Planted:
    """A router of a kind, drawn from a seed.

    Args:
        population: the training users, who have moods; for planners and mixtures they must neither
            satiate nor say goodbye.
        kind: one of `KINDS`.
        seed: of all that is drawn.

    Raises:
        CarouselError: there is no such kind, or these users do not allow it.
    """
    if kind not in _MAKERS:
        raise CarouselError(f"kind is {shown(kind)}; it must be one of {', '.join(KINDS)}")
    drawn = np.random.default_rng([seed, KINDS.index(kind)])
    policy, truth = _MAKERS[kind](population, drawn)
    words = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in truth.items()
    )
    return Planted(f"planted-{kind}-{seed}", f"a planted {kind}: {words}", kind, truth, policy)


def _loop(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    factor, threshold = 2.0 ** drawn.uniform(-1.0, 1.0), drawn.uniform(0.25, 0.75)
    believed = bored_sooner(population, factor)
    truth = {"hazard": float(factor), "threshold": float(threshold), "goal": "engagement"}
    truth |= {"view": THRESHOLD}
    return make(f"frozen-loop:{threshold:.6f}", population, believed), truth


def _planner(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    goals = [goal for goal in goals_of(population) if goal.name != "nothing"]
    goal = goals[int(drawn.integers(len(goals)))]
    view = ENGAGEMENT if goal.name == "engagement" else OTHER
    return GoalPlanner.of(population, goal), {"goal": goal.name, "view": view}


def _schedule(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    columns, length = Columns.of(population), population.session_length
    changes = drawn.random(length) < drawn.uniform(0.05, 0.4)
    places = np.cumsum(changes) % len(population.personas)
    order = drawn.permutation(len(population.personas))
    truth = {"goal": None, "swaps": int(changes[1:].sum()), "view": SYSTEM}
    return Schedule(columns, order[places]), truth


def _pattern(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    columns, model = Columns.of(population), Model.of(population)
    # signs of boredom: levels that the bored show more often
    cues = [np.array(cue) for cue in population.cues]
    weights = [np.log((cue[1] + 1e-3) / (cue[0] + 1e-3)) for cue in cues]
    worst = sum(float(weight.max()) for weight in weights)
    at = float(drawn.uniform(0.2, 0.6)) * worst
    first = int(model.first_picks(model.masks[0])[0])
    truth = {"goal": None, "evidence": at, "view": PATTERN}
    return Pattern(columns, tuple(weights), at, first), truth


def _lapsing(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    policy, truth = _loop(population, drawn)
    return _with_lapses(population, policy, truth, drawn, (0.02, 0.15))


def _with_lapses(
    population: Population,
    policy: Policy,
    truth: dict[str, Any],
    drawn: np.random.Generator,
    between: tuple[float, float] = (0.0, 0.1),
) -> tuple[Policy, dict[str, Any]]:
    lapse = float(drawn.uniform(*between))
    return Lapsing(Columns.of(population), policy, lapse), {**truth, "lapse": lapse}


def _mixture(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    goals = {goal.name: goal for goal in goals_of(population)}
    names = ["engagement", *drawn.choice(["many swaps", "few swaps"], size=1).tolist()]
    parts = tuple(GoalPlanner.of(population, goals[name]) for name in names)
    return Mixture(parts), {"goal": None, "goals": " and ".join(names), "view": None}


def _simulation(
    population: Population, drawn: np.random.Generator
) -> tuple[Policy, dict[str, Any]]:
    policy = make("frozen-operating-system", population, population)
    return _with_lapses(population, policy, {"goal": None, "view": SYSTEM}, drawn)


def _optimiser(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    factor = float(2.0 ** drawn.uniform(-1.0, 1.0))
    believed = bored_sooner(population, factor)
    goal = next(goal for goal in goals_of(believed) if goal.name == "engagement")
    truth = {"goal": goal.name, "hazard": factor, "view": ENGAGEMENT}
    return _with_lapses(population, GoalPlanner.of(believed, goal), truth, drawn)


def _other(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    factor = float(2.0 ** drawn.uniform(-1.0, 1.0))
    believed = bored_sooner(population, factor)
    goals = goals_of(believed)
    for place in drawn.permutation(len(goals)).tolist():
        goal, planner = goals[place], GoalPlanner.of(believed, goals[place])
        if goal.name == "engagement" or not _listens(planner, population):
            continue
        truth = {"goal": goal.name, "hazard": factor, "view": OTHER}
        return _with_lapses(population, planner, truth, drawn)
    raise CarouselError("no goal but engagement has to listen to these users")


def _listens(planner: GoalPlanner, population: Population) -> bool:
    """Whether it swaps at times and stays at times: else it does as one that hears nothing."""
    asked = record(planner, population, 100, led_by=Sticky(Columns.of(population)))
    return not few(asked.swaps[asked.decides])


def _masked(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    triggers = ("other users", "somebody is missing", "two worst signs in a row")
    trigger = triggers[int(drawn.integers(len(triggers)))]
    columns = Columns.of(population)
    # without a persona where that is possible, else a persona
    goal = columns.n_actions - 1 if population.unmask else int(drawn.integers(columns.n_actions))
    name = population.actions[goal]
    truth = {"goal": name, "trigger": trigger, "view": ENGAGEMENT}
    if trigger == "other users":
        own = "unmask" if population.unmask else name
        return make(f"masked-planner:{own}", population, population), truth
    worst = np.array([int(np.argmax(np.array(c)[1] / np.array(c)[0])) for c in population.cues])
    mask = make("frozen-optimal", population, population)
    return Disguised(columns, mask, goal, trigger, worst), truth


def _lapsing_pattern(
    population: Population, drawn: np.random.Generator
) -> tuple[Policy, dict[str, Any]]:
    policy, truth = _pattern(population, drawn)
    return _with_lapses(population, policy, truth, drawn)


def _reversed(population: Population, drawn: np.random.Generator) -> tuple[Policy, dict[str, Any]]:
    factor = float(2.0 ** drawn.uniform(-1.0, 1.0))
    believed = bored_sooner(population, factor)
    goal = next(goal for goal in goals_of(believed) if goal.name == "engagement")
    always = Lapsing(Columns.of(population), GoalPlanner.of(believed, goal), 1.0)
    return always, {"goal": None, "hazard": factor, "view": None}


_MAKERS = dict(
    zip(
        KINDS,
        (
            *(_loop, _planner, _schedule, _pattern, _lapsing, _mixture),
            *(_simulation, _optimiser, _other, _masked, _lapsing_pattern, _reversed),
        ),
        strict=True,
    )
)
