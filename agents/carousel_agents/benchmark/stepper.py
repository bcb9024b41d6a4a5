"""Stepping a vector environment as fast as possible, for timing.

Not `rollout`: what is timed is `step` alone, with no policy and no sums beside it.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

import gymnasium as gym

from .timing import played, rate

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS, ACTIONS = 16, 32_768


class Stepper:
    """Plain calls of `step` on the public interface, with actions drawn before the clock runs.

    Actions are random, up to sixteen per lane, and played in a cycle: with many lanes no branch
    predictor learns them, with few it does. There are at least two per lane, and from 2 048 lanes
    on not many more than `ACTIONS` in all, because the actions of a policy, which has just picked
    them, are in the cache.

    Args:
        environment: a registered id.
        lanes: sub-environments.
        seed: of the first lane.
        options: of the environment.
    """

    def __init__(self, environment: str, lanes: int, seed: int = 0, **options: Any) -> None:
        self.env: gym.vector.VectorEnv[Any, Any, Any] = gym.make_vec(
            environment, num_envs=lanes, **options
        )
        self.lanes = lanes
        self.env.reset(seed=seed)
        self.env.action_space.seed(seed)
        rounds = max(2, min(ROUNDS, ACTIONS // lanes))
        self.actions = [self.env.action_space.sample() for _ in range(rounds)]
        # with few lanes the clock would be read too often
        self._repeats = max(1, 64 // lanes, ROUNDS // rounds)
        self.play()

    def play(self) -> int:
        """Play some steps; returns steps times lanes."""
        step = self.env.step
        for _ in range(self._repeats):
            for actions in self.actions:
                step(actions)
        return self._repeats * len(self.actions) * self.lanes

    def rate(self, seconds: float) -> float:
        """Steps per second of a block."""
        return rate(self.play, seconds)

    def close(self) -> None:
        """Close the environment."""
        self.env.close()


class Playable(Protocol):
    """Plays a little, returns how much, and can be closed."""

    def play(self) -> int:
        """Play; returns how many units, such as steps."""
        ...

    def close(self) -> None:
        """Release its resources."""
        ...


class ThreadedSteppers:
    """Several steppers, each on a Python thread of its own; kernels free the interpreter.

    Args:
        steppers: all with the same number of lanes.
    """

    def __init__(self, steppers: Sequence[Playable]) -> None:
        self._steppers = steppers
        self._pool = ThreadPoolExecutor(len(steppers))

    def rate(self, seconds: float) -> float:
        """Steps per second of all together, until each has played a block of this length."""

        def block(stepper: Playable) -> int:
            return played(stepper.play, seconds)[0]

        started = time.perf_counter()
        return sum(self._pool.map(block, self._steppers)) / (time.perf_counter() - started)

    def close(self) -> None:
        """Close the steppers and their threads."""
        self._pool.shutdown()
        for stepper in self._steppers:
            stepper.close()
