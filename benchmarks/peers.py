"""What ours is compared with: environments of others, and loops that do nothing but the least."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gymnasium as gym
import numba
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv

from carousel_agents.benchmark.stepper import Stepper
from carousel_agents.benchmark.timing import Spread, in_turns, rate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

CARTPOLE = "CartPole-v1"
_njit: Any = numba.njit(nogil=True, error_model="numpy")


def native_cartpole(lanes: int) -> Stepper:
    """Gymnasium's vector CartPole, the native one, which computes all lanes at a time."""
    stepper = Stepper(CARTPOLE, lanes)
    native = stepper.env.unwrapped
    if not isinstance(native, CartPoleVectorEnv):
        raise TypeError(f"gymnasium made a {type(native).__name__}, not its native vector CartPole")
    return stepper


def best_cartpole(
    batches: Sequence[int],
    blocks: int,
    seconds: float,
    report: Callable[[int, int], None] | None = None,
) -> tuple[int, dict[int, Spread]]:
    """The batch at which native CartPole does most steps per second, and what each batch did."""
    steppers = {str(lanes): native_cartpole(lanes) for lanes in batches}

    def timed(stepper: Stepper) -> Callable[[], float]:
        return lambda: stepper.rate(seconds)

    found = in_turns({n: timed(stepper) for n, stepper in steppers.items()}, blocks, report)
    for stepper in steppers.values():
        stepper.close()
    rates = {int(lanes): Spread.of(values) for lanes, values in found.items()}
    return max(rates, key=lambda lanes: rates[lanes].median), rates


@_njit
def write_rows(out: NDArray[np.float32], row: NDArray[np.float32]) -> None:
    """Write a row of as many columns for every lane, and nothing else."""
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = row[j]


class RowWriter:
    """Rows of an observation's width into one array of a batch, a call a step.

    Args:
        lanes, width: shape of the array.
    """

    def __init__(self, lanes: int, width: int) -> None:
        self._out = np.zeros((lanes, width), dtype=np.float32)
        self._rows = np.arange(16 * width, dtype=np.float32).reshape(16, width)
        self._calls = max(16, 4096 // lanes)
        self.play()

    def play(self) -> int:
        """Some calls; how many rows were written."""
        for call in range(self._calls):
            write_rows(self._out, self._rows[call % 16])
        return self._calls * len(self._out)

    def rate(self, seconds: float) -> float:
        """Rows per second of a block."""
        return rate(self.play, seconds)


@_njit
def mix(words: NDArray[np.uint64], rounds: int) -> None:
    """Vector arithmetic on neighbouring numbers, as of the kernels' draws, and nothing else."""
    for _ in range(rounds):
        for i in range(words.shape[0]):
            word = words[i]
            word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            words[i] = word ^ (word >> np.uint64(31))


class Mixer:
    """Numbers mixed in the nearest cache, with nothing to share but units of a core."""

    _NUMBERS, _ROUNDS = 1024, 1024

    def __init__(self) -> None:
        self._words = np.arange(self._NUMBERS, dtype=np.uint64)
        self.play()

    def play(self) -> int:
        """A call, long enough that threads hardly wait for the interpreter; how many numbers."""
        mix(self._words, self._ROUNDS)
        return self._ROUNDS * self._NUMBERS

    def rate(self, seconds: float) -> float:
        """Numbers per second of a block."""
        return rate(self.play, seconds)

    def close(self) -> None:
        """It holds nothing."""


def scalar_cartpole() -> gym.Env[Any, Any]:
    """Gymnasium's CartPole, one session at a time, with its default wrappers."""
    return gym.make(CARTPOLE)
