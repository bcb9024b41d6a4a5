"""Stepping one environment at a time as `gym.make` gives it, against CartPole made the same way.

Both have their default wrappers. Sessions are started anew as they end, and that counts.

    python benchmarks/scalar.py [--env ENV]... [--blocks N]

prints one JSON document: a row per environment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym

from carousel_agents.benchmark.timing import Spread, in_turns, rate
from carousel_envs.registry import environment_id
from common import ENVIRONMENTS, arguments, print_document, row, several_of, turns
from peers import scalar_cartpole

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS, STEPS, WANTED = 0.05, 1000, 1.0


def stepping(env: gym.Env[Any, Any]) -> Callable[[], float]:
    """A block of steps with random actions drawn beforehand, and its steps per second."""
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(STEPS)]
    env.reset(seed=0)

    def play() -> int:
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return STEPS

    play()
    return lambda: rate(play, SECONDS)


def measure(name: str, blocks: int) -> dict[str, Any]:
    """A row: an environment beside CartPole."""
    envs = {"ours": gym.make(environment_id(name)), "cartpole": scalar_cartpole()}
    rates = in_turns({who: stepping(env) for who, env in envs.items()}, blocks, turns(name))
    for env in envs.values():
        env.close()
    return row(
        f"{name}: scalar steps / CartPole",
        Spread.ratio(rates["ours"], rates["cartpole"]),
        at_least=WANTED,
        steps_per_second=Spread.of(rates["ours"]).median,
        peer_steps_per_second=Spread.of(rates["cartpole"]).median,
    )


def main(given: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = arguments(__doc__, blocks=21)
    several_of(parser, "--env", ENVIRONMENTS)
    asked = parser.parse_args(given)
    rows = [measure(name, asked.blocks) for name in asked.env or ENVIRONMENTS]
    print_document("stepping one session at a time, through gym.make", rows)


if __name__ == "__main__":
    main()
