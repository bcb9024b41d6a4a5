"""A learned router: inference without torch, from a policy file."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import finite_rows, shown

from .inference import LstmStep, dense, scaled
from .policy_file import PolicyFile
from .view import refuse_other_columns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation


def _relu(x: NDArray[np.float32], out: NDArray[np.float32]) -> None:
    np.maximum(x, np.float32(0.0), out=out)


_ACTIVATIONS: Mapping[str, Any] = {"tanh": np.tanh, "relu": _relu}


class Memory(NamedTuple):
    """What a recurrent router remembers; never changed in place.

    Attributes:
        h: hidden values, float32, shape (layers, N, H).
        c: cells, the same.
    """

    h: NDArray[np.float32]
    c: NDArray[np.float32]


@dataclass(frozen=True)
class LearnedRouter:
    """Picks the persona with the largest logit or action value.

    Attributes:
        file: the network and where it comes from.
        name: how it is called in tables; default: its algorithm.
        masks: whether it never picks whom it sees missing, even if training did not teach it to:
            as a policy would be deployed where picks can be refused.
    """

    file: PolicyFile
    name: str = ""
    masks: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.file.algorithm)

    @property
    def description(self) -> str:
        """One sentence."""
        steps = self.file.training.get("steps")
        trained = f", {steps} steps" if isinstance(steps, int) else ""
        return f"learned by {self.file.algorithm} in {self.file.environment}{trained}"

    @property
    def trained_on(self) -> str:
        """Fingerprint of the training users."""
        return self.file.population.fingerprint

    def view(self, env: Any) -> Any:
        """The environment, scalar or vector, as the network sees it.

        Raises:
            CarouselError: it cannot be shown so.
        """
        return self.file.view.wrap(env)

    def initial_state(self, lanes: int, seed: int) -> Memory | None:
        """Zeros, or nothing where the network reads the current observation alone."""
        lstm = self.file.network.lstm
        if not lstm:
            return None
        shape = (len(lstm), lanes, lstm[0].hidden)
        return Memory(np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.float32))

    def act(
        self, observation: NDArray[np.float32], state: Memory | None
    ) -> tuple[NDArray[np.int64], Memory | None]:
        """Personas, shape (N,), the first of equals, and the next state."""
        outputs, after = self.outputs(observation, state)
        return outputs.argmax(axis=1), after

    def outputs(
        self, observation: NDArray[np.float32], state: Memory | None = None
    ) -> tuple[NDArray[np.float32], Memory | None]:
        """What the network says of each persona: logits or action values, by `file.network.head`.

        Args:
            observation: float32, shape (N, D).
            state: as `initial_state` or the last call returned it; None stands for zeros. Rows in
                which a session begins start from zeros whatever it holds.

        Returns:
            float32, shape (N, K), minus infinity where a persona is unavailable and the network
            is masked or the router masks; and the next state.

        Raises:
            CarouselError: shapes that do not fit the network, or what is no finite number.
        """
        width = len(self.file.columns)
        observation = np.ascontiguousarray(
            finite_rows("observation", observation), dtype=np.float32
        )
        if observation.shape[1] != width:
            raise CarouselError(
                f"observation has shape {observation.shape}; router {self.name!r} reads "
                f"(N, {width})"
            )
        x = self._scaled(observation)
        x, after = self._remembered(x, observation, state)
        activation, last = _ACTIVATIONS[self.file.network.activation], len(self._layers) - 1
        for i, (weight, bias) in enumerate(self._layers):
            x = dense(x, weight, bias)
            if i < last:
                activation(x, out=x)
        return self._masked(x, observation), after

    def log_probabilities(
        self, observation: NDArray[np.float32], state: Memory | None = None
    ) -> tuple[NDArray[np.float32], Memory | None]:
        """Log-probability with which training picked each persona, float32, shape (N, K), and the
        next state; arguments as for `outputs`.

        Raises:
            CarouselError: the network gives action values, or shapes do not fit.
        """
        if self.file.network.head != "logits":
            raise CarouselError(
                f"router {self.name!r} gives action values, which are no log-probabilities"
            )
        logits, after = self.outputs(observation, state)
        logits -= logits.max(axis=1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), after

    def shuffled(self, seed: int) -> LearnedRouter:
        """The same network with the entries of each of its arrays in random order: what training
        put into it is lost, the distribution of its weights is not."""
        rng, network = np.random.default_rng(seed), self.file.network

        def mixed(array: NDArray[np.float32]) -> NDArray[np.float32]:
            return rng.permutation(array.ravel()).reshape(array.shape)

        layers = tuple((mixed(weight), mixed(bias)) for weight, bias in network.layers)
        lstm = tuple(
            replace(layer, **{f.name: mixed(getattr(layer, f.name)) for f in fields(layer)})
            for layer in network.lstm
        )
        file = replace(self.file, network=replace(network, layers=layers, lstm=lstm))
        return replace(self, file=file)

    def check_fits(self, population: AnyPopulation) -> None:
        """Refuse a population whose columns differ from those that the network reads, by place; the
        personas in the slots may be others.

        Raises:
            CarouselError: the columns differ, or the view does not fit this population.
        """
        refuse_other_columns(self.name, self.file.view, self.file.population, population)

    # -- the network, as its arithmetic wants it ------------------------------------------------

    @cached_property
    def _layers(self) -> tuple[tuple[NDArray[np.float32], NDArray[np.float32]], ...]:
        # (in, out) and contiguous
        return tuple((np.ascontiguousarray(w.T), bias) for w, bias in self.file.network.layers)

    @cached_property
    def _lstm(self) -> tuple[LstmStep, ...]:
        return tuple(LstmStep(layer) for layer in self.file.network.lstm)

    @cached_property
    def _is_count(self) -> NDArray[np.bool_]:
        flags = np.zeros(len(self.file.columns), dtype=np.bool_)
        flags[list(self.file.scaling.counts)] = True
        return flags

    def _scaled(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        scaling = self.file.scaling
        clip = np.float32(np.inf if self.file.clip is None else self.file.clip)
        x: NDArray[np.float32] = scaled(
            observation, self._is_count, scaling.centre, scaling.scale, clip
        )
        return x

    def _remembered(
        self,
        x: NDArray[np.float32],
        observation: NDArray[np.float32],
        state: Memory | None,
    ) -> tuple[NDArray[np.float32], Memory | None]:
        if not self._lstm:
            return x, None
        lanes, hidden = len(x), self.file.network.lstm[0].hidden
        before = self.initial_state(lanes, 0) if state is None else state
        shape = (len(self._lstm), lanes, hidden)
        if not isinstance(before, Memory) or before.h.shape != shape or before.c.shape != shape:
            raise CarouselError(
                f"state is {shown(state)}; router {self.name!r} needs h and c of shape {shape}"
            )
        keep = observation[:, self.file.begins] != 0.0
        after = []
        for i, step in enumerate(self._lstm):
            x, cells = step(x, before.h[i], before.c[i], keep)
            after.append((x, cells))
        if len(after) == 1:
            # nothing writes to these arrays again
            return x, Memory(x[None], cells[None])
        h, c = (np.stack(parts) for parts in zip(*after, strict=True))
        return x, Memory(h, c)

    def _masked(
        self, outputs: NDArray[np.float32], observation: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        masks = self.masks or self.file.network.masked
        available = self.file.available if masks else ()
        if not available:
            return outputs
        may = observation[:, list(available)] > 0.5
        # where no persona is available, every pick is refused: any number will do
        may |= ~may.any(axis=1, keepdims=True)
        return np.where(may, outputs, np.float32(-np.inf))


def load_router(path: Path, target: AnyPopulation) -> LearnedRouter:
    """The router in a policy file, if it can read what these users show.

    Raises:
        CarouselError: a damaged file, or a network that reads other columns.
    """
    router = LearnedRouter(PolicyFile.load(path), name=path.name)
    router.check_fits(target)
    return router


def load(path: Path | str) -> LearnedRouter:
    """The router in a policy file; reading it runs no code.

    Raises:
        CarouselError: no such file, or a damaged one.
    """
    place = Path(path)
    return LearnedRouter(PolicyFile.load(place), name=place.name)
