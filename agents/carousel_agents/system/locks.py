"""Locks that keep two processes from the same work."""

from __future__ import annotations

import contextlib
import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown_path
from carousel_envs.foundation.files import check_writable

try:
    import fcntl
except ImportError:  # not there on every system
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


@contextmanager
def locked(path: Path, what: str, *, wait: bool = False) -> Iterator[None]:
    """Hold a lock while the block runs; a process that dies releases it.

    Args:
        path: of the lock file, which is made here and removed in the end.
        what: names the work that one process does at a time, for the sentence.
        wait: wait until the lock is free instead of refusing.

    Raises:
        CarouselError: another process holds it, the place cannot be written, or files there cannot
            be locked.
    """
    check_writable(path)
    while True:
        with path.open("wb") as file:
            if not _taken(path, file, wait):
                raise CarouselError(f"{what} is being written by another process")
            if not _is_still(path, file):
                continue  # its last holder removed the file: this lock protects nothing
            try:
                yield
            finally:
                # while it is held: later the file might belong to another process
                with contextlib.suppress(FileNotFoundError):
                    path.unlink()
            return


def _taken(path: Path, file: BinaryIO, wait: bool) -> bool:
    if fcntl is None:
        raise CarouselError(f"{shown_path(path)} cannot be locked: this system has no file locks")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError as error:
        # where files cannot be locked at all, no other process holds this one
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            path.unlink(missing_ok=True)
        raise CarouselError(
            f"{shown_path(path)} cannot be locked ({error.strerror}); the folder must lie on a "
            "file system with file locks"
        ) from None
    return True


def _is_still(path: Path, file: BinaryIO) -> bool:
    """Whether an open file is still the one of this name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
