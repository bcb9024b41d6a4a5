"""Keeping two processes from the same work."""

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
    """Hold a lock for as long as the block runs; a process that dies lets it go.

    Args:
        path: of the lock; made, and removed in the end.
        what: what two processes must not work on at the same time, for the sentence.
        wait: until the lock is free, instead of refusing.

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
                continue  # its last holder has removed it: what is held is nobody's any more
            try:
                yield
            finally:
                # while it is held: removed any later, it might be another's
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
        # where files cannot be locked at all, nobody else holds this one
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            path.unlink(missing_ok=True)
        raise CarouselError(
            f"{shown_path(path)} cannot be locked ({error.strerror}); the folder must lie on a "
            "file system with file locks"
        ) from None
    return True


def _is_still(path: Path, file: BinaryIO) -> bool:
    """Whether an open file is the one that has this name now."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
