"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import secrets
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


def check_writable(path: Path) -> None:
    """Find out before long work whether `write_whole` could write here.

    Raises:
        CarouselError: it could not.
    """
    if path.is_dir():
        raise CarouselError(f"{shown_path(path)} cannot be written: it is a folder")
    with _refused(path), _part(path):
        pass


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file: a reader sees the old contents or the new ones, also after a loss of power.

    The bytes go to a temporary name beside the target, are flushed to the disk, and renamed.
    What killed writes of the same file have left is removed first.

    Raises:
        CarouselError: the place cannot be written.
    """
    with _refused(path), _part(path) as (temporary, file):
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        temporary.replace(path)
        _flush_folder(path.parent)


def clear_parts(folder: Path, name: str = "*") -> None:
    """Remove what killed writes have left in a folder; what is being written stays.

    Args:
        folder: where to look.
        name: pattern of the names of the files that were being written.
    """
    if fcntl is None:
        return  # nothing tells a killed write from a living one
    for part in folder.glob(f".{name}.*.part"):
        # gone meanwhile, another user's, or held by its writer
        with contextlib.suppress(OSError), part.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


@contextlib.contextmanager
def _refused(path: Path) -> Iterator[None]:
    """One sentence for what the system refuses."""
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
    temporary, file = _held(path)
    try:
        with file:
            yield temporary, file
    finally:
        # after a rename there is nothing left
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _held(path: Path) -> tuple[Path, BinaryIO]:
    """A new temporary file, locked so that `clear_parts` of another process leaves it alone."""
    while True:
        # not the process's number: processes of two containers may share it, and a folder
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        file = temporary.open("xb")
        if fcntl is None:
            return temporary, file
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return temporary, file
        file.close()  # it was cleared before it was locked


def _flush_folder(folder: Path) -> None:
    """Make a rename last through a loss of power, where a folder can be flushed."""
    if os.name != "posix":
        return
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some file systems have no such thing
            raise
    finally:
        os.close(number)
