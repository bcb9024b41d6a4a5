"""JSON files, and documents in them that notice when they were changed after they were written."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.files import read_whole, unreadable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SEAL = "sha256_of_the_rest"


def read_json(path: Path) -> Any:
    """The contents of a JSON file.

    Raises:
        FileNotFoundError: there is no such file.
        CarouselError: it cannot be read, or is no JSON.
    """
    try:
        return json.loads(read_whole(path))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError):
        raise CarouselError(f"{path} is damaged: it is no JSON") from None


def sealed(document: Mapping[str, Any]) -> bytes:
    """The text of a document, with a digest of its contents."""
    # keys and tuples as they come back from a file; an older seal belongs to other contents
    plain = json.loads(json.dumps(document, allow_nan=False))
    plain.pop(_SEAL, None)
    return json.dumps({**plain, _SEAL: _digest(plain)}, indent=2).encode()


def unsealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document as it was given to `sealed`; one without a digest, as earlier versions wrote it,
    is taken as it is.

    Raises:
        ValueError: it was changed after it was written.
    """
    rest = {key: value for key, value in document.items() if key != _SEAL}
    if _SEAL in document and document[_SEAL] != _digest(rest):
        raise ValueError("it was changed since it was written")
    return rest


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
