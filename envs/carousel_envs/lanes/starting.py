"""Seeds and starts of sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled import rng
from ..foundation.errors import CarouselError
from .base import LaneBase
from .options import read_options, read_seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray


class StartingLanes(LaneBase):
    """Lanes whose sessions can be started."""

    def _start(self, seed: Any, options: dict[str, Any] | None) -> NDArray[np.bool_]:
        """Start sessions; returns in which lanes. See `reset`."""
        self._refuse_if_closed()
        which, users = read_options(
            options, self.num_envs, self._n_users, self.autoreset_mode, alone=self._alone
        )
        if not (self._started or which.all()):
            raise CarouselError("reset_mask leaves out lanes, but the first reset must start all")
        self._seed(read_seeds(seed, self.num_envs), which)
        self._started = True
        self._begin(which, users)
        self._waiting = options is not None and "reset_mask" in options
        if self._recorder:
            self._recorder.start(which)
        return which

    def _seed(self, seeds: int | list[int | None] | None, which: NDArray[np.bool_]) -> None:
        """Set the marked lanes to the first episode of a new seed or, without one, to the next."""
        lanes, first = self._lanes, not self._started
        if seeds is None and not first:
            lanes["episode"][which] += 1
            return
        if isinstance(seeds, list):
            super().reset(seed=next((seed for seed in seeds if seed is not None), None))
            new = which & np.array([seed is not None or first for seed in seeds])
            drawn = self.np_random.integers(2**63, size=self.num_envs).tolist()
            each = [d if seed is None else seed for seed, d in zip(seeds, drawn, strict=True)]
            keys = np.concatenate([rng.lane_keys(seed, 1) for seed in each])
        else:
            super().reset(seed=seeds)
            new = which
            start = int(self.np_random.integers(2**63)) if seeds is None else seeds
            keys = rng.lane_keys(start, self.num_envs)
        lanes["lane_key"][new] = keys[new]
        lanes["episode"][which] += 1
        lanes["episode"][new] = 0
