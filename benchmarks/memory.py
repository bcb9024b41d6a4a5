"""Resident memory over a billion steps: it does not grow with what has been played.

Boredom is stepped with sessions starting anew as they end, observations in place and copied. The
run is cut into blocks, and memory read at the end of each; the first tenth warms up.

    python benchmarks/memory.py [--steps N] [--blocks N]

prints one JSON document: a row each for in place and copied, in MiB. It needs Linux's /proc.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from carousel_agents.benchmark.stepper import Stepper
from carousel_agents.benchmark.timing import Spread
from common import arguments, print_document, row, tell, whole

LANES, STEPS, WANTED = 4096, 10**9, 1.0
_STATM = Path("/proc/self/statm")


def resident() -> float:
    """Memory of this process that is in use, MiB."""
    pages = int(_STATM.read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def measure(copy: bool, steps: int, blocks: int) -> dict[str, Any]:
    """A row: growth from the end of the warm-up to the end, and the least and most on the way."""
    stepper = Stepper("Carousel/Boredom-v0", LANES, copy=copy)
    words = "fresh copies" if copy else "in place"
    samples: list[float] = []
    done = 0
    for block in range(1, blocks + 1):
        while done < steps * block / blocks:
            done += stepper.play()
        samples.append(resident())
        if block % max(1, blocks // 10) == 0:
            tell(f"{words}, {done:,} steps, {samples[-1]:.1f} MiB")
    stepper.close()
    warm = samples[len(samples) // 10 :]
    grown = [later - warm[0] for later in warm]
    return row(
        f"memory grown, {words}",
        Spread(grown[-1], min(grown), max(grown)),
        "MiB",
        at_most=WANTED,
        steps=done,
        samples=samples,
    )


def main(given: list[str] | None = None) -> None:
    """Measure and print it."""
    parser = arguments(__doc__, blocks=100)
    parser.add_argument(
        "--steps", type=whole(1), default=STEPS, metavar="N", help=f"of each (default: {STEPS})"
    )
    asked = parser.parse_args(given)
    if not _STATM.exists():
        parser.error(f"{_STATM} is not there; memory can be measured on Linux only")
    rows = [measure(copy, asked.steps, asked.blocks) for copy in (False, True)]
    print_document("resident memory by steps played", rows)


if __name__ == "__main__":
    main()
