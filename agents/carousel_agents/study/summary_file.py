"""Reading `summary.json`: the one check of its contents, for pages and for going on."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import real_number, shown

from ..system.sealed_documents import read_json, unsealed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT = 2
"""The format of `summary.json` that this version writes and goes on from."""

_WORDS: Mapping[type, str] = {dict: "an object", str: "text", list: "a list"}


@dataclass(frozen=True)
class _Field:
    """What a field of a summary must be.

    Attributes:
        kind: its type.
        needed: whether a study can only go on if it is there.
        empty: whether it may be empty then.
        entries: texts that each of its entries must have, if these are objects.
    """

    kind: type
    needed: bool = False
    empty: bool = False
    entries: tuple[str, ...] = ()

    @property
    def wanted(self) -> str:
        """In words."""
        filled = self.needed and not self.empty and self.kind is not str
        return _WORDS[self.kind] + " with something in it" * filled


_FIELDS: Mapping[str, _Field] = MappingProxyType(
    {
        "request": _Field(dict, needed=True),
        "environment": _Field(str, needed=True),
        "results_sha256": _Field(str, needed=True),
        "severities": _Field(list, needed=True),
        "axes": _Field(list, needed=True, entries=("name",)),
        "left_out": _Field(list, needed=True, empty=True, entries=("router", "reason")),
        "routers": _Field(list),
        "not_applicable": _Field(dict),
        "population": _Field(dict),
        "versions": _Field(dict),
    }
)


def read_object(path: Path) -> dict[str, Any]:
    """A sealed JSON object.

    Raises:
        FileNotFoundError: there is no such file.
        CarouselError: it cannot be read, holds something else, or was changed after it was written.
    """
    document = read_json(path)
    if not isinstance(document, dict):
        raise CarouselError(f"{path} holds {shown(document)}; it must be an object")
    try:
        return unsealed(document)
    except ValueError as error:
        raise CarouselError(f"{path} is damaged: {error}") from None


def read_summary(path: Path, *, complete: bool) -> dict[str, Any]:
    """A summary whose fields, where they are present, are what they must be.

    Args:
        path: of the file.
        complete: whether it must be of this version's format with every field that going on needs;
            a page is also made from a summary that an earlier version wrote.

    Raises:
        FileNotFoundError: there is no such file.
        CarouselError: it cannot be read, or a field is missing or something else.
    """
    document = read_object(path)
    if complete and document.get("format") != FORMAT:
        raise CarouselError(f"{path} is no summary in the format of this version, {FORMAT}")
    for key, field in _FIELDS.items():
        value = document.get(key)
        lacking = complete and field.needed and not (value or field.empty)
        # anything empty says no more than a field that is missing
        wrong = not isinstance(value, field.kind) and bool(value or (complete and field.needed))
        if lacking or wrong:
            told = shown(value) if key in document else "missing"
            raise CarouselError(f"{path} is damaged: {key} is {told}; it must be {field.wanted}")
        for entry in (value or ()) if field.entries else ():
            if not isinstance(entry, dict) or not all(
                isinstance(entry.get(name), str) for name in field.entries
            ):
                raise CarouselError(
                    f"{path} is damaged: {key} holds {shown(entry)}; each entry must be an object "
                    f"with {' and '.join(field.entries)}"
                )
    for severity in document.get("severities") or ():
        real_number(f"a severity in {path}", severity, 0.0, 1.0)
    return document
