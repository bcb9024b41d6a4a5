"""JSON documents that notice when they were changed since they were written."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SEAL = "sha256_of_the_rest"


def sealed(document: Mapping[str, Any]) -> bytes:
    """The text of a document, with a digest of what is in it."""
    # keys and tuples as they come back from a file; an older seal is of something else
    plain = json.loads(json.dumps(document, allow_nan=False))
    plain.pop(_SEAL, None)
    return json.dumps({**plain, _SEAL: _digest(plain)}, indent=2).encode()


def unsealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document as it was given to `sealed`; one of an earlier version has no digest, and is taken
    as it is.

    Raises:
        ValueError: it was changed since.
    """
    rest = {key: value for key, value in document.items() if key != _SEAL}
    if _SEAL in document and document[_SEAL] != _digest(rest):
        raise ValueError("it was changed since it was written")
    return rest


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
