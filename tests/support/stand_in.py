"""A trainer that takes no time, for what is built around training.

`execute` makes a random network, and takes up checkpoints as the real one does. What it does with
some seeds is planted.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_agents.learning import PolicyFile
from carousel_agents.learning.layers import Network
from carousel_agents.learning.train import Progress, Run, versions
from carousel_agents.learning.view import Scaling
from carousel_envs import CarouselError

if TYPE_CHECKING:
    from pathlib import Path

FAILS, BREAKS, DIES, HANGS, DAWDLES = 100, 101, 102, 103, 104
"""Seeds that end in a sentence, in a fault of the program, in the end of the process, never (or, if
there is a checkpoint to go on from, at once), after a second."""


def execute(run: Run, *, report: Any, checkpoint: Path) -> PolicyFile:
    resumed = checkpoint.exists()
    report(Progress(run.steps // 2, run.steps, 1.0))
    if run.seed == FAILS:
        raise CarouselError("training diverged: it was planted")
    if run.seed == BREAKS:
        raise ZeroDivisionError("planted,\nin two lines")
    if run.seed == DIES:
        os._exit(7)
    if run.seed == HANGS and not resumed:
        checkpoint.write_bytes(b"half way")
        while True:  # and says nothing, as an evaluation does
            time.sleep(0.05)
    if run.seed == DAWDLES:
        time.sleep(1.0)
    columns = run.view.columns(run.population)
    shape = (run.population.n_actions, len(columns))
    weight = np.random.default_rng(run.seed).normal(size=shape).astype(np.float32)
    return PolicyFile(
        algorithm=run.algorithm,
        environment=run.environment,
        population=run.population,
        view=run.view,
        columns=columns,
        scaling=Scaling.of(run.population, run.view),
        network=Network("tanh", ((weight, np.zeros(len(weight), np.float32)),)),
        training={
            "steps": run.steps,
            "seed": run.seed,
            "seconds": 2.0,
            "settings": run.settings.model_dump(mode="json"),
            "resumed": int(resumed),
            "curve": [
                {
                    "steps": run.steps * i // run.curve,
                    "seconds": 2.0 * i / run.curve,
                    "engagement": 20.0 + i,
                }
                for i in range(1, run.curve + 1)
            ],
        },
        versions=versions(run.algorithm),
    )
