"""Random damage to files: bits, bytes, cuts, repeats, and numbers or words of a text changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_WORD = re.compile(rb"-?[0-9][0-9.eE+-]*|[A-Za-z_]+")
_VALUES = (
    *(b"0", b"-1", b"1e999", b"NaN", b"null", b"true", b'"x"', b"[]", b"{}", b"9" * 400, b"1.5"),
    *(b"\xff", b"[" * 3000, b""),
)


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """The data with one thing changed; never the data itself."""
    while True:
        found = _CHANGES[rng.integers(len(_CHANGES))](data, rng)
        if found != data:
            return found


def _bit(data: bytes, rng: np.random.Generator) -> bytes:
    changed = bytearray(data)
    changed[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def _byte(data: bytes, rng: np.random.Generator) -> bytes:
    # most of what is read with care stands at the beginning or the end
    end = [len(data), min(len(data), 400)][rng.integers(2)]
    at = int(rng.integers(end))
    return data[:at] + bytes([int(rng.integers(256))]) + data[at + 1 :]


def _cut(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: rng.integers(len(data))]


def _repeat(data: bytes, rng: np.random.Generator) -> bytes:
    a, b = sorted(rng.integers(len(data), size=2).tolist())
    return data[:b] + data[a : min(b, a + 500)] + data[b:]


def _remove(data: bytes, rng: np.random.Generator) -> bytes:
    a = int(rng.integers(len(data)))
    return data[:a] + data[a + int(rng.integers(1, 60)) :]


def _value(data: bytes, rng: np.random.Generator) -> bytes:
    words = list(_WORD.finditer(data[:200_000]))
    if not words:
        return data
    word = words[rng.integers(len(words))]
    return data[: word.start()] + _VALUES[rng.integers(len(_VALUES))] + data[word.end() :]


_CHANGES = (_bit, _byte, _cut, _repeat, _remove, _value, _value)
