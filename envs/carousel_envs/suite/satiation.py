"""`Carousel/Satiation-v0`."""

from __future__ import annotations

from ..carousel import CarouselEnv, CarouselVectorEnv


class SatiationEnv(CarouselEnv):
    """Satiation."""

    preset = "Satiation"


class SatiationVectorEnv(CarouselVectorEnv):
    """`SatiationEnv`, many sessions at once; `CarouselVectorEnv` has the arguments."""

    preset = "Satiation"
