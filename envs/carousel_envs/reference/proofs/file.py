"""The file of a certificate: plain arrays, and a header that says what they prove.

It is a SHA-256 digest (32 bytes) of what follows: a NumPy archive without objects, so reading it
runs no code. The header, JSON in UTF-8, holds the format, the population (whole, with its
fingerprint) and both bounds.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...foundation.errors import CarouselError, shown_path
from ...foundation.files import read_whole, unreadable, write_whole
from ...population import any_population

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ...population import AnyPopulation

FORMAT = 1
_MOST_BYTES = 1 << 30
_HEADER = "header"
_KEYS = {"format", "population", "fingerprint", "lower", "upper"}
_DIGEST = 32
_KINDS = "iuf"
"""Kinds of numbers that arrays may hold."""


@dataclass(frozen=True, eq=False)
class Certificate:
    """Bounds on what routers can earn, and what proves them.

    Attributes:
        population: whose optimum is enclosed.
        lower, upper: engagement per session.
        arrays: the proof, by name, as `checker` reads it.
    """

    population: AnyPopulation
    lower: float
    upper: float
    arrays: Mapping[str, NDArray[Any]]

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            CarouselError: it cannot be written.
        """
        header = {
            "format": FORMAT,
            "population": self.population.model_dump(mode="json"),
            "fingerprint": self.population.fingerprint,
            "lower": self.lower,
            "upper": self.upper,
        }
        text = json.dumps(header, allow_nan=False).encode()
        whole = io.BytesIO()
        named: dict[str, Any] = {**self.arrays, _HEADER: np.frombuffer(text, dtype=np.uint8)}
        np.savez_compressed(whole, **named)
        content = whole.getvalue()
        write_whole(path, hashlib.sha256(content).digest() + content)

    @classmethod
    def load(cls, path: Path) -> Certificate:
        """Read a file; what it claims is not checked yet.

        Raises:
            CarouselError: it cannot be read, is no certificate, or was damaged.
        """
        try:
            content = read_whole(path, _MOST_BYTES)
        except OSError as error:
            raise unreadable(path, error) from None
        try:
            return cls._read(content)
        except CarouselError as error:
            raise CarouselError(f"{shown_path(path)} is no certificate: {error}") from None

    @classmethod
    def _read(cls, content: bytes) -> Certificate:
        digest, content = content[:_DIGEST], content[_DIGEST:]
        if hashlib.sha256(content).digest() != digest:
            raise CarouselError("it was damaged or edited, or is something else")
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            header = json.loads(bytes(arrays.pop(_HEADER)))
        except (ValueError, KeyError, OSError, EOFError, RecursionError, zipfile.BadZipFile):
            raise CarouselError("its content is something else") from None
        if not isinstance(header, dict) or header.keys() != _KEYS:
            raise CarouselError("its header is another one")
        if header["format"] != FORMAT:
            raise CarouselError(f"its format is {header['format']!r}; {FORMAT} is known")
        if any(array.dtype.kind not in _KINDS for array in arrays.values()):
            raise CarouselError("it holds other things than numbers")
        if not isinstance(header["population"], dict):
            raise CarouselError("it names no population")
        population = any_population(header["population"])
        if population.fingerprint != header["fingerprint"]:
            raise CarouselError("its population does not match its fingerprint")
        lower, upper = header["lower"], header["upper"]
        if not all(type(one) is float and np.isfinite(one) for one in (lower, upper)):
            raise CarouselError("its bounds are no numbers")
        return cls(population, lower, upper, arrays)
