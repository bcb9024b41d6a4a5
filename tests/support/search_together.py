"""Processes that begin one search at the same moment, with runs that end at once."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_TRIALS = 4


def search_together(folder: Path, processes: int, searches: int) -> list[str]:
    """Begin so many searches one after another, each by all processes; what went wrong."""
    command = [sys.executable, __file__, str(folder), str(searches), str(processes)]
    running = [
        subprocess.Popen([*command, str(number)], stdout=subprocess.PIPE, text=True)
        for number in range(processes)
    ]
    told = [process.communicate(timeout=1200)[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    return [line for text in told for line in text.splitlines()]


def _search(folder: Path, searches: int, processes: int, number: int) -> None:
    from carousel_agents.learning import tune as tuning
    from carousel_envs import Population

    def execute(run: Any, **_: Any) -> Any:
        return SimpleNamespace(training={"curve": [{"engagement": run.settings.learning_rate}]})

    tuning.execute = execute  # type: ignore[assignment]
    users = Population.preset("Boredom")
    for index in range(searches):
        # all are here before anyone begins
        (folder / f"{index}-{number}").touch()
        while len(list(folder.glob(f"{index}-*"))) < processes:
            time.sleep(0.001)
        try:
            found = tuning.tune(
                users,
                environment="Mine/X-v0",
                algorithm="a2c",
                seeds=1,
                trials=_TRIALS,
                storage=folder / f"{index}.sqlite",
            )
            assert found.trials >= _TRIALS
        except Exception as error:
            print(f"{type(error).__name__}: {error}".splitlines()[0], flush=True)


if __name__ == "__main__":
    _search(Path(sys.argv[1]), *map(int, sys.argv[2:]))
