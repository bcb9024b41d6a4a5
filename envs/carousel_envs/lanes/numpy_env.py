"""Environments in plain NumPy: everything that a file adding one has to import."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from gymnasium.vector import AutoresetMode

from ..compiled import codes
from ..foundation.errors import CarouselError, takes
from ..spec import ModelSpec
from .numpy_turn import NumpyTurn
from .numpy_vector import NumpyVectorEnv
from .scalar import LaneEnv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..population import BasePopulation
    from .base import Info

__all__ = ["NumpyEnv", "NumpyTurn", "NumpyVectorEnv"]


_METHODS = {
    "make_state": ("lanes",),
    "begin": ("which", "users"),
    "turn": ("turn",),
    "observe": (),
}
"""Methods of a `NumpyVectorEnv` that a subclass defines, and their arguments."""


class NumpyEnv(LaneEnv):
    """One session at a time of a `NumpyVectorEnv`, which a subclass names.

    Args:
        population: as in the vector environment.
        render_mode: None; there are no pictures.
        info_arrays: as in `CarouselEnv`.

    Raises:
        CarouselError: an argument is not allowed.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}  # type: ignore[misc]
    vector: ClassVar[type[NumpyVectorEnv]]
    """Class of the vector environment."""

    def __init__(
        self,
        *,
        population: BasePopulation | Mapping[str, Any] | str | None = None,
        render_mode: str | None = None,
        info_arrays: bool = False,
    ) -> None:
        one = self.vector(
            1,
            population=population,
            render_mode=render_mode,
            autoreset_mode=AutoresetMode.DISABLED,
        )
        super().__init__(one, info_arrays=info_arrays)

    @classmethod
    def model(cls, **more: Any) -> ModelSpec:
        """The record of this environment's model.

        Args:
            more: further fields, such as `shifts`, `best_known` or `solve`.

        Raises:
            CarouselError: the vector environment lacks a method, or one takes other arguments.
        """
        kind = cls.vector.__name__
        missing = sorted(cls.vector.__abstractmethods__)
        if missing:
            raise CarouselError(f"{kind} has no method {missing[0]!r}; it must define it")
        for method, arguments in _METHODS.items():
            takes(f"{method} of {kind}", getattr(cls.vector, method), "self", *arguments)
        return ModelSpec(
            population_type=cls.vector.population_type,
            vector=cls.vector,
            scalar=cls,
            columns=cls.vector.names_of_columns,
            **more,
        )

    def _turn_info(self, detail: NDArray[Any], events: bytes) -> Info:
        info: Info = {"swapped": events[codes.SWAPPED] != 0, "refused": False}
        for i, (name, kind) in enumerate(cast("NumpyVectorEnv", self._one).info_keys.items()):
            value: Any = np.asarray(detail[i]).astype(kind)[()]
            info[name] = bool(value) if np.dtype(kind) == np.bool_ else value
        return info
