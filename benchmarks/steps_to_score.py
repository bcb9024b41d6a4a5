"""Seconds of training until a Boredom router is within 3 % of the best memoryless policy.

Every seed trains with the preset of PPO, which is evaluated fifty times on the way, each time over
20 000 sessions that are not trained on. A router is within 3 % if its mean engagement per session
is at least 0.97 of the value of the best memoryless policy, which is solved for (`memoryless.py`).
The seconds are those of training alone, up to the first of three evaluations in a row that are
within 3 %; there training ends. As many seeds train at a time as there are workers, a process and
a torch thread each.

    python benchmarks/steps_to_score.py [--blocks SEEDS] [--steps N] [--workers N]

prints one JSON document: rows for the seconds, and for the share of seeds that came so far.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from carousel_agents.benchmark.timing import Spread
from carousel_agents.learning import callback
from carousel_agents.learning.settings import settings_of
from carousel_agents.learning.train import train
from carousel_envs import Population
from carousel_envs.reference.known_user.memoryless import best_memoryless
from common import LEARNING, arguments, print_document, row, tell, whole

BOREDOM = Population.preset("Boredom")
FIRST_SEED = 100  # presets were chosen on others
SESSIONS, POINTS, IN_A_ROW = 20_000, 50, 3
WITHIN, WANTED = 0.03, 30.0


class ReachedError(Exception):
    """Training may end."""


def trained(seed: int, steps: int, best: float) -> dict[str, Any]:
    """The curve of one seed, until it stays within 3 % of the best."""
    options: dict[str, Any] = {"environment": "Carousel/Boredom-v0", "algorithm": "ppo"}
    # imported and compiled before the clock runs
    train(BOREDOM, steps=1, curve=1, **options)
    curve: list[dict[str, Any]] = []

    def look(point: dict[str, float]) -> None:
        curve.append({**point, "short": 1.0 - point["engagement"] / best})
        if len(curve) >= IN_A_ROW and all(p["short"] <= WITHIN for p in curve[-IN_A_ROW:]):
            raise ReachedError

    callback.CURVE_USERS = SESSIONS
    reached = False
    try:
        train(BOREDOM, steps=steps, seed=seed, curve=POINTS, on_point=look, **options)
    except ReachedError:
        reached = True
    first = curve[-IN_A_ROW if reached else -1]
    return {"seed": seed, "reached": reached, **first, "curve": curve}


def every(seeds: range, steps: int, workers: int, best: float) -> list[dict[str, Any]]:
    """All seeds, in order."""
    # spawned: a fork of a process in which torch has run may hang
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawned) as pool:
        runs = [pool.submit(trained, seed, steps, best) for seed in seeds]
        for done, run in enumerate(as_completed(runs), 1):
            run.result()
            tell(f"seed {done} of {len(runs)}")
        return [run.result() for run in runs]


def rows_of(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Seconds (all that was trained, for a seed that never came so far), and the share that did."""
    seconds = Spread.of([one["seconds"] for one in found])
    share = Spread.of([sum(one["reached"] for one in found) / len(found)])
    steps = Spread.of([one["steps"] for one in found])
    return [
        row(f"seconds of training to within {WITHIN:.0%}", seconds, "s", at_most=WANTED),
        row("share of seeds that came so far", share, "", at_least=1.0),
        row("steps of training", steps, ""),
    ]


def main(given: list[str] | None = None) -> None:
    """Train, evaluate and print it."""
    most = settings_of("ppo").steps
    parser = arguments(__doc__, blocks=10)
    parser.add_argument(
        "--steps",
        type=whole(1),
        default=most,
        help=f"of training at most (default: {most})",
    )
    parser.add_argument("--workers", type=whole(1, 64), default=2, help="processes (default: 2)")
    asked = parser.parse_args(given)
    best, _ = best_memoryless(BOREDOM)
    seeds = range(FIRST_SEED, FIRST_SEED + asked.blocks)
    found = every(seeds, asked.steps, asked.workers, best)
    print_document(
        f"seconds until a router is within {WITHIN:.0%} of the best memoryless policy",
        rows_of(found),
        LEARNING,
        best_memoryless=best,
        workers=asked.workers,
        seeds=found,
    )


if __name__ == "__main__":
    main()
