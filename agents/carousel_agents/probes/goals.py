"""What a router might be after, and what every pick is worth to whoever is after it.

A goal is a reward per turn: so much for a mood with a persona, so much for a swap. What picks are
worth to it is found by backward induction over P(the user is bored), for each kind of user as if
the kind were known from the next turn on, and averaged over what is believed of the kind: exact
where there is one kind, and otherwise without the worth of finding out (QMDP: Littman, Cassandra &
Kaelbling, 1995), within a kind still with that of listening for boredom.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.compiled.compiler import njit
from carousel_envs.reference import Filter
from carousel_envs.reference.model import Model
from carousel_envs.users.observation import Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs import Population
    from carousel_envs.reference import Belief

GRID = 101
"""Points on [0, 1] for P(bored), between which values are interpolated."""
_U = np.uint64


@dataclass(frozen=True)
class Goal:
    """A reward per turn.

    Attributes:
        name: a word or two.
        reward: of a turn, float64, shape (kinds, K, 2), moods fresh and bored.
        swap: of a swap, added where persona changes after the first pick.
        over: of the turn with which the session ends, however it ends.
    """

    name: str
    reward: NDArray[np.float64] = field(repr=False)
    swap: float = 0.0
    over: float = 0.0


def goals_of(population: Population) -> tuple[Goal, ...]:
    """The goals that are tried by default: engagement less what swaps cost, warm cues, many swaps,
    few swaps, long sessions, welfare where it is kept, each persona as a favourite, and none."""
    model = Model.of(population)
    shape = (model.n_types, model.n_actions, 2)

    def everywhere(value: float) -> NDArray[np.float64]:
        return np.full(shape, value)

    found = [
        Goal("engagement", model.worth, -model.swap_cost),
        Goal("warm cues", np.broadcast_to(_warmth(population), shape).copy()),
        Goal("many swaps", everywhere(0.0), 1.0),
        Goal("few swaps", everywhere(0.0), -1.0),
        Goal("long sessions", everywhere(1.0)),
    ]
    if population.has_welfare:
        own = np.einsum("acp,ac->ap", model.mean_welfare, model.joint)
        share = own / model.weights[:, None]
        found.append(Goal("welfare", np.repeat(share[:, :, None], 2, axis=2)))
    for k, name in enumerate(population.actions):
        favourite = everywhere(0.0)
        favourite[:, k] = 1.0
        found.append(Goal(f"favourite {name}", favourite))
    return (*found, Goal("nothing", everywhere(0.0)))


def _warmth(population: Population) -> NDArray[np.float64]:
    """Mean level of all cues in each mood, as a share of the highest, shape (2,); a cue of which
    the bored show more, such as a late reply, counts the other way round."""
    cues = [np.array(cue) for cue in population.cues]
    each = [cue @ np.arange(cue.shape[1]) / max(cue.shape[1] - 1, 1) for cue in cues]
    return np.asarray(np.mean([own if own[0] >= own[1] else 1.0 - own for own in each], axis=0))


@dataclass(frozen=True, eq=False)
class Values:
    """What picks are worth to a goal.

    Attributes:
        goal: the goal.
        after: worth of a turn with persona a and all that follows, from P(bored) at that turn on,
            shape (T, kinds, K, GRID).
        arrives: P(bored) when a persona takes over, shape (kinds, K).
        columns: of the observations of these users.
    """

    goal: Goal
    after: NDArray[np.float64]
    arrives: NDArray[np.float64]
    columns: Columns

    def picks(
        self, joint: NDArray[np.float64], current: NDArray[np.int64], turn: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """What each pick is worth, shape (N, K).

        Args:
            joint: P(kind, mood), shape (N, kinds, 2), before the pick.
            current: who speaks, shape (N,); -1: nobody yet.
            turn: turns played, shape (N,).
        """
        out = np.empty((len(joint), self.arrives.shape[1]))
        _worth(joint, current, turn, self.after, self.arrives, self.goal.swap, out)
        return out


def solve_goal(population: Population, goal: Goal, beta: float = np.inf) -> Values:
    """What picks are worth to a goal with these users.

    Args:
        population: the users.
        goal: the goal.
        beta: rationality of whoever goes on afterwards, 1 / units of the goal: they pick with
            probabilities proportional to exp(beta * worth), and are worth the soft maximum over the
            K picks, log(mean exp(beta * worth)) / beta; infinite: they pick the best.

    Raises:
        CarouselError: users satiate, or say goodbye: their state is more than a mood.
    """
    model = Model.of(population)
    if model.has_satiation or model.has_farewells:
        raise CarouselError(
            "goals are told apart by mood alone; these users also satiate or say goodbye"
        )
    shape = (model.length, model.n_types, model.n_actions, GRID)
    after = np.zeros(shape)
    for kind in range(model.n_types):
        likelihood, _ = model.symbols(kind)
        _backward(
            np.ascontiguousarray(likelihood),
            (model.fit[kind], model.hazard[kind], model.leave[kind]),
            np.ascontiguousarray(goal.reward[kind], dtype=np.float64),
            (float(goal.swap), float(goal.over), float(beta)),
            after[:, kind],
        )
    return Values(goal, after, 1.0 - model.fit, Columns.of(population))


@njit
def _at(values, b):  # type: ignore[no-untyped-def]
    """Linear interpolation on a grid over [0, 1]."""
    last = values.shape[0] - 1
    place = b * last
    low = min(int(place), last - 1)
    share = place - low
    return (1.0 - share) * values[low] + share * values[low + 1]


@njit
def _backward(likelihood, user, reward, once, after):  # type: ignore[no-untyped-def]
    """Fill `after`, shape (T, K, GRID), from the last turn."""
    fit, hazard, leave = user
    swap, over, beta = once
    length, n_k, grid = after.shape
    n_symbols = likelihood.shape[2]
    # worth of the decision after a turn with persona a, by P(bored) then
    best = np.zeros((n_k, grid))
    for t in range(length - 1, -1, -1):
        for a in range(n_k):
            for g in range(grid):
                b = g / (grid - 1)
                total = (1.0 - b) * reward[a, 0] + b * reward[a, 1]
                if t == length - 1:
                    total += over
                else:
                    total += over * ((1.0 - b) * leave[0] + b * leave[1])
                    for z in range(n_symbols):
                        fresh = (1.0 - b) * likelihood[a, 0, z] * (1.0 - leave[0])
                        bored = b * likelihood[a, 1, z] * (1.0 - leave[1])
                        p = fresh + bored
                        if p > 0.0:
                            now = bored / p
                            total += p * _at(best[a], now + (1.0 - now) * hazard[a])
                after[t, a, g] = total
        for a in range(n_k):
            for g in range(grid):
                most = after[t, a, g]
                for other in range(n_k):
                    if other != a:
                        most = max(most, swap + _at(after[t, other], 1.0 - fit[other]))
                best[a, g] = most
                if beta < np.inf:
                    total = np.exp(beta * (after[t, a, g] - most))
                    for other in range(n_k):
                        if other != a:
                            worth = swap + _at(after[t, other], 1.0 - fit[other])
                            total += np.exp(beta * (worth - most))
                    best[a, g] = most + np.log(total / n_k) / beta


@njit
def _worth(joint, current, turn, after, arrives, swap, out):  # type: ignore[no-untyped-def]
    n_kinds, n_k = arrives.shape
    for i in range(joint.shape[0]):
        t = min(turn[i], after.shape[0] - 1)
        for a in range(n_k):
            changes = current[i] >= 0 and current[i] != a
            total = swap if changes else 0.0
            for kind in range(n_kinds):
                weight = joint[i, kind, 0] + joint[i, kind, 1]
                if weight > 0.0:
                    b = arrives[kind, a]
                    if current[i] == a:
                        b = joint[i, kind, 1] / weight
                    total += weight * _at(after[t, kind, a], b)
            out[i, a] = total


@dataclass
class GoalPlanner:
    """Picks what is worth most to a goal, at the exact belief; the first of equals, and whoever
    speaks before all others.

    Attributes:
        values: of the goal.
        filter: of the users that it believes in.
        name, description: as a router has them.
    """

    values: Values
    filter: Filter
    name: str
    description: str

    @classmethod
    def of(cls, population: Population, goal: Goal) -> GoalPlanner:
        """The planner for these users.

        Raises:
            CarouselError: see `solve_goal`.
        """
        values = solve_goal(population, goal)
        return cls(values, Filter(population), f"after {goal.name}", f"plans for {goal.name}")

    def initial_state(self, lanes: int, seed: int) -> Belief:
        """The belief before any session."""
        return self.filter.start(lanes)

    def act(
        self, observation: NDArray[np.float32], state: Belief
    ) -> tuple[NDArray[np.int64], Belief]:
        """Personas to enact, shape (N,), and the belief after the observation."""
        belief = self.filter.update(state, observation)
        current, turn = standing(observation, self.values)
        worth = self.values.picks(belief.joint, current, turn)
        worth[observation[:, self.values.columns.available] < 0.5] = -np.inf
        return first_best(worth, current), belief


def standing(
    observation: NDArray[np.float32], values: Values
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Who speaks (-1: nobody yet) and how many turns were played, each of shape (N,)."""
    columns = values.columns
    begins = observation[:, columns.streak] < 0.5
    current = np.where(begins, -1, observation[:, columns.persona].argmax(axis=1))
    turn = np.rint(observation[:, columns.elapsed] * len(values.after)).astype(np.int64)
    return current, turn


def first_best(
    worth: NDArray[np.float64], current: NDArray[np.int64], close: float = 1e-9
) -> NDArray[np.int64]:
    """The pick worth most in each row, shape (N,): whoever speaks if as good, else the first."""
    most = worth.max(axis=1)
    rows = np.arange(len(worth))
    stays = (current >= 0) & (worth[rows, np.maximum(current, 0)] >= most - close)
    first = (worth >= (most - close)[:, None]).argmax(axis=1)
    return np.where(stays, current, first)
