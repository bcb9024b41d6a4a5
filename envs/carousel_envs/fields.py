"""What every frozen, validated description shares: one-sentence errors, JSON, changed copies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import CarouselError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

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
    """For a field that takes several forms: what to say where it has none of them."""

    tables: ClassVar[tuple[str, ...]] = ()
    """Fields that may be tables, where the entry that is wrong tells more than the whole."""

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise CarouselError(_sentence(error, fields, type(self))) from None

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

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
        """Canonical JSON: sorted keys, no spaces; what is equal gives equal text."""
        fields = _without_negative_zeros(self.model_dump(mode="json"))
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    def replace(self, /, **changes: Any) -> Self:
        """A copy with some fields changed, validated again.

        Raises:
            CarouselError: a field is unknown or its value is not allowed.
        """
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**fields, **changes})

    @classmethod
    def described(cls) -> Iterable[tuple[str, str]]:
        """(name, meaning with unit and range) of every field, in order."""
        for name, field in cls.model_fields.items():
            yield name, field.description or ""


def holds_text_or_bool(value: Any) -> bool:
    """Whether text or truth values stand where numbers belong: pydantic would read them as such."""
    if isinstance(value, (list, tuple)):
        return any(holds_text_or_bool(item) for item in value)
    return isinstance(value, (str, bool, np.bool_))


def _without_negative_zeros(value: Any) -> Any:
    """Plain data in which -0.0 is 0.0, so that what is equal gives equal text."""
    if isinstance(value, dict):
        return {key: _without_negative_zeros(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_negative_zeros(item) for item in value]
    return value + 0.0 if isinstance(value, float) else value


def _sentence(error: ValidationError, fields: Mapping[str, Any], model: type[Fields]) -> str:
    """The first problem of a pydantic error as one sentence: field, value, what is allowed."""
    # a union reports every branch, and a tuple that lost its items also that it is too short: the
    # problem itself stands highest among the others
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
        return str(first["ctx"]["error"]) if "error" in first.get("ctx", {}) else first["msg"]
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return (
            f"{name} is not a field of {model.__name__}; fields are {', '.join(model.model_fields)}"
        )
    if first["type"] == "missing":
        return f"{name} is missing; it is {model.model_fields[name].description}"
    where = "".join(f"[{part}]" for part in first["loc"][1:] if isinstance(part, int))
    reason = first["msg"].removeprefix("Value error, ")
    if first["type"] != "value_error" and name in model.forms:
        reason = model.forms[name]
        first = {**first, "input": fields.get(name)}
        where = ""
    given = shown(first["input"])
    return (
        f"{name}{where} is {given} ({reason[0].lower()}{reason[1:]}); "
        f"allowed: {model.model_fields[name].description}"
    )
