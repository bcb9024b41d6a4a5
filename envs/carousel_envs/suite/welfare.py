"""`Carousel/Welfare-v0`."""

from __future__ import annotations

from ..carousel import CarouselEnv, CarouselVectorEnv


class WelfareEnv(CarouselEnv):
    """Welfare."""

    preset = "Welfare"


class WelfareVectorEnv(CarouselVectorEnv):
    """`WelfareEnv`, many sessions at once; `CarouselVectorEnv` has the arguments."""

    preset = "Welfare"
