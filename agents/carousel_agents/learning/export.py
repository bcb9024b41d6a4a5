"""Policies for use without this library: plain arrays and one description (`docs/policy_files.md`).

`.npz` is NumPy's own archive and opens with `allow_pickle=False`; `.json` is for everything else.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.foundation.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from .policy_file import PolicyFile


def description(file: PolicyFile) -> dict[str, Any]:
    """The file's own document, and two entries that follow from it.

    `begins` is the index of the column that is 0 where a session begins (None for networks without
    memory); `available` are those of the columns that say which personas may be picked (empty for
    networks without action masks).
    """
    return {
        **file.document(),
        "begins": file.begins if file.network.lstm else None,
        "available": list(file.available) if file.network.masked else [],
    }


def _npz(file: PolicyFile) -> bytes:
    buffer = io.BytesIO()
    text = json.dumps(description(file), sort_keys=True)
    arrays: dict[str, Any] = {**file.tensors(), "description": np.array(text)}
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _json(file: PolicyFile) -> bytes:
    arrays = {name: array.tolist() for name, array in file.tensors().items()}
    document = {"description": description(file), "arrays": arrays}
    return json.dumps(document, sort_keys=True, allow_nan=False).encode()


FORMATS: Mapping[str, Callable[[PolicyFile], bytes]] = {".npz": _npz, ".json": _json}


def check_suffix(path: Path) -> None:
    """Refuse a name whose ending says no format.

    Raises:
        CarouselError: it ends in something else.
    """
    if path.suffix not in FORMATS:
        raise CarouselError(f"--out is {shown(str(path))}; it must end in {' or '.join(FORMATS)}")


def export(file: PolicyFile, path: Path) -> None:
    """Write a policy in the format that the name of the file says, whole or not at all.

    Raises:
        CarouselError: another ending, or a place that cannot be written.
    """
    check_suffix(path)
    write_whole(path, FORMATS[path.suffix](file))
