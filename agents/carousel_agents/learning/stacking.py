"""Stacked observations as Stable-Baselines3 and Gymnasium show them, in our order of columns.

`VecFrameStack` and `FrameStackObservation` put the present observation last, `History` puts it
first. What stands for the turns before a session began differs, too. A view has the padding of the
wrapper that it stands for; a network trained behind that wrapper has its inputs put in our order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import real_number, whole_number
from carousel_envs.wrappers import History
from carousel_envs.wrappers.forms import names_of, single_space

from .layers import Lstm, Network
from .view import MAX_HISTORY, Scaling, View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carousel_envs.wrappers.forms import Info, Rows

    from .policy_file import PolicyFile

_FAR = 1e6


class PaddedHistory(History):
    """`History` in which a constant observation stands for the turns before a session began.

    Args:
        env: a Carousel environment, scalar or vector, wrapped or not.
        n: how many observations.
        padding: the constant, a number for each of the D columns of `env`.

    Raises:
        CarouselError: an argument is not allowed.
    """

    def __init__(self, env: Any, n: int, padding: Sequence[float]) -> None:
        width = len(names_of(env))
        if len(padding) != width:
            raise CarouselError(
                f"padding has {len(padding)} numbers; it must have {width}, one per column"
            )
        self._padding = tuple(padding)
        super().__init__(env, n)
        self._before = np.tile(np.array(padding, dtype=np.float32), n - 1)
        space = single_space(self)
        low, high = space.low.copy(), space.high.copy()
        low[width:] = np.minimum(low[width:], self._before)
        high[width:] = np.maximum(high[width:], self._before)
        self._show(self.column_names, low, high)

    def _open(self, env: Any, **arguments: Any) -> Any:
        # so that the environment's spec makes the same wrapper again
        return super()._open(env, **arguments, padding=self._padding)

    def _push(
        self,
        observation: NDArray[np.float32],
        rows: Rows,
        begins: NDArray[np.int64],
        info: Info,
    ) -> None:
        super()._push(observation, rows, begins, info)
        self._out[begins, observation.shape[1] :] = self._before


@dataclass(frozen=True)
class PaddedView(View):
    """A view whose history begins with a constant observation (`PaddedHistory`).

    Attributes:
        padding: the constant, a number per column of one observation.

    Raises:
        CarouselError: history is not at least 2, or a number is not from -10^6 to 10^6.
    """

    padding: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        whole_number("history of a padded view", self.history, 2, MAX_HISTORY)
        if not isinstance(self.padding, tuple) or not self.padding:
            raise CarouselError("padding must hold a number per column of one observation")
        for number in self.padding:
            real_number("a number of padding", number, -_FAR, _FAR)

    def named(self, algorithm: str, label: str = "") -> str:
        """As of a `View`, but `stackN` in the place of `historyN`."""
        return (
            super()
            .named(algorithm, label)
            .replace(f"-history{self.history}", f"-stack{self.history}")
        )

    def wrap(self, env: Any) -> Any:
        """The environment, scalar or vector, as the network sees it.

        Raises:
            CarouselError: there is no context to be shown, or the padding has another width.
        """
        present = View(visible_context=self.visible_context).wrap(env)
        return PaddedHistory(present, self.history, self.padding)

    def refuse_unfit(self, width: int) -> None:
        """Refuse another number of columns than the padding fills.

        Raises:
            CarouselError: it is another.
        """
        if width != self.history * len(self.padding):
            raise CarouselError(
                f"its padding has {len(self.padding)} numbers for each of {self.history} "
                f"observations; it names {width} columns"
            )

    def document(self) -> dict[str, Any]:
        """As plain JSON data."""
        return {**super().document(), "padding": list(self.padding)}


def view_of(document: dict[str, Any]) -> View:
    """The view that `View.document` describes.

    Raises:
        CarouselError: a value is not allowed.
    """
    if "padding" not in document:
        return View(**document)
    padding = document["padding"]
    if not isinstance(padding, list):
        raise CarouselError(f"padding is {padding!r}; it must be a list of numbers")
    return PaddedView(**{**document, "padding": tuple(padding)})


def newest_first(file: PolicyFile) -> PolicyFile:
    """The policy of a network that reads its stacked observations oldest first, brought to the
    order of the view: the columns of the first layer and of the scaling are put in their places."""
    frames, width = file.view.history, len(file.columns) // file.view.history
    # where our column i stands in the network's order
    order = np.arange(frames * width).reshape(frames, width)[::-1].ravel()
    place = np.argsort(order)
    scaling, network = file.scaling, file.network
    if network.lstm:
        first, *rest = network.lstm
        parts = {part: getattr(first, part) for part in Lstm.PARTS}
        parts["weight_ih"] = np.ascontiguousarray(parts["weight_ih"][:, order])
        layers, lstm = network.layers, (Lstm(**parts), *rest)
    else:
        (weight, bias), *others = network.layers
        layers, lstm = ((np.ascontiguousarray(weight[:, order]), bias), *others), ()
    return replace(
        file,
        scaling=Scaling(
            tuple(sorted(int(place[i]) for i in scaling.counts)),
            scaling.centre[order],
            scaling.scale[order],
        ),
        network=Network(network.activation, layers, lstm, network.head, network.masked),
    )
