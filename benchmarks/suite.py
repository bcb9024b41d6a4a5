"""Seconds for one policy through the whole suite of shifts: every axis, five severities.

The command is timed as a person waits for it, imports and page included, with what is already
solved: references in the user's store after a first run that is not counted. `--cold` also times a
first run with an empty store, once; where there are several kinds of user that takes many minutes.
The policy is the first seed of PPO in `benchmarks/learners.tar`.

    python benchmarks/suite.py [--env ENV]... [--workers N] [--cold] [--blocks N]

prints one JSON document: a row per environment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from carousel_agents.benchmark.timing import Spread, in_turns
from carousel_agents.system.archives import unpacked
from common import (
    ENVIRONMENTS,
    LEARNING,
    arguments,
    print_document,
    row,
    several_of,
    tell,
    turns,
    whole,
)

LEARNERS = Path(__file__).parent / "learners"
USERS, WANTED = 2000, 30.0


def timed(environment: str, workers: int, store: str | None) -> float:
    """Wall-clock seconds of one command."""
    policy = min((unpacked(LEARNERS) / environment / "ppo").glob("seed-*/policy.safetensors"))
    surroundings = dict(os.environ) | ({} if store is None else {"CAROUSEL_CACHE": store})
    with tempfile.TemporaryDirectory() as out:
        command = [
            *(sys.executable, "-m", "carousel_agents.cli", "generalise", str(policy), environment),
            *("--out", f"{out}/study", "--users", str(USERS), "--workers", str(workers)),
        ]
        started = time.perf_counter()
        subprocess.run(  # noqa: S603  (our own command)
            command, env=surroundings, check=True, stdout=subprocess.DEVNULL, stderr=sys.stderr
        )
        return time.perf_counter() - started


def measure(environment: str, workers: int, blocks: int, cold: bool) -> list[dict[str, Any]]:
    """Rows: with references from the store, and first, where asked for, with an empty store."""
    words = f"{environment}: a policy through all shifts"
    with tempfile.TemporaryDirectory(prefix="carousel-references-") as empty:
        store = empty if cold else None
        tell(f"{environment}, first run")
        first = timed(environment, workers, store)
        rows = [row(f"{words}, nothing solved", Spread.of([first]), "s")] if cold else []
        times = in_turns({"warm": lambda: timed(environment, workers, store)}, blocks, turns(words))
    return [*rows, row(words, Spread.of(times["warm"]), "s", at_most=WANTED)]


def main(given: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    parser = arguments(__doc__)
    several_of(parser, "--env", ENVIRONMENTS)
    parser.add_argument("--workers", type=whole(1), default=2, help="processes (default: 2)")
    parser.add_argument("--cold", action="store_true", help="first with an empty store, once")
    asked = parser.parse_args(given)
    rows: list[dict[str, Any]] = []
    for env in asked.env or ENVIRONMENTS:
        rows += measure(env, asked.workers, asked.blocks, asked.cold)
    claim = "seconds for one policy through every axis, five severities, 2000 users each"
    print_document(claim, rows, LEARNING, users=USERS, workers=asked.workers)


if __name__ == "__main__":
    main()
