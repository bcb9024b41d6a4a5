"""How a policy file lies on disk: a safetensors file with one JSON document in its metadata.

Reading parses a header, one text and plain arrays; nothing is ever unpickled, imported or
evaluated. What a file may hold is bounded here, what it must mean is checked in `policy_file`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.foundation.files import check_readable, unreadable, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Tensors = dict[str, NDArray[np.float32]]

FORMAT = 3
_FORMATS = (1, 2, FORMAT)
_KEY = "carousel"
LARGEST_BYTES = 1 << 30
_LARGEST_TEXT = 1 << 22
_DEEPEST = 32
_DIGITS = 20


def one_line(text: str, longest: int = 200) -> str:
    """Untrusted text made safe to print: no control characters, not too long."""
    cut = text if len(text) <= longest else text[: longest - 3] + "..."
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in cut)


def write(path: Path, document: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]) -> None:
    """Write a document and its tensors, whole or not at all; equal contents give equal bytes.

    Raises:
        CarouselError: the place cannot be written, or the document is no plain data.
    """
    text = json.dumps(plain(document), sort_keys=True, allow_nan=False)
    _refuse_long(text)
    arrays = {name: np.ascontiguousarray(a, dtype=np.float32) for name, a in tensors.items()}
    write_whole(path, save(arrays, metadata={_KEY: text}))


def plain(value: Any, depth: int = 0) -> Any:
    """What JSON can hold: mappings as dicts, sequences as lists, numbers of NumPy as Python's;
    numbers that are not finite become None.

    Raises:
        CarouselError: something else is in it, or it is nested without end.
    """
    if depth > _DEEPEST:
        raise CarouselError(f"its description is nested deeper than {_DEEPEST} levels")
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        if abs(value) >= 10**_DIGITS:
            raise CarouselError(f"its description holds a number of more than {_DIGITS} digits")
        return int(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (list, tuple)):
        return [plain(item, depth + 1) for item in value]
    if hasattr(value, "items"):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    raise CarouselError(f"its description holds {shown(value)}, which is no plain data")


def read(path: Path) -> tuple[dict[str, Any], Tensors]:
    """The document, as format 2 or 3 has it, and the tensors, all float32.

    Raises:
        CarouselError: the file is missing, too large, damaged or foreign.
    """
    try:
        if path.is_dir():
            raise CarouselError(f"{path} is a folder, and no policy file")
        check_readable(path, LARGEST_BYTES)
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            if _KEY not in metadata:
                raise CarouselError(f"{path} is a safetensors file, but not a policy of Carousel")
            names = list(file.keys())
            for name in names:
                # asked before it is read: NumPy does not know every type there is
                if (kind := file.get_slice(name).get_dtype()) != "F32":
                    raise CarouselError(
                        f"{path} holds {one_line(name)} as {kind}; it must be float32 (F32)"
                    )
            tensors = {name: file.get_tensor(name) for name in names}
    except OSError as error:
        raise unreadable(path, error) from None
    except CarouselError:
        raise
    except (SafetensorError, ValueError, RecursionError) as error:
        reason = one_line(str(error))
        raise CarouselError(f"{path} is not a policy file, or damaged: {reason}") from None
    try:
        return _upgraded(parse(metadata[_KEY])), tensors
    except CarouselError as error:
        raise CarouselError(f"{path} is not a valid policy file: {error}") from None


def parse(text: str) -> dict[str, Any]:
    """The one object that a JSON text holds.

    Raises:
        CarouselError: it is no JSON or no object; a key repeats; a number is not finite or has more
            than 20 digits before its point; it is nested more than 32 levels deep or longer than
            4 MiB.
    """
    _refuse_long(text)
    try:
        document = json.loads(
            text,
            object_pairs_hook=_without_repeats,
            parse_constant=_no_number,
            parse_float=_finite,
            parse_int=_whole,
        )
    except RecursionError:
        raise CarouselError(f"its description is nested deeper than {_DEEPEST} levels") from None
    except json.JSONDecodeError as error:
        raise CarouselError(f"its description is no JSON: {one_line(str(error))}") from None
    if not isinstance(document, dict):
        raise CarouselError("its description is no JSON object")
    plain(document)
    return document


def _refuse_long(text: str) -> None:
    if len(text) > _LARGEST_TEXT:
        raise CarouselError(f"its description has {len(text)} characters; {_LARGEST_TEXT} may be")


def known_fields(what: str, given: Any, known: Iterable[str]) -> dict[str, Any]:
    """An object that has exactly these fields.

    Raises:
        CarouselError: one is missing, or there is another.
    """
    known = tuple(known)
    if not isinstance(given, dict):
        raise CarouselError(f"its {what} is {shown(given)}; it must be an object")
    for name in known:
        if name not in given:
            raise CarouselError(f"{name!r} is missing in its {what}")
    for name in given:
        if name not in known:
            raise CarouselError(
                f"its {what} has {shown(name)}, which is unknown; known are {', '.join(known)}"
            )
    return given


def _upgraded(document: dict[str, Any]) -> dict[str, Any]:
    version = document.get("format")
    # a truth value equals 1
    if isinstance(version, bool) or version not in _FORMATS:
        known = ", ".join(map(str, _FORMATS))
        raise CarouselError(f"its format is {shown(version)}; this version reads {known}")
    if version > 1:
        return document
    # format 1 knew users alone, seen as they are, and networks without memory
    own = ("algorithm", "environment", "columns", "training", "versions")
    moved = ("format", "population", "population_fingerprint", "architecture")
    known_fields("description", document, (*own, *moved))
    architecture = known_fields(
        "architecture", document["architecture"], ("activation", "counts", "layers")
    )
    return {
        **{name: document[name] for name in own},
        "format": 2,
        "population": {
            "kind": "users",
            "fields": document["population"],
            "fingerprint": document["population_fingerprint"],
        },
        "view": {"history": 1, "visible_context": False},
        "architecture": {
            **architecture,
            "clip": None,
            "lstm": 0,
            "head": "logits",
            "masked": False,
        },
    }


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        often = Counter(name for name, _ in pairs)
        raise CarouselError(f"its description says {shown(often.most_common(1)[0][0])} twice")
    return made


def _no_number(text: str) -> Any:
    raise CarouselError(f"its description holds {text}, which is no number of JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise CarouselError(f"its description holds {shown(text)}, which is too large")
    return number


def _whole(text: str) -> int:
    # before it is read: a number of a million digits takes minutes
    if len(text.lstrip("-")) > _DIGITS:
        raise CarouselError(f"its description holds a number of more than {_DIGITS} digits")
    return int(text)
