"""Reading files that may be anything, and writing files whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import TYPE_CHECKING

from .errors import CarouselError, shown_path

if TYPE_CHECKING:
    from pathlib import Path


MOST_BYTES = 2**26
"""64 MiB: more than any text, record or table of rows that is read as a whole has."""


def check_readable(path: Path, most: int = MOST_BYTES) -> int:
    """Refuse what cannot be read to its end: folders, devices, pipes, and files that are too large.

    Returns:
        The size in bytes.

    Raises:
        OSError: it is refused, or is not there; `strerror` says why.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        # a device may never end, and a pipe may never begin
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
    if found.st_size > most:
        raise OSError(
            errno.EFBIG, f"it has {found.st_size} bytes; at most {most} are read", str(path)
        )
    return found.st_size


def read_whole(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of a regular file.

    Raises:
        OSError: it is not there, not a regular file, or larger than `most` bytes; `strerror` says
            which.
    """
    check_readable(path, most)
    with path.open("rb") as file:
        # some files of the system are larger than they say
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes", str(path))
    return data


def check_folder(path: Path) -> None:
    """Refuse a place for a folder that holds something else.

    Raises:
        CarouselError: a file, or a link that leads nowhere, is there.
    """
    if path.is_dir():
        return
    if path.is_symlink() and not path.exists():
        raise CarouselError(f"{shown_path(path)} cannot be written to: it is a link to nothing")
    if path.exists():
        raise CarouselError(f"{shown_path(path)} cannot be written to: it is not a folder")


def check_writable(path: Path) -> None:
    """Find out before long work whether `write_whole` could write here.

    Raises:
        CarouselError: it could not.
    """
    probe = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise CarouselError(f"{shown_path(path)} cannot be written: it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
    except OSError as error:
        raise CarouselError(
            f"{shown_path(path)} cannot be written: {error.strerror or error}"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()


def write_whole(path: Path, data: bytes) -> None:
    """Write bytes under a temporary name beside the target, then rename: whole or not at all.

    Raises:
        CarouselError: the place cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError as error:
        raise CarouselError(
            f"{shown_path(path)} cannot be written: {error.strerror or error}"
        ) from None
    finally:
        # after a rename there is nothing left; where the folder is none, there never was
        with contextlib.suppress(OSError):
            temporary.unlink()
