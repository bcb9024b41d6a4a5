"""Small models of when a router swaps, from the simplest up.

Each is fitted to half of the sessions, every swap and every decision to stay counting as much as
all swaps and all stays together do, and judged in the other half. `torch` fits the last two; the
others are searched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..system.extras import needed_by

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Predict = Callable[[NDArray[np.float64]], NDArray[np.bool_]]

SPLITS = 64
"""Places for a split that are tried in each column: quantiles, or all where there are fewer."""
DEPTH = 3
HIDDEN = 32
SURE = 1e-3
"""The least probability that a net is taken at its word for."""
_STEPS, _BATCH, _RATE = 600, 4096, 0.01


@dataclass(frozen=True)
class Node:
    """A node of a tree.

    Attributes:
        swaps: the answer here, where there are no nodes below.
        column, above: the column that is asked, and the number that it must exceed to go right.
        left, right: nodes below; None: there are none.
    """

    swaps: bool
    column: int = 0
    above: float = 0.0
    left: Node | None = None
    right: Node | None = None

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.bool_]:
        """The answer to each row of x, shape (D, F)."""
        if self.left is None or self.right is None:
            return np.full(len(x), self.swaps)
        goes_right = x[:, self.column] > self.above
        return np.where(goes_right, self.right(x), self.left(x))


def constant(
    x: NDArray[np.float64], swaps: NDArray[np.bool_], weight: NDArray[np.float64]
) -> Predict:
    """Always the same."""
    return _tree(x, swaps, weight, 0)


def threshold(
    x: NDArray[np.float64], swaps: NDArray[np.bool_], weight: NDArray[np.float64]
) -> Predict:
    """One threshold on one column."""
    return _tree(x, swaps, weight, 1)


def tree(x: NDArray[np.float64], swaps: NDArray[np.bool_], weight: NDArray[np.float64]) -> Predict:
    """A tree of three questions in a row."""
    return _tree(x, swaps, weight, DEPTH)


def linear(
    x: NDArray[np.float64], swaps: NDArray[np.bool_], weight: NDArray[np.float64]
) -> Predict:
    """A weighted sum against a threshold."""
    logit = _network(x, swaps, weight, ())
    return lambda rows: logit(rows) > 0.0


def net(x: NDArray[np.float64], swaps: NDArray[np.bool_], weight: NDArray[np.float64]) -> Predict:
    """A net with a hidden layer of 32."""
    logit = _network(x, swaps, weight, (HIDDEN,))
    return lambda rows: logit(rows) > 0.0


def probability(
    x: NDArray[np.float64], swaps: NDArray[np.bool_], fitted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """P(swap) of every decision, shape (D,), as a net with a hidden layer of 32 has it that was
    fitted to some of them, all weighing alike.

    Args:
        x: what the net sees, shape (D, F).
        swaps: shape (D,).
        fitted: shape (D,).
    """
    logit = _network(x[fitted], swaps[fitted], np.ones(int(fitted.sum())), (HIDDEN,))
    p = 1.0 / (1.0 + np.exp(-np.clip(logit(x), -30.0, 30.0)))
    return np.asarray(np.clip(p, SURE, 1.0 - SURE))


SURROGATES: Mapping[str, Callable[..., Predict]] = {
    "always the same": constant,
    "one threshold": threshold,
    "a tree of depth 3": tree,
    "a weighted sum": linear,
    "a net of 32": net,
}
"""By what they are called, from the simplest up."""


def balanced(swaps: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Weights with which all swaps count as much as all decisions to stay, and 1 together."""
    share = np.where(swaps, max(swaps.sum(), 1), max((~swaps).sum(), 1))
    return np.asarray(0.5 / share)


def _tree(
    x: NDArray[np.float64], swaps: NDArray[np.bool_], weight: NDArray[np.float64], depth: int
) -> Node:
    """The tree that greedy splits give, by the least weight on the wrong side."""
    of_swaps, all_of = float(weight[swaps].sum()), float(weight.sum())
    here = Node(of_swaps > all_of / 2)
    if depth == 0 or min(of_swaps, all_of - of_swaps) <= 0.0:
        return here
    best: tuple[float, int, float] | None = None
    for column in range(x.shape[1]):
        found = _split(x[:, column], swaps, weight)
        if found is not None and (best is None or found[0] < best[0]):
            best = (found[0], column, found[1])
    if best is None:
        return here
    _, column, above = best
    right = x[:, column] > above
    below = (_tree(x[side], swaps[side], weight[side], depth - 1) for side in (~right, right))
    return Node(here.swaps, column, above, *below)


def _split(
    column: NDArray[np.float64], swaps: NDArray[np.bool_], weight: NDArray[np.float64]
) -> tuple[float, float] | None:
    """Gini impurity left by the best split of a column, and the place; None: it is constant."""
    places = np.unique(column)
    if len(places) < 2:
        return None
    places = (places[1:] + places[:-1]) / 2.0
    if len(places) > SPLITS:
        places = np.unique(np.quantile(column, np.linspace(0.0, 1.0, SPLITS + 2)[1:-1]))
        places = places[places < column.max()]
        if not len(places):
            return None
    which = np.searchsorted(places, column, side="left")
    of = np.bincount(which, weight, minlength=len(places) + 1)
    hits = np.bincount(which, weight * swaps, minlength=len(places) + 1)
    below, below_hits = np.cumsum(of)[:-1], np.cumsum(hits)[:-1]
    above, above_hits = of.sum() - below, hits.sum() - below_hits
    with np.errstate(divide="ignore", invalid="ignore"):
        impurity = below_hits * (1.0 - below_hits / below) + above_hits * (1.0 - above_hits / above)
    impurity = np.where(np.isfinite(impurity), impurity, np.inf)
    at = int(impurity.argmin())
    return float(impurity[at]), float(places[at])


def _network(
    x: NDArray[np.float64],
    swaps: NDArray[np.bool_],
    weight: NDArray[np.float64],
    hidden: tuple[int, ...],
) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Log odds of a swap, as a function of what is seen."""
    with needed_by("a probe of rules"):
        import torch

    centre, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 1e-9, scale, 1.0)

    def ready(rows: NDArray[np.float64]) -> Any:
        return torch.from_numpy(((rows - centre) / scale).astype(np.float32))

    generator = torch.Generator().manual_seed(0)
    sizes = [x.shape[1], *hidden]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers: list[Any] = []
        for size, following in zip(sizes, [*hidden, 1], strict=True):
            layers += [torch.nn.Linear(size, following), torch.nn.Tanh()]
        model = torch.nn.Sequential(*layers[:-1])
    inputs, answers = ready(x), torch.from_numpy(swaps.astype(np.float32))
    chance = torch.from_numpy(weight / weight.sum())
    optimiser = torch.optim.Adam(model.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, _STEPS)
    for _ in range(_STEPS):
        # drawn with its weight, each decision counts as much as it should
        drawn = torch.multinomial(chance, _BATCH, replacement=True, generator=generator)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(
            model(inputs[drawn]).squeeze(1), answers[drawn]
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()

    def logit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
        with torch.no_grad():
            return np.asarray(model(ready(rows)).squeeze(1).numpy().astype(np.float64))

    return logit
