"""Seconds for one policy through the whole suite of shifts: every axis, five severities.

The command is timed as a person waits for it, imports and page included, first with an empty store
of references and then again, into another folder, with what the first one solved. The policy is the
first seed of PPO in `benchmarks/learners`. Cold, environments with several kinds of user take many
minutes.

    python benchmarks/suite.py [--env ENV]... [--workers N] [--warm]

prints one JSON document: a row per environment. `--warm` times only the latter, with the user's own
store, after a first run that is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from carousel_envs import environment_ids
from carousel_envs.registry import short_name

LEARNERS = Path(__file__).parent / "learners"
USERS = 2000


def timed(environment: str, workers: int, store: str | None) -> dict[str, float]:
    """Wall-clock and processor seconds of one command."""
    policy = min((LEARNERS / environment / "ppo").glob("seed-*/policy.safetensors"))
    surroundings = dict(os.environ) | ({} if store is None else {"CAROUSEL_CACHE": store})
    with tempfile.TemporaryDirectory() as out:
        command = [
            *(sys.executable, "-m", "carousel_agents.cli", "generalise", str(policy), environment),
            *("--out", f"{out}/study", "--users", str(USERS), "--workers", str(workers)),
        ]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        subprocess.run(  # noqa: S603  (our own command)
            command, env=surroundings, check=True, stdout=subprocess.DEVNULL, stderr=sys.stderr
        )
        wall = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": round(wall, 1), "cpu_seconds": round(spent, 1)}


def measure(environment: str, workers: int, warm: bool) -> dict[str, Any]:
    """A row: cold and warm."""
    if warm:
        timed(environment, workers, None)
        return {"environment": environment, "warm": timed(environment, workers, None)}
    with tempfile.TemporaryDirectory(prefix="carousel-references-") as store:
        return {
            "environment": environment,
            "cold": timed(environment, workers, store),
            "warm": timed(environment, workers, store),
        }


def main(arguments: list[str] | None = None) -> None:
    """Time what is asked for and print it."""
    known = [short_name(env) for env in environment_ids()]
    parser = argparse.ArgumentParser(description="Time a policy through the suite of shifts.")
    parser.add_argument("--env", action="append", choices=known, help="only this one")
    parser.add_argument("--workers", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--warm", action="store_true", help="only with the store as it is")
    given = parser.parse_args(arguments)
    rows = [measure(env, given.workers, given.warm) for env in given.env or known]
    document = {
        "claim": "seconds for one policy through every axis, five severities, 2000 users each",
        "users": USERS,
        "workers": given.workers,
        "rows": rows,
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
