"""`Carousel/Taste-v0`."""

from __future__ import annotations

from ..carousel import CarouselEnv, CarouselVectorEnv


class TasteEnv(CarouselEnv):
    """Taste."""

    preset = "Taste"


class TasteVectorEnv(CarouselVectorEnv):
    """`TasteEnv`, many sessions at once; `CarouselVectorEnv` has the arguments."""

    preset = "Taste"
