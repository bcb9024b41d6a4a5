"""Folders that are kept as one archive: packed byte for byte alike, checked when unpacked.

The archive of `FOLDER` is `FOLDER.tar` beside it: an uncompressed tar file whose first member,
`manifest.json`, lists path, size and SHA-256 of every other. `unpacked` is called with a path that
may lie in such a folder, and unpacks the archive if the folder is missing.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown, shown_path
from carousel_envs.foundation.files import check_readable, read_whole, unreadable, write_whole

from .locks import locked

if TYPE_CHECKING:
    from collections.abc import Iterable

SUFFIX = ".tar"
MANIFEST = "manifest.json"
MOST_BYTES = 2**30
"""1 GiB: more than any archive of trained policies here has."""
_FORMAT = 1
_ORIGIN = ".archive"
"""File of an unpacked folder that holds the SHA-256 of its archive."""


def archive_of(folder: Path) -> Path:
    """Where the archive of a folder lies."""
    return folder.with_name(folder.name + SUFFIX)


def pack(folder: Path, files: Iterable[Path]) -> Path:
    """Write the archive of a folder.

    The same files give the same bytes, whenever and wherever they are packed.

    Args:
        folder: what is packed.
        files: those of its files that go into the archive.

    Returns:
        The archive.

    Raises:
        CarouselError: a file cannot be read, or the archive cannot be written.
    """
    contents = {}
    for file in sorted(files, key=lambda file: file.relative_to(folder).as_posix()):
        try:
            contents[file.relative_to(folder).as_posix()] = read_whole(file)
        except OSError as error:
            raise unreadable(file, error) from None
    entries = [
        {"path": path, "size": len(data), "sha256": _digest(data)}
        for path, data in contents.items()
    ]
    manifest = json.dumps({"format": _FORMAT, "files": entries}, indent=1).encode()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, data in {MANIFEST: manifest, **contents}.items():
            # owner, mode and time as tarfile sets them: the same on every machine
            member = tarfile.TarInfo(path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    archive_file = archive_of(folder)
    write_whole(archive_file, packed.getvalue())
    write_whole(folder / _ORIGIN, _digest(packed.getvalue()).encode())
    return archive_file


def unpacked(path: Path) -> Path:
    """Make sure that a path is there if it lies in a folder that is kept as an archive.

    The folder appears whole or not at all, once every file in it has the digest that the manifest
    names. A folder that is there is left as it is.

    Args:
        path: of the folder itself, or of a file or folder below it; it may as well have nothing to
            do with any archive.

    Returns:
        The same path.

    Raises:
        CarouselError: the archive is damaged, holds what it must not, or cannot be unpacked; or the
            folder was unpacked from another version of it.
    """
    for folder in (path, *path.parents):
        archive = archive_of(folder) if folder.name else folder
        try:
            if not archive.is_file() or archive == folder:
                continue
        except OSError:
            # a name too long for the file system, say
            continue
        if folder.exists():
            _refuse_other_version(folder, archive)
        else:
            _unpack(archive, folder)
    return path


def _refuse_other_version(folder: Path, archive: Path) -> None:
    try:
        origin = (folder / _ORIGIN).read_text(encoding="ascii")
    except (OSError, ValueError):
        # a folder of its own, which was never unpacked
        return
    if origin != _digest(_read(archive)):
        raise CarouselError(
            f"{shown_path(folder)} was unpacked from another version of {shown_path(archive)}; "
            "remove the folder to unpack it anew, or pack it with `carousel grid --pack`"
        )


def _unpack(archive: Path, folder: Path) -> None:
    with locked(archive.with_name(f".{archive.name}.lock"), str(archive), wait=True):
        if folder.exists():
            # another process has unpacked it meanwhile
            return
        data = _read(archive)
        contents = _contents(archive, data)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            for name, content in contents.items():
                file = made / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)
            (made / _ORIGIN).write_text(_digest(data), encoding="ascii")
            made.chmod(0o755)
            made.rename(folder)
        except OSError as error:
            raise CarouselError(
                f"{shown_path(archive)} cannot be unpacked: {error.strerror or error}"
            ) from None
        finally:
            shutil.rmtree(made, ignore_errors=True)


def _read(archive: Path) -> bytes:
    try:
        check_readable(archive, MOST_BYTES)
        return read_whole(archive, MOST_BYTES)
    except OSError as error:
        raise unreadable(archive, error) from None


def _contents(archive: Path, data: bytes) -> dict[str, bytes]:
    """The checked files of an archive, by path."""
    contents: dict[str, bytes] = {}
    for name, content in _members(archive, data):
        if content is None:
            raise _refused(archive, name, "is no regular file")
        if not _stays_inside(name):
            raise _refused(archive, name, "leads out of the folder")
        if name in contents:
            raise _refused(archive, name, "is there twice")
        contents[name] = content
    listed = _listed(archive, contents.pop(MANIFEST, None))
    for path in [*listed, *contents]:
        if path not in contents:
            raise _damaged(archive, f"it lacks {shown(path)}")
        if path not in listed:
            raise _refused(archive, path, f"is not in its {MANIFEST}")
        if listed[path] != (len(contents[path]), _digest(contents[path])):
            raise _damaged(
                archive, f"{shown(path)} has another size or digest than its {MANIFEST} says"
            )
    return contents


def _members(archive: Path, data: bytes) -> list[tuple[str, bytes | None]]:
    """Name and bytes of every member; None for one that is no regular file."""
    found: list[tuple[str, bytes | None]] = []
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as members:
            for member in members:
                content = members.extractfile(member) if member.isreg() else None
                found.append((member.name, None if content is None else content.read()))
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise _damaged(archive, reason) from None
    return found


def _listed(archive: Path, manifest: bytes | None) -> dict[str, tuple[Any, Any]]:
    """Size and digest by path, as the manifest names them."""
    if manifest is None:
        raise _damaged(archive, f"it has no {MANIFEST}")
    try:
        document = json.loads(manifest)
        written = document["format"]
        listed = {str(e["path"]): (e["size"], e["sha256"]) for e in document["files"]}
    except (ValueError, RecursionError, TypeError, KeyError):
        raise _damaged(archive, f"its {MANIFEST} has another form") from None
    if written != _FORMAT:
        raise CarouselError(
            f"{shown_path(archive)} is no archive in the format of this version, {_FORMAT}"
        )
    return listed


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        bool(path.parts)
        and not path.is_absolute()
        and ".." not in path.parts
        and ("\\" not in name and ":" not in path.parts[0] and "\0" not in name)
    )


def _refused(archive: Path, name: str, reason: str) -> CarouselError:
    return CarouselError(f"{shown_path(archive)} was not unpacked: {shown(name)} in it {reason}")


def _damaged(archive: Path, reason: str) -> CarouselError:
    return CarouselError(f"{shown_path(archive)} is damaged: {reason}")


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
