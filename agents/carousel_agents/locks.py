"""Keeping two processes from the same work."""

from __future__ import annotations

import contextlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

from carousel_envs import CarouselError
from carousel_envs.files import check_writable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def locked(path: Path, what: str) -> Iterator[None]:
    """Hold a lock for as long as the block runs; a process that dies lets it go.

    Args:
        path: of the lock; made, and removed in the end.
        what: what two processes must not work on at the same time, for the sentence.

    Raises:
        CarouselError: another process holds it, or the place cannot be written.
    """
    # not there on every system, and not needed by those who do not train
    import fcntl

    check_writable(path)
    with path.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CarouselError(f"{what} is being written by another process") from None
        try:
            yield
        finally:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
