"""`Fields`, the base of frozen, validated records: one-sentence errors, JSON, changed copies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from .errors import CarouselError, UsageError, did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

Finite = Annotated[float, Field(allow_inf_nan=False)]
Unit = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


class Fields(BaseModel):
    """A frozen set of validated fields, each with a description that says unit and range.

    Raises:
        CarouselError: a field is unknown or outside what is allowed (one sentence says which).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    forms: ClassVar[Mapping[str, str]] = {}
    """Message for a field that takes several forms, when a value has none of them."""

    tables: ClassVar[tuple[str, ...]] = ()
    """Fields that may be tables: messages about them quote the wrong entry, not the whole."""

    texts: ClassVar[tuple[str, ...]] = ()
    """Fields that hold text instead of numbers."""

    records: ClassVar[tuple[str, ...]] = ()
    """Fields that hold other records, which validate themselves."""

    words: ClassVar[Mapping[str, str]] = {}
    """The one word that a numeric field may hold instead of numbers."""

    unsaid: ClassVar[tuple[str, ...]] = ()
    """Fields that canonical JSON omits at their default, so that adding such a field changes
    neither the text nor the fingerprint of older populations."""

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        # pydantic would read True as 1, "0.1" as a tenth and a set in whatever order it has
        name = str(info.field_name)
        if cls.model_fields[name].annotation is bool:
            if not isinstance(value, bool):
                raise ValueError("must be a truth value")
            return value
        if name in cls.words and isinstance(value, str):
            if value != cls.words[name]:
                raise ValueError(f"the only text allowed is {cls.words[name]!r}")
            return cls.words[name]
        if name in cls.records:
            return value
        return _plain(value, text=name in cls.texts)

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise _refusal(error, fields, type(self)) from None

    def __setattr__(self, name: str, value: Any) -> None:
        raise CarouselError(
            f"{_label(name)} cannot be assigned, since {type(self).__name__} is frozen; replace "
            "makes a changed copy"
        )

    def __delattr__(self, name: str) -> None:
        raise CarouselError(
            f"{_label(name)} cannot be deleted, since {type(self).__name__} is frozen"
        )

    @classmethod
    def model_validate(cls, obj: Any, **_: Any) -> Self:
        """Return an instance unchanged, or make one from a mapping of fields.

        Raises:
            CarouselError: `obj` is neither, or the fields are not allowed.
        """
        return obj if isinstance(obj, cls) else cls(**_by_name(cls.__name__.lower(), obj))

    @classmethod
    def model_validate_json(cls, json_data: Any, **_: Any) -> Self:
        """Pydantic's name for `from_json`."""
        return cls.from_json(json_data)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Pydantic's name for `replace`: what changes is validated."""
        if update is None:
            return super().model_copy(deep=deep)
        return self.replace(**_by_name("update", update))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Make an instance from the text that `to_json` wrote.

        Raises:
            CarouselError: the text is not JSON, not an object, or its fields are not allowed.
        """
        noun = cls.__name__.lower()
        try:
            fields = json.loads(text)
        except (ValueError, TypeError, RecursionError) as error:
            raise CarouselError(f"{noun} is not valid JSON: {error}") from None
        if not isinstance(fields, dict):
            raise CarouselError(f"{noun} is {type(fields).__name__}; it must be a JSON object")
        return cls(**fields)

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces; equal instances give equal text."""
        fields = _without_negative_zeros(self.model_dump(mode="json"))
        fields = {
            name: value
            for name, value in fields.items()
            if name not in self.unsaid
            or getattr(self, name) != type(self).model_fields[name].default
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    def replace(self, /, **changes: Any) -> Self:
        """A copy with some fields changed, validated again.

        Raises:
            CarouselError: a field is unknown or its value is not allowed.
        """
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**fields, **changes})

    @classmethod
    def named(cls) -> Mapping[str, Self]:
        """Instances that have a name, by name; others print as changes of the nearest one."""
        return {}

    def __repr__(self) -> str:
        """Python that makes an equal instance: a named one with its changes, or the fields that
        differ from their defaults, whichever is shorter."""
        noun, fields = type(self).__name__, type(self).model_fields
        defaults = {name: field.default for name, field in fields.items()}
        shortest = f"{noun}({self._unlike(defaults)})"
        for name, one in type(self).named().items():
            changes = self._unlike({field: getattr(one, field) for field in fields})
            text = f"{noun}.preset({name!r})" + (f".replace({changes})" if changes else "")
            shortest = min(shortest, text, key=len)
        return shortest

    __str__ = __repr__

    def _unlike(self, fields: Mapping[str, Any]) -> str:
        """The fields that differ from these, as arguments of a call."""
        own = {name: getattr(self, name) for name in fields}
        return ", ".join(f"{name}={own[name]!r}" for name in fields if own[name] != fields[name])

    @classmethod
    def described(cls) -> Iterable[tuple[str, str]]:
        """(name, meaning with unit and range) of every field, in order."""
        for name, field in cls.model_fields.items():
            yield name, field.description or ""


_DEEPEST = 8
"""Deepest nesting of lists that is read; no field nests as deep."""


def _plain(value: Any, *, text: bool, depth: int = 0) -> Any:
    """Convert arrays within a value, so that it holds numbers or text, None, lists and tuples only.

    Raises:
        ValueError: it holds anything else; the message is a clause that says what.
    """
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufUO":
        # `tolist` leaves floats longer than Python's unconverted
        value = (value.astype(np.float64) if value.dtype.kind == "f" else value).tolist()
    if isinstance(value, (set, frozenset)):
        raise ValueError("must have an order, which a set has not")
    if isinstance(value, (list, tuple)):
        if depth == _DEEPEST:
            raise ValueError("must not hold lists in lists without end")
        items = [_plain(item, text=text, depth=depth + 1) for item in value]
        return items if isinstance(value, list) else tuple(items)
    if isinstance(value, bool):
        raise ValueError(f"must hold {'text' if text else 'numbers, not text or truth values'}")
    if isinstance(value, (str, bytes, bytearray, memoryview)) and not text:
        raise ValueError("must hold numbers, not text or truth values")
    if value is None or isinstance(value, (int, float, str)):
        return value
    what = "text" if text else "numbers"
    raise ValueError(f"must be made of {what}, in lists, tuples or arrays")


def _by_name(name: str, fields: Any) -> Mapping[str, Any]:
    if not isinstance(fields, Mapping) or not all(isinstance(key, str) for key in fields):
        raise CarouselError(f"{name} is {shown(fields)}; it must map names of fields to values")
    return fields


def _label(name: str) -> str:
    """A name from the caller, for a message."""
    return name if name.isidentifier() and len(name) <= 40 else shown(name)


def _without_negative_zeros(value: Any) -> Any:
    """Plain data with 0.0 for -0.0, so that equal values give equal text."""
    if isinstance(value, dict):
        return {key: _without_negative_zeros(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_negative_zeros(item) for item in value]
    return value + 0.0 if isinstance(value, float) else value


def _refusal(
    error: ValidationError, fields: Mapping[str, Any], model: type[Fields]
) -> CarouselError:
    """The first problem of a pydantic error as one sentence: field, value, what is allowed."""
    # a union reports every branch, and a tuple with invalid items also that it is too short: the
    # actual problem has the shortest path
    secondary = ("literal_error", "too_short")
    tables = {
        name for name in model.tables if isinstance(fields.get(name), (list, tuple, np.ndarray))
    }

    def order(problem: Any) -> tuple[bool, int]:
        place = problem["loc"]
        deep = bool(place) and place[0] in tables
        return problem["type"] in secondary, -len(place) if deep else len(place)

    first = min(error.errors(), key=order)
    if not first["loc"]:
        found = first["ctx"]["error"] if "error" in first.get("ctx", {}) else first["msg"]
        return CarouselError(str(found))
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return UsageError(
            f"{_label(name)} is not a field of {model.__name__}"
            f"{did_you_mean(name, model.model_fields)}; fields are {', '.join(model.model_fields)}"
        )
    meaning = model.model_fields[name].description
    if first["type"] == "missing":
        return CarouselError(f"{name} is missing" + (f"; it is {meaning}" if meaning else ""))
    where = "".join(f"[{part}]" for part in first["loc"][1:] if isinstance(part, int))
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] != "value_error" and name in model.forms:
        reason = model.forms[name]
        first = {**first, "input": fields.get(name)}
        where = ""
    given = shown(first["input"])
    allowed = f"; allowed: {meaning}" if meaning else ""
    return CarouselError(f"{name}{where} is {given} ({reason[0].lower()}{reason[1:]}){allowed}")
