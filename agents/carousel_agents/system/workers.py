"""Worker processes on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, TypeVar

from carousel_envs import CarouselError
from carousel_envs.foundation.plugin_faults import note_fault
from carousel_envs.foundation.plugins import load_named

from .interruption import put_off

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MOST_WORKERS = 256

_ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")

Key = TypeVar("Key")
Task = TypeVar("Task")
Found = TypeVar("Found")


@contextmanager
def as_workers_start() -> Iterator[None]:
    """While the block runs, new processes inherit one thread and blocked Ctrl-C.

    In this process Ctrl-C is only deferred until the block ends; ignored, it would be lost.
    """
    # the mask is for the new process: here the system may hand the signal to another thread
    with put_off():
        kept = {name: os.environ.get(name) for name in _ONE_THREAD}
        # started with the first process, it would let Ctrl-C through again
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            for name, value in kept.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value


def each(
    tasks: Mapping[Key, Task], perform: Callable[[Task], Found], workers: int
) -> Iterator[tuple[Key, Found]]:
    """Perform every task; yields keys and results in the order in which they end.

    A single worker is this process. When the caller stops, no task is begun any more, and those
    under way are ended.

    Args:
        tasks: by any key, in the order in which they are begun.
        perform: a module's function, so that other processes find it.
        workers: tasks at a time, 1 to 256.

    Raises:
        CarouselError: a worker's process ended before its task; or whatever `perform` raises.
    """
    workers = min(workers, len(tasks))
    if workers <= 1:
        for key, task in tasks.items():
            yield key, perform(task)
        return
    # spawn, not fork: a forked process whose libraries have threads may hang
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_begin)
    try:
        # the processes are started by the first task that is handed in
        with as_workers_start():
            futures = {pool.submit(_performed, perform, task): key for key, task in tasks.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BaseException as error:
        # before Python 3.14 a pool always waits for tasks under way
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(cancel_futures=True)
        if isinstance(error, BrokenProcessPool):
            raise CarouselError(
                "a worker's process ended: the system ends one that takes too much memory, and "
                "a script that starts workers must do so below `if __name__ == '__main__':`"
            ) from None
        raise
    pool.shutdown()


def _performed(perform: Callable[[Task], Found], task: Task) -> Found:
    """Perform a task; an exception takes along where in a plugin it arose."""
    try:
        return perform(task)
    except Exception as error:
        # its traceback stays in this process
        note_fault(error)
        raise


def _begin() -> None:
    """What a worker does first."""
    end_with_parent()
    # tasks may hold what plugins define
    load_named()


def end_with_parent() -> None:
    """End this process when its parent ends, even if the parent is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
