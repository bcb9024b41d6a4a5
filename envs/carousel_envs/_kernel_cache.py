"""Compiled kernels on disk, kept so that nothing found there can stop a command.

The compiler's own files are pickles, which run code when they are read. So kernels are read only
from a folder that is the user's own, or from beside the source (where Python itself would run what
it finds). What is damaged or out of date is compiled anew; what cannot be written is not kept.
Either is told once.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import os
import pickle
import stat
from pathlib import Path
from typing import Any

from numba.core.caching import IndexDataCacheFile, InTreeCacheLocator

_ANEW = "they are compiled anew in every process, which takes some seconds"
_TOLD: set[str] = set()

_log = logging.getLogger(__name__)


def keep(compiled: Any, stamp: Any) -> None:
    """Keep a compiled function's machine code for as long as `stamp` is what it is now.

    numba has no setting for this; a test holds that what it keeps privately is still there.
    """
    cache = compiled._cache
    cache._cache_file = KernelFiles(cache._cache_path, cache._impl.filename_base, stamp)
    # numba would try the folder before each write, and stop where it cannot be written
    cache._impl.locator.ensure_cache_path = lambda: None
    folder = Path(cache._cache_path)
    # whoever can write beside the source can write what Python runs as well
    if isinstance(cache._impl.locator, InTreeCacheLocator) or os.name != "posix":
        return
    try:
        foreign = _foreign(folder)
    except OSError as error:
        foreign = f"{folder} cannot be looked at ({error.strerror})"
    if foreign:
        cache.disable()
        say_once("folder", f"compiled kernels are not kept: {foreign}; {_ANEW}")


def _foreign(folder: Path) -> str | None:
    """Why kernels in this folder may not be the user's own, or None; closes it to others."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return f"{folder} is a link, or no folder"
    if found.st_uid != os.geteuid():
        return f"{folder} belongs to another user; NUMBA_CACHE_DIR may name a folder of your own"
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
    return None


def say_once(kind: str, message: str) -> None:
    """Log a message, once of each kind: thirty kernels in one bad place are one trouble.

    It is no warning: with warnings as errors, importing the package would fail.
    """
    if kind not in _TOLD:
        _TOLD.add(kind)
        _log.warning(message)


class KernelFiles(IndexDataCacheFile):
    """The files of one function: an index of signatures, and machine code for each.

    Every file begins with a SHA-256 over its content and the stamp, and is read no further unless
    it fits.
    """

    def __init__(self, folder: str, base: str, stamp: Any) -> None:
        super().__init__(folder, base, stamp)
        # names of their own: these are not files as numba alone would read them
        self._index_name = f"{base}.index"
        self._index_path = str(Path(folder) / self._index_name)
        self._data_name_pattern = f"{base}.{{number:d}}.kernel"

    def load(self, key: Any) -> Any:
        """The machine code of a signature, None if there is none that fits."""
        name = self._load_index().get(key)
        return None if name is None else self._read(self._data_path(name))

    def save(self, key: Any, data: Any) -> None:
        """Keep the machine code of a signature, if that is possible."""
        known = self._load_index()
        names = (self._data_name(i) for i in itertools.count(1))
        name = known.get(key) or next(name for name in names if name not in known.values())
        try:
            Path(self._cache_path).mkdir(parents=True, exist_ok=True)
            # the index comes last: it never names what has not been written
            self._save_data(name, data)
            self._save_index({**known, key: name})
        except OSError as error:
            say_once(
                "written",
                f"compiled kernels cannot be kept in {self._cache_path} ({error.strerror}); "
                f"{_ANEW}; NUMBA_CACHE_DIR may name another folder",
            )

    def _load_index(self) -> dict[Any, str]:
        return self._read(self._index_path) or {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, overloads)

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def _write(self, path: str, content: Any) -> None:
        dumped = self._dump(content)
        with self._open_for_write(path) as file:
            file.write(self._stamped)
            file.write(hashlib.sha256(dumped).digest())
            file.write(dumped)

    @property
    def _stamped(self) -> bytes:
        """What every file begins with: it belongs to these sources and this compiler."""
        return hashlib.sha256(repr((self._version, self._source_stamp)).encode()).digest()

    def _read(self, path: str) -> Any:
        """What a file holds; None if there is none, or it is of other sources or damaged."""
        try:
            content = Path(path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            say_once(
                "read", f"{path} cannot be read ({error.strerror}); its kernel is compiled anew"
            )
            return None
        stamp, digest, dumped = content[:32], content[32:64], content[64:]
        if len(stamp) == 32 and stamp != self._stamped:
            return None
        if hashlib.sha256(dumped).digest() != digest:
            say_once("damaged", f"{path} is damaged; its kernel is compiled and written anew")
            return None
        return pickle.loads(dumped)  # noqa: S301 (the folder is the user's own, see `keep`)
