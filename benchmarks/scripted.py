"""Decisions per second of the scripted routers as `rollout` plays them, against bare stepping.

A decision is a turn that was played. The peer steps the same environment in as many lanes with
constant actions and observations in place: no router, no bookkeeping. Routers are built beforehand.

    python benchmarks/scripted.py [--router NAME]... [--env ENV] [--blocks N]

prints one JSON document: two rows per router, millions a second and the ratio to the peer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_agents.benchmark.timing import Spread, in_turns, rate
from carousel_agents.scripted import ROUTERS, make
from carousel_envs import CarouselError
from carousel_envs.registry import any_population, vector_env
from carousel_envs.rollout import LANES, rollout
from common import ENVIRONMENTS, arguments, print_document, row, several_of, tell, turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

SESSIONS, SECONDS, WANTED = 4 * LANES, 0.05, 10.0


def playing(population: AnyPopulation, router: Policy) -> Callable[[], float]:
    """A block of sessions with a router, and its decisions per second."""

    def play() -> int:
        return int(rollout(population, router, SESSIONS, 0).length.sum())

    play()
    return lambda: rate(play, SECONDS)


def stepping(population: AnyPopulation) -> Callable[[], float]:
    """A block of steps without a router, and its steps per second."""
    env = vector_env(population, LANES, copy=False)
    env.reset(seed=0)
    actions = np.zeros(LANES, dtype=np.int64)

    def play() -> int:
        for _ in range(16):
            env.step(actions)
        return 16 * LANES

    play()
    return lambda: rate(play, SECONDS)


def measure(name: str, environment: str, blocks: int) -> list[dict[str, Any]]:
    """Rows of a router; none where these users have no use for it."""
    population = any_population(environment)
    try:
        router = make(name, population)
    except CarouselError as error:
        tell(f"{name} is left out: {error}")
        return []
    contestants = {"router": playing(population, router), "stepping": stepping(population)}
    rates = in_turns(contestants, blocks, turns(name))
    decisions = Spread.of([found / 1e6 for found in rates["router"]])
    return [
        row(f"{name}: decisions", decisions, "M/s", at_least=WANTED, environment=environment),
        row(
            f"{name}: decisions / bare steps",
            Spread.ratio(rates["router"], rates["stepping"]),
            environment=environment,
        ),
    ]


def main(given: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = arguments(__doc__, blocks=9)
    several_of(parser, "--router", tuple(ROUTERS))
    parser.add_argument("--env", choices=ENVIRONMENTS, default="Boredom", help="what is played")
    asked = parser.parse_args(given)
    rows: list[dict[str, Any]] = []
    for name in asked.router or ROUTERS:
        rows += measure(name, asked.env, asked.blocks)
    print_document("decisions per second of scripted routers", rows)


if __name__ == "__main__":
    main()
