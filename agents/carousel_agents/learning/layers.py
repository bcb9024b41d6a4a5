"""The network of a policy as plain arrays, and what fits together in it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import one_of, truth_value, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    Dense = tuple[NDArray[np.float32], NDArray[np.float32]]

ACTIVATIONS = ("tanh", "relu")
HEADS = ("logits", "values")
MAX_LAYERS = 64
MAX_LSTM = 8
_GATES = 4


@dataclass(frozen=True, eq=False)
class Lstm:
    """One layer of long short-term memory, laid out as in `torch.nn.LSTM`.

    Attributes:
        weight_ih: float32, shape (4H, in); input, forget, cell and output gate below one another.
        weight_hh: float32, shape (4H, H).
        bias_ih, bias_hh: float32, shape (4H,).
    """

    weight_ih: NDArray[np.float32]
    weight_hh: NDArray[np.float32]
    bias_ih: NDArray[np.float32]
    bias_hh: NDArray[np.float32]

    PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")

    @property
    def hidden(self) -> int:
        """H."""
        return int(self.weight_hh.shape[1])


@dataclass(frozen=True, eq=False)
class Network:
    """What maps scaled columns to one number per persona.

    Layers of memory, if any, come first, then dense layers with an activation between them.

    Attributes:
        activation: "tanh" or "relu".
        layers: (weight, bias) pairs, float32, shapes (out, in) and (out,); the last gives one
            number per persona, without an activation.
        lstm: layers of memory, all of one width.
        head: what these numbers are: "logits" of a distribution, or action "values".
        masked: whether personas that are unavailable cannot be picked.

    Raises:
        CarouselError: shapes that do not fit, an unknown name, or a number that is not finite.
    """

    activation: str
    layers: tuple[Dense, ...]
    lstm: tuple[Lstm, ...] = ()
    head: str = "logits"
    masked: bool = False

    def __post_init__(self) -> None:
        one_of("its activation", self.activation, ACTIVATIONS)
        one_of("its head", self.head, HEADS)
        truth_value("masked", self.masked)
        whole_number("its number of layers", len(self.layers), 1, MAX_LAYERS)
        whole_number("its number of LSTM layers", len(self.lstm), 0, MAX_LSTM)
        width: int | None = None
        for i, layer in enumerate(self.lstm):
            width = _width_after_lstm(i, layer, width, self.lstm[0].weight_hh.shape[-1])
        for i, (weight, bias) in enumerate(self.layers):
            _refuse_form(f"layer{i}.weight", weight, (None, width))
            _refuse_form(f"layer{i}.bias", bias, (weight.shape[0],))
            width = len(bias)
        for name, array in self.tensors():
            if array.dtype != np.float32:
                raise CarouselError(f"{name} is {array.dtype}; it must be float32")
            if not np.isfinite(array).all():
                raise CarouselError(f"its weights are not all finite: {name} is not")

    @property
    def inputs(self) -> int:
        """Number of columns that it reads, D."""
        first = self.lstm[0].weight_ih if self.lstm else self.layers[0][0]
        return int(first.shape[1])

    @property
    def outputs(self) -> int:
        """Number of personas, K."""
        return len(self.layers[-1][1])

    @property
    def parameters(self) -> int:
        """Number of weights and biases."""
        return sum(array.size for _, array in self.tensors())

    def tensors(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Every array under the name it has in a file: `layer0.weight`, `lstm0.bias_hh`, ..."""
        lstm = (
            (f"lstm{i}.{part}", getattr(layer, part))
            for i, layer in enumerate(self.lstm)
            for part in Lstm.PARTS
        )
        dense = (
            (f"layer{i}.{part}", array)
            for i, pair in enumerate(self.layers)
            for part, array in zip(("weight", "bias"), pair, strict=True)
        )
        return chain(lstm, dense)

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, NDArray[np.float32]], *, layers: Any, lstm: Any, **rest: Any
    ) -> Self:
        """A network of so many layers from arrays by name.

        Raises:
            CarouselError: an array is missing, or they do not fit together.
        """
        n_layers = whole_number("its number of layers", layers, 1, MAX_LAYERS)
        n_lstm = whole_number("its number of LSTM layers", lstm, 0, MAX_LSTM)

        def take(name: str) -> NDArray[np.float32]:
            if name not in tensors:
                raise CarouselError(f"{name!r} is missing")
            return tensors[name]

        return cls(
            layers=tuple(
                (take(f"layer{i}.weight"), take(f"layer{i}.bias")) for i in range(n_layers)
            ),
            lstm=tuple(
                Lstm(**{part: take(f"lstm{i}.{part}") for part in Lstm.PARTS})
                for i in range(n_lstm)
            ),
            **rest,
        )


def _width_after_lstm(i: int, layer: Lstm, inputs: int | None, hidden: int) -> int:
    gates = _GATES * hidden
    _refuse_form(f"lstm{i}.weight_hh", layer.weight_hh, (gates, hidden))
    _refuse_form(f"lstm{i}.weight_ih", layer.weight_ih, (gates, inputs))
    _refuse_form(f"lstm{i}.bias_ih", layer.bias_ih, (gates,))
    _refuse_form(f"lstm{i}.bias_hh", layer.bias_hh, (gates,))
    return hidden


def _refuse_form(name: str, array: NDArray[Any], shape: tuple[int | None, ...]) -> None:
    """Raise unless the array has this shape, where None stands for any length but 0."""
    fits = len(array.shape) == len(shape) and all(
        given > 0 and wanted in (None, given)
        for given, wanted in zip(array.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if n is None else str(n) for n in shape)
        raise CarouselError(f"{name} has shape {array.shape}; what reaches it needs ({wanted})")
