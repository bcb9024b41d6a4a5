"""What a step costs by the number of users in the table, from ten to a hundred thousand.

All users differ: hazard and engagement are drawn from ranges. Every size is stepped in turns, and
set beside a hundred users at the same batch.

    python benchmarks/users.py [--lanes N]... [--blocks N]

prints one JSON document: a row per batch and number of users.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from carousel_agents.benchmark.stepper import Stepper
from carousel_agents.benchmark.timing import Spread, in_turns
from carousel_envs import Population
from common import arguments, print_document, row, several_of, turns

SIZES, BESIDE = (10, 100, 1000, 10_000, 100_000), 100
BATCHES = (64, 1024, 16_384)
SECONDS, WANTED = 0.03, 1.25
RANGES = {"boredom_hazard": (0.02, 0.16), "engagement_bored": (0.1, 0.35)}


def measure(lanes: int, blocks: int) -> list[dict[str, Any]]:
    """Rows at one batch: cost per step of every size, in that of a hundred users."""
    boredom = Population.preset("Boredom")
    steppers = {
        size: Stepper(
            "Carousel/Boredom-v0",
            lanes,
            population=boredom.replace(n_users=size, **RANGES),
            copy=False,
        )
        for size in SIZES
    }
    timed = {str(size): partial(stepper.rate, SECONDS) for size, stepper in steppers.items()}
    rates = in_turns(timed, blocks, turns(f"{lanes} lanes"))
    return [
        row(
            f"{lanes} lanes: cost of a step with {size} users / {BESIDE}",
            # half the rate is twice the cost
            Spread.ratio(rates[str(BESIDE)], rates[str(size)]),
            at_most=WANTED,
            nanoseconds=1e9 / Spread.of(rates[str(size)]).median,
        )
        for size in SIZES
        if size != BESIDE
    ]


def main(given: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = arguments(__doc__, blocks=15)
    several_of(parser, "--lanes", BATCHES)
    asked = parser.parse_args(given)
    rows: list[dict[str, Any]] = []
    for lanes in asked.lanes or BATCHES:
        rows += measure(lanes, asked.blocks)
    print_document("cost of a step by the number of users", rows)


if __name__ == "__main__":
    main()
