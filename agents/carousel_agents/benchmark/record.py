"""The fields that a record of a run must have, checked when it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    NonNegativeInt,
    PositiveInt,
    ValidationError,
)

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown

from ..learning.curve import CurvePoint  # noqa: TC001 (pydantic reads it)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_Seconds = Annotated[FiniteFloat, Field(gt=0.0)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _View(_Part):
    model_config = ConfigDict(strict=True, extra="forbid")

    history: PositiveInt
    visible_context: bool


class _Sessions(_Part):
    users: PositiveInt
    seed: NonNegativeInt


class _Budget(_Part):
    steps: PositiveInt


class _Levels(_Part):
    model_config = ConfigDict(strict=True, extra="forbid")

    shifts: list[str] = Field(min_length=1)
    curriculum: str
    populations: list[str]


class _Request(_Part):
    environment: str
    population: str
    algorithm: str
    seed: NonNegativeInt
    view: _View
    curve: NonNegativeInt
    settings: _Budget
    evaluation: _Sessions
    changes: list[str] = []
    shifts: list[str] = []
    label: str = ""
    users_label: str = ""
    levels: _Levels | None = None


class _Training(_Part):
    steps: PositiveInt
    seconds: _Seconds
    curve: list[CurvePoint]


class _Evaluation(_Part):
    engagement: FiniteFloat
    swaps: FiniteFloat


class _Begun(_Part):
    status: Literal["started", "failed", "done"]
    request: _Request
    versions: dict[str, str]
    command: str


class _Done(_Begun):
    training: _Training
    evaluation: _Evaluation
    policy_sha256: str
    machine: dict[str, Any]
    remembers: bool | None = None


def refuse_damaged(path: Path, record: Mapping[str, Any]) -> None:
    """Refuse a record that lacks a field that its status promises, or holds a wrong value there.

    Raises:
        CarouselError: the sentence names the file and the field.
    """
    kind = _Done if record.get("status") == "done" else _Begun
    try:
        kind.model_validate(record)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        told = "is missing" if first["type"] == "missing" else f"is {shown(first['input'])}"
        raise CarouselError(
            f"{path} is damaged: {where} {told} ({first['msg']}); remove its folder to run it anew"
        ) from None
