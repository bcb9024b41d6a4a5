"""Stepping speed, side by side with Gymnasium's native vector CartPole in the same run.

Machines are noisy, so the claim is the ratio: both are timed in turns, block by block, and medians
are compared. Every block is a plain loop over `step` on the public interface, with a new action for
every lane and step, drawn beforehand (the worst case: a swap moves the one-hot columns and defeats
branch prediction). Ours is timed twice: with observations changed in place (`copy=False`) and with
a fresh copy every step, the default.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import gymnasium as gym

import carousel_envs  # noqa: F401  (registers the environments)
from carousel_envs.errors import whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

PEER, PEER_LANES = "CartPole-v1", 16_384


@dataclass(frozen=True)
class Speed:
    """Steps per second on one thread.

    Attributes:
        environment, lanes: what was stepped.
        steps_per_second: median over blocks, observations in place.
        lowest, highest: over blocks.
        copied_steps_per_second: the same with fresh copies.
        peer, peer_lanes, peer_steps_per_second: the same for the peer.
        ratio: of steps_per_second to the peer's.
        copied_ratio: of copied_steps_per_second to the peer's.
    """

    environment: str
    lanes: int
    steps_per_second: float
    lowest: float
    highest: float
    copied_steps_per_second: float
    peer: str
    peer_lanes: int
    peer_steps_per_second: float
    ratio: float
    copied_ratio: float

    def row(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


class _Bench:
    def __init__(self, environment: str, lanes: int, **options: Any) -> None:
        self.env = gym.make_vec(environment, num_envs=lanes, **options)
        self.lanes = lanes
        self.env.reset(seed=0)
        self.env.action_space.seed(0)
        self.actions = [self.env.action_space.sample() for _ in range(16)]
        self.rates: list[float] = []
        self.block(0.0)
        self.rates.clear()

    def block(self, seconds: float) -> None:
        done, started = 0, time.perf_counter()
        while done == 0 or time.perf_counter() - started < seconds:
            for actions in self.actions:
                self.env.step(actions)
            done += len(self.actions)
        self.rates.append(done * self.lanes / (time.perf_counter() - started))


def measure(
    environment: str,
    *,
    lanes: int = 1024,
    blocks: int = 7,
    seconds: float = 0.5,
    report: Callable[[int, int], None] | None = None,
) -> Speed:
    """Time an environment and the peer in turns.

    Args:
        environment: a registered id.
        lanes: sub-environments of ours; the peer has 16 384, near its best.
        blocks: timed blocks of each, at least 3.
        seconds: length of a block.
        report: called with (blocks done, blocks in all).

    Raises:
        CarouselError: too few lanes or blocks.
    """
    whole_number("blocks", blocks, 3, 1000)
    ours, copied = _Bench(environment, lanes, copy=False), _Bench(environment, lanes)
    peer = _Bench(PEER, PEER_LANES)
    for block in range(blocks):
        for bench in (ours, peer, copied):
            bench.block(seconds)
        if report:
            report(block + 1, blocks)
    rate, copied_rate, peer_rate = (statistics.median(b.rates) for b in (ours, copied, peer))
    for bench in (ours, copied, peer):
        bench.env.close()
    return Speed(
        environment=environment,
        lanes=lanes,
        steps_per_second=rate,
        lowest=min(ours.rates),
        highest=max(ours.rates),
        copied_steps_per_second=copied_rate,
        peer=PEER,
        peer_lanes=PEER_LANES,
        peer_steps_per_second=peer_rate,
        ratio=rate / peer_rate,
        copied_ratio=copied_rate / peer_rate,
    )
