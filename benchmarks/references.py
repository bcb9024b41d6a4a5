"""References of an environment's standard suite: seconds and gaps, population by population.

Every axis at five severities is solved anew, in two processes, without the store. The gap is the
distance of the bounds in per cent of the score's range, value - blind.

    python benchmarks/references.py [--env ENV]... [--axis AXIS]... [--workers N]

prints a line per population, and the whole at the end. Kernels are compiled before.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from unittest import mock

import numpy as np

from carousel_agents.system.workers import each
from carousel_envs import CarouselError, Population
from carousel_envs.reference import solve
from carousel_envs.shifts import SEVERITIES, SHIFTS
from common import several_of, whole

ENVIRONMENTS = ("Taste", "Unmask", "Satiation", "Boredom", "Welfare")


def populations(env: str, axes: list[str]) -> dict[tuple[str, float], Population]:
    """Those that differ, by the first axis and severity that lead to them."""
    base = Population.preset(env)
    found: dict[str, tuple[tuple[str, float], Population]] = {}
    for axis in axes:
        for severity in SEVERITIES:
            try:
                shifted = SHIFTS[axis].apply(base, severity)
            except CarouselError:
                break
            found.setdefault(shifted.fingerprint, ((axis, severity), shifted))
    return dict(found.values())


def solved(population: Population) -> tuple[float, float, float, float]:
    """Seconds of processor time, both bounds, and the best schedule."""
    began = time.process_time()
    reference = solve(population)
    seconds = time.process_time() - began
    return seconds, reference.value, reference.value_upper, reference.blind


def main(given: list[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    several_of(parser, "--env", ENVIRONMENTS)
    several_of(parser, "--axis", tuple(SHIFTS))
    parser.add_argument("--workers", type=whole(1), default=2)
    asked = parser.parse_args(given)
    for env in asked.env or ENVIRONMENTS:
        some = populations(env, asked.axis or list(SHIFTS))
        # workers are started within, and have the same environment
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.dict(os.environ, {"CAROUSEL_CACHE": folder}),
        ):
            solve(Population.preset(env).replace(session_length=7))
            began, gaps, total = time.perf_counter(), [], 0.0
            for (axis, severity), (seconds, low, high, blind) in each(some, solved, asked.workers):
                gaps.append(100.0 * (high - low) / (low - blind))
                total += seconds
                print(
                    f"{env} {axis} {severity:g}: {seconds:.1f} s, {low:.3f} to {high:.3f}, "
                    f"gap {gaps[-1]:.2f} %",
                    flush=True,
                )
        print(
            f"{env}: {len(gaps)} populations in {time.perf_counter() - began:.0f} s "
            f"({total:.0f} s of processor time), gap {np.median(gaps):.2f} % (median), "
            f"{max(gaps):.2f} % (largest)"
        )


if __name__ == "__main__":
    main()
