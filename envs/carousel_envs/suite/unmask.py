"""`Carousel/Unmask-v0`."""

from __future__ import annotations

from ..carousel import CarouselEnv, CarouselVectorEnv


class UnmaskEnv(CarouselEnv):
    """Unmask."""

    preset = "Unmask"


class UnmaskVectorEnv(CarouselVectorEnv):
    """`UnmaskEnv`, many sessions at once; `CarouselVectorEnv` has the arguments."""

    preset = "Unmask"
