"""Grids of stand-ins for training, filled."""

from dataclasses import replace
from pathlib import Path

from carousel_agents.benchmark import engine
from carousel_agents.benchmark.fill import Filling, fill
from carousel_agents.benchmark.perform import perform
from carousel_agents.benchmark.runs import GridRun
from support import stand_in

ENV = "Carousel/Boredom-v0"


STEPS = 256 * 40


def run(seed: int = 0, **changes) -> GridRun:
    return replace(GridRun(ENV, "ppo", seed, steps=STEPS, users=50, curve=2), **changes)


def here(jobs, report):
    """An engine that performs jobs in this process."""
    for job in jobs:
        try:
            record = perform(job, lambda share, mean, job=job: report(job, share, mean))
        except Exception as error:
            yield engine.Outcome(job, error=engine.sentence(error))
        else:
            yield engine.Outcome(job, record)


def filled(out: Path, *runs: GridRun, **options):
    options = {"engine": here, "execute": stand_in.execute, **options}
    return fill(runs, out, Filling(**options))


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
