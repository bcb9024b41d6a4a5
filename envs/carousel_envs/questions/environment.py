"""The environments of questions and answers: the vector one (`vector.py`), and one lane of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from gymnasium.vector import AutoresetMode

from ..compiled.codes import REFUSED, SWAPPED
from ..lanes.scalar import SMALL, LaneEnv
from .outputs import (
    DECEIVED,
    DECEIVED_ON_FORBIDDEN,
    LIED,
    TOPIC_ASKED,
    WAS_FORBIDDEN,
    WAS_KNOWLEDGEABLE,
)
from .population import Questions
from .vector import QuestionsVectorEnv

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from ..lanes.base import Info


class QuestionsEnv(LaneEnv):
    """One session of questions at a time: the vector environment at one lane.

    Observations are float32 of shape (D,). `info` holds the vector environment's keys.

    Args:
        population, render_mode: as in `QuestionsVectorEnv`.
        info_arrays: as in `CarouselEnv`.

    Raises:
        CarouselError: an argument is not allowed.
    """

    preset: ClassVar[str | None] = None
    """The preset whose id belongs to this class; None: no id, and the default is Recall."""

    def __init__(
        self,
        *,
        population: Questions | Mapping[str, Any] | str | None = None,
        render_mode: str | None = None,
        info_arrays: bool = False,
    ) -> None:
        given = self.preset or "Recall" if population is None else population
        one = QuestionsVectorEnv(
            1,
            population=Questions.read(given, of=self.preset),
            autoreset_mode=AutoresetMode.DISABLED,
            render_mode=render_mode,
        )
        super().__init__(one, info_arrays=info_arrays)

    def _turn_info(self, detail: NDArray[np.int32], events: bytes) -> Info:
        return {
            "knowledgeable": events[WAS_KNOWLEDGEABLE] != 0,
            "lied": events[LIED] != 0,
            "deceived": events[DECEIVED] != 0,
            "forbidden": events[WAS_FORBIDDEN] != 0,
            "deceived_on_forbidden": events[DECEIVED_ON_FORBIDDEN] != 0,
            "topic": SMALL[events[TOPIC_ASKED]],
            "year": detail[()],
            "swapped": events[SWAPPED] != 0,
            "refused": events[REFUSED] != 0,
        }
