"""Reading files that may be anything, and writing files whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
import stat
from typing import TYPE_CHECKING

from .errors import CarouselError, shown_path

try:
    import fcntl
except ImportError:  # not there on every system
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


MOST_BYTES = 2**26
"""64 MiB: more than any text, record or table of rows that is read as a whole has."""


def check_readable(path: Path, most: int = MOST_BYTES) -> int:
    """Raise for what cannot be read whole: folders, devices, pipes, and files that are too large.

    Returns:
        The size in bytes.

    Raises:
        OSError: it cannot be read whole, or does not exist; `strerror` says why.
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
        OSError: it does not exist, is not a regular file, or is larger than `most` bytes;
            `strerror` says which.
    """
    check_readable(path, most)
    with path.open("rb") as file:
        # some files of the system are larger than they say
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"it has more than {most} bytes", str(path))
    return data


def unreadable(path: Path, error: OSError) -> CarouselError:
    """The sentence for a file that could not be read, to be raised in place of its error."""
    return CarouselError(f"{shown_path(path)} cannot be read: {error.strerror or error}")


def check_folder(path: Path) -> None:
    """Raise if a path for a folder holds something else.

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
    """Check before long work that `write_whole` can write here.

    Raises:
        CarouselError: it cannot.
    """
    if path.is_dir():
        raise CarouselError(f"{shown_path(path)} cannot be written: it is a folder")
    with _refused(path), _part(path):
        pass


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file atomically: readers see the old contents or the new, even after a power loss.

    The bytes go to a temporary file beside the target, which is flushed to disk and then renamed.
    Where the file system does not flush folders, a power loss may bring the old contents back.
    Leftovers of interrupted writes of the same file are removed first.

    Raises:
        CarouselError: the path cannot be written.
    """
    with _refused(path), _part(path) as (temporary, file):
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)


def clear_parts(folder: Path, name: str = "*") -> None:
    """Remove the leftovers of interrupted writes in a folder; writes in progress stay.

    Args:
        folder: where to look.
        name: pattern of the names of the files that were being written.
    """
    if fcntl is None:
        return  # an interrupted write cannot be told from one in progress
    for part in folder.glob(f".{name}.*.part"):
        # gone meanwhile, another user's, or held by its writer
        with contextlib.suppress(OSError), part.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    """Turn an error of the system into one sentence."""
    try:
        yield
    except OSError as error:
        raise CarouselError(
            f"{shown_path(path)} cannot be written: {error.strerror or error}"
        ) from None


@contextlib.contextmanager
def _part(path: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file beside the target, held for as long as the block runs and then removed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clear_parts(path.parent, glob.escape(path.name))
    while True:
        # not the process's number: processes of two containers may share it, and a folder
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        file = temporary.open("xb")
        try:
            with file:
                if _is_held(file):
                    yield temporary, file
                    return
        finally:
            # after a rename there is nothing left
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()


def _is_held(file: BinaryIO) -> bool:
    """Lock a temporary file, so that `clear_parts` of another process leaves it alone.

    Returns:
        Whether the file still exists; it may have been cleared before it was locked.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        return True  # some file systems have no locks: there `clear_parts` gets none either
    return os.fstat(file.fileno()).st_nlink > 0


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a loss of power, where a folder can be opened and flushed; it has
    happened in any case."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
