"""Stepping speed, side by side with Gymnasium's native vector CartPole in the same run.

Machines are noisy, so the result is the ratio: both are timed in turns, block by block (`timing`,
`stepper`). Ours is timed twice: with observations changed in place (`copy=False`) and with a fresh
copy every step, the default.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import carousel_envs  # noqa: F401  (registers the environments)
from carousel_envs.foundation.errors import whole_number

from .stepper import Stepper
from .timing import Spread, in_turns

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
        ratio: of steps_per_second to the peer's, median over neighbouring blocks.
        copied_ratio: the same of copied_steps_per_second.
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
    steppers = {
        "ours": Stepper(environment, lanes, copy=False),
        "peer": Stepper(PEER, PEER_LANES),
        "copied": Stepper(environment, lanes),
    }
    timed = {name: partial(stepper.rate, seconds) for name, stepper in steppers.items()}
    rates = in_turns(timed, blocks, report)
    for stepper in steppers.values():
        stepper.close()
    ours, copied, peer = (Spread.of(rates[name]) for name in ("ours", "copied", "peer"))
    return Speed(
        environment=environment,
        lanes=lanes,
        steps_per_second=ours.median,
        lowest=ours.lowest,
        highest=ours.highest,
        copied_steps_per_second=copied.median,
        peer=PEER,
        peer_lanes=PEER_LANES,
        peer_steps_per_second=peer.median,
        ratio=Spread.ratio(rates["ours"], rates["peer"]).median,
        copied_ratio=Spread.ratio(rates["copied"], rates["peer"]).median,
    )
