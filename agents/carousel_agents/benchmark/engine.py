"""The engine that performs runs on this machine: processes that each do one run after another.

An engine is anything of the form `Engine`: it takes jobs and yields the outcome of each, in the
order in which they end. Another engine, such as a cluster's, needs nothing else.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Protocol

from ..system.workers import as_workers_start, end_with_parent
from .perform import Job, perform, sentence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

_EVERY = 0.5  # seconds between two reports of a worker


@dataclass(frozen=True)
class Outcome:
    """The outcome of a job: a record, or the sentence that says why there is none."""

    job: Job
    record: dict[str, Any] | None = None
    error: str | None = None


class Engine(Protocol):
    """Performs jobs; yields their outcomes as they come."""

    def __call__(
        self, jobs: Sequence[Job], report: Callable[[Job, float, float], None]
    ) -> Iterator[Outcome]:
        """Perform the jobs; see `LocalEngine`."""
        ...


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job | None = None

    def give(self, job: Job) -> None:
        self.job = job
        # a worker that died meanwhile is noticed by the end of its pipe
        with suppress(OSError):
            self.pipe.send(job)


@dataclass(frozen=True)
class LocalEngine:
    """Processes on this machine, with one thread of torch each.

    Attributes:
        workers: how many.
    """

    workers: int = 2

    def __call__(
        self, jobs: Sequence[Job], report: Callable[[Job, float, float], None]
    ) -> Iterator[Outcome]:
        """Perform the jobs, each by the next free worker.

        A job that fails, even by ending its process, costs no other job. When the caller stops
        (Ctrl-C), so do the workers, and their runs can be resumed.

        Args:
            jobs: in the order in which they are begun.
            report: called with the job, the share done, 0 to 1, and the mean return.
        """
        waiting, workers = list(reversed(jobs)), [_started() for _ in jobs[: self.workers]]
        try:
            while True:
                for worker in workers:
                    if worker.job is None and waiting:
                        worker.give(waiting.pop())
                busy = {worker.pipe: worker for worker in workers if worker.job is not None}
                if not busy:
                    return
                for pipe in wait(list(busy)):
                    worker = busy[pipe]  # type: ignore[index]
                    job = worker.job
                    assert job is not None
                    try:
                        kind, *told = worker.pipe.recv()
                    except (EOFError, OSError):
                        worker.process.join()
                        worker.pipe.close()
                        workers[workers.index(worker)] = _started()
                        yield Outcome(job, error=_death(worker.process.exitcode))
                        continue
                    if kind == "progress":
                        report(job, *told)
                    else:
                        worker.job = None
                        yield Outcome(job, *told)
        finally:
            for worker in workers:
                worker.process.terminate()
            for worker in workers:
                worker.process.join()
                worker.pipe.close()


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"its process was ended by {signal.Signals(-code).name}"
    return f"its process ended with exit code {code}"


def _started() -> _Worker:
    # spawn, not fork: a copy of a process whose libraries have threads may hang
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(theirs,), daemon=True)
    with as_workers_start():
        process.start()
    theirs.close()
    return _Worker(process, ours)


def _work(pipe: Connection) -> None:
    """Perform jobs as they come, until the parent closes the pipe."""
    end_with_parent()
    import torch

    torch.set_num_threads(1)
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        told = 0.0

        def report(share: float, mean_return: float) -> None:
            nonlocal told
            if time.monotonic() - told < _EVERY:
                return
            told = time.monotonic()
            try:
                pipe.send(("progress", share, mean_return))
            except OSError:
                # the parent is gone: stop, so that the run can be resumed
                raise SystemExit(1) from None

        try:
            ended: tuple[dict[str, Any] | None, str | None] = (perform(job, report), None)
        except Exception as error:
            ended = (None, sentence(error))
        pipe.send(("ended", *ended))
