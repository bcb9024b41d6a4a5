"""Writing files whole or not at all."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from .errors import CarouselError, shown_path

if TYPE_CHECKING:
    from pathlib import Path


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
