"""Processes that contend for one lock, each of which knows whether another is inside with it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from carousel_agents.system.locks import locked
from carousel_envs import CarouselError

if TYPE_CHECKING:
    from pathlib import Path


def contend(folder: Path, processes: int, entries: int) -> list[int]:
    """Enter a lock so often from each of several processes; how often each was not alone."""
    command = [sys.executable, __file__, str(folder), str(entries)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)
    ]
    told = [process.communicate(timeout=1200)[0] for process in running]
    assert all(process.returncode == 0 for process in running)
    return [int(text) for text in told]


def _enter(folder: Path, entries: int) -> int:
    entered = met = 0
    while entered < entries:
        try:
            # half of them wait, as searches do, and half are refused, as everything else is
            with locked(folder / "lock", "it", wait=bool(entered % 2)):
                entered += 1
                try:
                    os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    met += 1
                else:
                    os.unlink(folder / "inside")  # noqa: PTH108  (as quick as can be)
        except CarouselError as error:
            if str(error) != "it is being written by another process":
                raise
    return met


if __name__ == "__main__":
    from pathlib import Path

    print(_enter(Path(sys.argv[1]), int(sys.argv[2])))
