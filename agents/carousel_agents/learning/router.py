"""A learned router: inference in NumPy alone, from a policy file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numba
import numpy as np

from carousel_envs import CarouselError
from carousel_envs.registry import columns_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation

    from .policy_file import PolicyFile


@numba.njit(cache=True, nogil=True)
def _dense(x, weight, bias):  # type: ignore[no-untyped-def]
    """x @ weight + bias, row by row.

    BLAS starts threads even for products as small as these, and on a busy machine waits for them
    ten times as long as the product takes. This also makes a row's result independent of its batch.
    """
    out = np.empty((x.shape[0], weight.shape[1]), dtype=np.float32)
    for i in range(x.shape[0]):
        out[i] = bias
        for j in range(x.shape[1]):
            for k in range(weight.shape[1]):
                out[i, k] += x[i, j] * weight[j, k]
    return out


@dataclass(frozen=True)
class LearnedRouter:
    """Picks the persona with the largest logit.

    Attributes:
        file: the network and where it comes from.
        name: how it is called in tables.
    """

    file: PolicyFile
    name: str

    @cached_property
    def _layers(self) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]:
        # (in, out) and contiguous, as `_dense` reads them
        return tuple((np.ascontiguousarray(w.T), bias) for w, bias in self.file.layers)

    @property
    def description(self) -> str:
        """One sentence."""
        steps = self.file.training.get("steps")
        return f"learned by {self.file.algorithm} in {self.file.environment}, {steps} steps"

    def logits(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logit of each persona, float32, shape (N, D) to (N, K)."""
        counts = list(self.file.counts)
        x = np.array(observation, dtype=np.float32)
        x[:, counts] = np.log1p(np.maximum(x[:, counts], 0.0))
        x = (x - self.file.centre) / self.file.scale
        last = len(self._layers) - 1
        for i, (weight, bias) in enumerate(self._layers):
            x = _dense(x, weight, bias)
            if i < last:
                x = np.tanh(x) if self.file.activation == "tanh" else np.maximum(x, 0.0)
        return np.asarray(x)

    def initial_state(self, lanes: int, seed: int) -> None:
        """No state: the network reads the current observation alone."""
        return

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        return self.logits(observation).argmax(axis=1), None

    def check_fits(self, population: AnyPopulation) -> None:
        """Say so if users of this population show other columns than the network reads.

        Raises:
            CarouselError: they do.
        """
        shown = columns_of(population)
        if shown != self.file.columns:
            unknown = [name for name in shown if name not in self.file.columns]
            missing = [name for name in self.file.columns if name not in shown]
            differs = [f"it knows nothing of {', '.join(unknown)}"] if unknown else []
            differs += [f"it needs {', '.join(missing)}"] if missing else []
            raise CarouselError(
                f"router {self.name!r} was trained on other columns: "
                f"{' and '.join(differs) or 'they stand in another order'}"
            )
