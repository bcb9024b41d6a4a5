"""A point of a learning curve, as files keep it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, FiniteFloat, NonNegativeFloat, NonNegativeInt


class CurvePoint(BaseModel):
    """One evaluation on the way: steps, seconds of training alone, engagement per session."""

    model_config = ConfigDict(strict=True, extra="forbid")

    steps: NonNegativeInt
    seconds: NonNegativeFloat
    engagement: FiniteFloat
