"""The environments of a population of users: the vector one (`vector.py`), and one lane of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium.vector import AutoresetMode

from ..compiled import codes
from ..foundation.errors import CarouselError, shown
from ..lanes.scalar import SMALL, LaneEnv
from .placing import PLACED
from .population import Population
from .vector import CarouselVectorEnv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..lanes.base import Info
    from .vector import Reward

__all__ = ["CarouselEnv", "CarouselVectorEnv"]


class CarouselEnv(LaneEnv):
    """One session at a time: the vector environment at one lane.

    Observations are float32 of shape (D,). `info` holds the vector environment's keys: numbers as
    NumPy's scalars of the same types, flags as Python's bool, `action_mask` as an int8 array of
    shape (K,).

    Args:
        population, reward, render_mode: as in `CarouselVectorEnv`.
        info_arrays: whether every value of an info is an array (a number or flag one of shape ()),
            for libraries that read the dtype of every value, such as TorchRL; steps take longer.

    Raises:
        CarouselError: an argument is not allowed.
    """

    population: Population
    _one: CarouselVectorEnv
    preset: ClassVar[str | None] = None
    """The preset whose id belongs to this class; None: no id, and the default is Boredom."""

    def __init__(
        self,
        *,
        population: Population | Mapping[str, Any] | str | None = None,
        reward: Reward = "sampled",
        render_mode: str | None = None,
        info_arrays: bool = False,
    ) -> None:
        given = self.preset or "Boredom" if population is None else population
        one = CarouselVectorEnv(
            1,
            population=Population.read(given, of=self.preset),
            reward=reward,
            autoreset_mode=AutoresetMode.DISABLED,
            render_mode=render_mode,
        )
        super().__init__(one, info_arrays=info_arrays)
        self._keeps_welfare = self.population.has_welfare
        payoffs = np.float32(self.population.unmask_payoff) * np.arange(2, dtype=np.float32)
        self._payoffs = tuple(payoffs) if self.population.unmask else None

    def place(self, **state: Any) -> tuple[NDArray[np.float32], Info]:
        """Put the session into a stated state; see `CarouselVectorEnv.place`. Values are of one
        session: integers, and of satiation and cues sequences of shapes (K,) and (J,).

        Raises:
            CarouselError: a value is not allowed, or values contradict each other (nothing has
                changed).
            gymnasium.error.ResetNeeded: before the first reset.
        """
        unknown = sorted(state.keys() - set(PLACED))
        if unknown:
            raise CarouselError(
                f"{shown(unknown[0])} cannot be stated of a session; known: {', '.join(PLACED)}"
            )
        self._one.place(**state)
        self._user = self._one._user[0]
        _, detail, events, observation, mask = self._rows
        detail[...], events[...] = 0, 0
        return observation.copy(), self._info(detail, events.tobytes(), mask)

    def _turn_info(self, detail: NDArray[np.float32], events: bytes) -> Info:
        info = {
            "engagement_mean": detail[0],
            "swapped": events[codes.SWAPPED] != 0,
            "refused": events[codes.REFUSED] != 0,
            "mood": SMALL[events[codes.MOOD]],
        }
        if self._keeps_welfare:
            info["welfare"] = detail[1]
            info["kept"] = events[codes.KEPT] != 0
        if self._payoffs is not None:
            info["unmasked"] = events[codes.UNMASKED] != 0
            info["payoff"] = self._payoffs[events[codes.UNMASKED]]
        return info
