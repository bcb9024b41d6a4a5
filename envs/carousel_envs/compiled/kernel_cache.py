"""Compiled kernels on disk, kept so that nothing found there can stop a command.

The compiler's own files are pickles, which run code when they are read. So kernels are read only
from a folder that is the user's own, or from beside the source (where Python itself would run what
it finds). What is damaged or out of date is compiled anew; what cannot be written is not kept.
Either is told once.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import stat
from pathlib import Path
from typing import Any

from numba.core.caching import IndexDataCacheFile, InTreeCacheLocator

from ..foundation.messages import say_once

_ANEW = "they are compiled anew in every process, which takes some seconds"
_FORMAT = 2


def keep(compiled: Any, stamp: Any, announced: str | None = None) -> None:
    """Keep a compiled function's machine code for as long as `stamp` is what it is now.

    What is announced is logged, once of all functions, before one is compiled.

    numba has no setting for this; a test holds that what it keeps privately is still there.
    """
    cache = compiled._cache
    # whoever can write beside the source can write what Python runs as well
    is_private = os.name == "posix" and not isinstance(cache._impl.locator, InTreeCacheLocator)
    cache._cache_file = KernelFiles(
        cache._cache_path,
        cache._impl.filename_base,
        stamp,
        is_private=is_private,
        announced=announced,
    )
    # numba would try the folder before each write, and stop where it cannot be written
    cache._impl.locator.ensure_cache_path = lambda: None
    folder = Path(cache._cache_path)
    if not is_private:
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


class KernelFiles(IndexDataCacheFile):
    """The files of one function: an index of signatures, and machine code for each.

    Every file begins with digests of the stamp and of its content, and is read no further unless
    they fit. Machine code is kept with its signature, under a name that follows from the signature:
    processes that write at once never take one name for two signatures.

    Args:
        folder: where they lie.
        base: what their names begin with.
        stamp: what they hold for.
        is_private: whether files that another user owns, or may write to, are left unread.
        announced: what is logged, once, when there is no machine code for a signature.
    """

    def __init__(
        self,
        folder: str,
        base: str,
        stamp: Any,
        *,
        is_private: bool,
        announced: str | None = None,
    ) -> None:
        super().__init__(folder, base, stamp)
        self._announced = announced
        self._base, self._is_private = base, is_private
        # names of their own: these are not files as numba alone would read them
        self._index_name = f"{base}.index"
        self._index_path = str(Path(folder) / self._index_name)

    def load(self, key: Any) -> Any:
        """The machine code of a signature, None if there is none that fits."""
        name = self._load_index().get(key)
        found = None if name is None else self._read(self._data_path(name))
        # an index may have been written by another process than the file that it names
        if found is not None and found[0] == key:
            return found[1]
        if self._announced:
            say_once("compiling", self._announced)
        return None

    def save(self, key: Any, data: Any) -> None:
        """Keep the machine code of a signature, if that is possible."""
        known = self._load_index()
        name = f"{self._base}.{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.kernel"
        try:
            Path(self._cache_path).mkdir(parents=True, exist_ok=True)
            # the index comes last: it never names what has not been written
            self._write(self._data_path(name), (key, data))
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

    def _write(self, path: str, content: Any) -> None:
        dumped = self._dump(content)
        with self._open_for_write(path) as file:
            if self._is_private:
                os.fchmod(file.fileno(), 0o600)
            file.write(self._stamped)
            file.write(hashlib.sha256(dumped).digest())
            file.write(dumped)

    @property
    def _stamped(self) -> bytes:
        """What every file begins with: it belongs to these sources and this compiler."""
        belongs = _FORMAT, self._version, self._source_stamp
        return hashlib.sha256(repr(belongs).encode()).digest()

    def _read(self, path: str) -> Any:
        """What a file holds; None if there is none, or it is of other sources, another user's or
        damaged."""
        try:
            with Path(path).open("rb") as file:
                # of what was opened, whatever has that name by now
                found, content = os.fstat(file.fileno()), file.read()
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
        if self._is_private and (found.st_uid != os.geteuid() or found.st_mode & 0o022):
            say_once(
                "another's",
                f"{path} belongs to another user, or others may write to it; its kernel is "
                "compiled and written anew",
            )
            return None
        if hashlib.sha256(dumped).digest() != digest:
            say_once("damaged", f"{path} is damaged; its kernel is compiled and written anew")
            return None
        return pickle.loads(dumped)  # noqa: S301 (the folder is the user's own, see `keep`)
