"""Playing sessions with a policy: the one loop behind every simulated number.

Session i plays row i (modulo their number) of the user table with the random stream of seed + i,
whatever the policy does: two policies play the same users with the same draws, so that every
comparison is paired.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from .compiled.compiler import njit
from .counting import Tally
from .foundation.errors import CarouselError, shown, takes, whole_number
from .metrics import METRICS, Turn
from .registry import any_population, vector_env
from .spec import model_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from .registry import AnyPopulation

LANES = 8192
"""Sessions at a time: enough to outweigh the cost of a call, few enough to fit the caches."""


class Policy(Protocol):
    """A router, batched over lanes, with explicit state and no hidden memory."""

    def initial_state(self, lanes: int, seed: int) -> Any:
        """State for N lanes before their first observation; lane i draws from stream seed + i."""
        ...

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        """Personas to enact, shape (N,), and the next state.

        Args:
            observation: float32, shape (N, D). A lane whose column "turns with the current persona"
                is 0 begins a session.
            state: what `initial_state` or the last `act` returned; it is not changed.
        """
        ...


@runtime_checkable
class Onlooker(Protocol):
    """A policy that reads a view of the environment instead of its own observations."""

    def view(self, env: Any) -> Any:
        """`env`, scalar or vector, wrapped so that it shows what the policy reads.

        `rollout` plays in place, so a view has to copy the observations it keeps.
        """
        ...


@runtime_checkable
class Choosy(Protocol):
    """A policy that cannot be played with every population."""

    def check_fits(self, population: AnyPopulation) -> None:
        """Raise unless the policy can be played with this population.

        Raises:
            CarouselError: its observations or its actions have another meaning there.
        """
        ...


_METHODS = {"initial_state": ("lanes", "seed"), "act": ("observation", "state")}


def check_methods(policy: Any, name: str = "") -> None:
    """Raise unless an object has the methods of a `Policy`, each with its two arguments.

    Args:
        policy: the object.
        name: of it in messages; default: how it is shown.

    Raises:
        CarouselError: one is missing, or takes other arguments.
    """
    who = repr(name) if name else shown(policy)
    for method, arguments in _METHODS.items():
        found = getattr(policy, method, None)
        if found is None:
            needs = " and ".join(f"{name}({', '.join(args)})" for name, args in _METHODS.items())
            raise CarouselError(f"router {who} has no method {method!r}; a router needs {needs}")
        takes(f"{method} of router {who}", found, *arguments)


def seen_by(policy: Policy, env: Any) -> Any:
    """The environment as this policy sees it: its view if it is an `Onlooker`, else `env`."""
    return policy.view(env) if isinstance(policy, Onlooker) else env


@dataclass(frozen=True, eq=False, repr=False)
class Sessions:
    """Results of each session; every array, also those in `totals`, has shape (sessions,).

    Attributes:
        engagement: total reward (of users, expected engagement given the mood, less swap costs).
        length: turns played.
        left: whether the user left before the end.
        swaps: swaps after the first pick.
        refused: picks of an unavailable persona.
        user: row of the user table.
        totals: every other metric of `metrics.METRICS`, plugins' among them, by its name, such as
            `welfare` and `kept` (goodbyes prevented); only the metrics that these users have.
    """

    engagement: NDArray[np.float64]
    length: NDArray[np.int64]
    left: NDArray[np.bool_]
    swaps: NDArray[np.int64]
    refused: NDArray[np.int64]
    user: NDArray[np.int32]
    totals: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return (
            f"Sessions({len(self.engagement)} sessions, engagement {self.mean:.4g} ± "
            f"{self.standard_error:.2g}, length {self.length.mean():.4g}, "
            f"swaps {self.swaps.mean():.3g})"
        )

    @property
    def metrics(self) -> dict[str, NDArray[Any]]:
        """Every metric that these users have, by its name, in the order of `metrics.METRICS`."""
        own = {m.name: getattr(self, m.field) for m in METRICS.values() if m.field}
        return {**own, **self.totals}

    @property
    def mean(self) -> float:
        """Mean engagement per session."""
        return float(self.engagement.mean())

    @property
    def standard_error(self) -> float:
        """Standard error of `mean`."""
        n = len(self.engagement)
        return float(self.engagement.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")


def rollout(
    population: AnyPopulation | str,
    policy: Policy,
    sessions: int,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Sessions:
    """Play `sessions` sessions.

    Args:
        population: the users, or questions.
        policy: the router that picks personas.
        sessions: how many, 1 to 2**31.
        seed: session i uses the streams of seed + i.
        progress: called with the number of sessions done after each block.

    Raises:
        CarouselError: the policy lacks a method (`check_methods`), does not fit the population
            (`Choosy`), or the number of sessions or the seed is not allowed.
    """
    population = any_population(population)
    whole_number("sessions", sessions, 1, 2**31)
    whole_number("seed", seed, 0, 2**63 - 1 - sessions)
    check_methods(policy)
    if isinstance(policy, Choosy):
        policy.check_fits(population)
    blocks = []
    for first in range(0, sessions, LANES):
        lanes = min(LANES, sessions - first)
        blocks.append(_play(population, policy, lanes, first, seed + first))
        if progress:
            progress(first + lanes)
    return _joined(blocks)


def _joined(blocks: list[Sessions]) -> Sessions:
    """Blocks of sessions, one after the other."""
    own: dict[str, Any] = {
        kept.name: np.concatenate([getattr(block, kept.name) for block in blocks])
        for kept in fields(Sessions)
        if kept.name != "totals"
    }
    totals = {
        name: np.concatenate([block.totals[name] for block in blocks]) for name in blocks[0].totals
    }
    return Sessions(**own, totals=totals)


def _answer(
    policy: Policy, observation: NDArray[np.float32], state: Any
) -> tuple[NDArray[np.int64], Any]:
    """What a policy picks, and its next state.

    Raises:
        CarouselError: it returned something other than a pair, or not one pick per lane.
    """
    answer = policy.act(observation, state)
    wanted = (len(observation),)
    if not (isinstance(answer, tuple) and len(answer) == 2):
        wrong = f"{shown(answer)}; it must return a pair: personas to enact, and the next state"
    elif np.shape(answer[0]) != wanted:
        wrong = (
            f"actions of shape {np.shape(answer[0])}; they must have shape {wanted}: a number for "
            "each lane"
        )
    else:
        return answer
    name = getattr(policy, "name", type(policy).__name__)
    raise CarouselError(f"act of {name} returned {wrong}")


class _Turn(NamedTuple):
    """What a step returns of each lane, shape (N,)."""

    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    swapped: NDArray[np.bool_]
    refused: NDArray[np.bool_]


class _Counts(NamedTuple):
    """Counts of each lane's session, shape (N,), and whether it still runs."""

    alive: NDArray[np.bool_]
    engagement: NDArray[np.float64]
    length: NDArray[np.int64]
    swaps: NDArray[np.int64]
    refused: NDArray[np.int64]
    left: NDArray[np.bool_]

    @classmethod
    def of(cls, lanes: int) -> _Counts:
        """Counts of sessions that begin."""
        length, swaps, refused = (np.zeros(lanes, dtype=np.int64) for _ in range(3))
        alive, left = np.ones(lanes, dtype=np.bool_), np.zeros(lanes, dtype=np.bool_)
        return cls(alive, np.zeros(lanes), length, swaps, refused, left)


@njit
def _add_up(turn, counts):  # type: ignore[no-untyped-def]
    """Count a turn where the session still runs; return in how many lanes it goes on."""
    # no branch, because who has left cannot be predicted, and a loop each, so that they become
    # vectors
    alive, lanes = counts.alive, len(counts.alive)
    reward, engagement = turn.reward, counts.engagement
    for i in range(lanes):
        engagement[i] += reward[i] if alive[i] else 0.0
    length = counts.length
    for i in range(lanes):
        length[i] += alive[i]
    swaps, swapped = counts.swaps, turn.swapped
    for i in range(lanes):
        swaps[i] += alive[i] & swapped[i]
    refusals, refused = counts.refused, turn.refused
    for i in range(lanes):
        refusals[i] += alive[i] & refused[i]
    left, terminated, truncated = counts.left, turn.terminated, turn.truncated
    for i in range(lanes):
        left[i] |= alive[i] & terminated[i]
    n_alive = 0
    for i in range(lanes):
        alive[i] &= not (terminated[i] | truncated[i])
        n_alive += alive[i]
    return n_alive


def _play(population: AnyPopulation, policy: Policy, lanes: int, first: int, seed: int) -> Sessions:
    # in place: everything is read before the next turn but the observation, which a policy may keep
    env = seen_by(policy, vector_env(population, lanes, copy=False, **model_of(population).play))
    users = (first + np.arange(lanes)) % population.n_users
    observation, _ = env.reset(seed=seed, options={"user": users})
    state = policy.initial_state(lanes, seed)
    counts, tally = _Counts.of(lanes), Tally(lanes)
    n_alive, number = lanes, 0
    while n_alive:
        actions, state = _answer(policy, observation.copy(), state)
        observation, reward, terminated, truncated, info = env.step(actions)
        if tally.totals:
            played = (observation, actions, reward, terminated, truncated, info)
            tally.add(Turn(number, population, *played), counts.alive)
        number += 1
        turn = _Turn(reward, terminated, truncated, info["swapped"], info["refused"])
        n_alive = _add_up(turn, counts)
    _, engagement, length, swaps, refused, left = counts
    return Sessions(engagement, length, left, swaps, refused, users.astype(np.int32), tally.totals)
