"""Certificates of bounds, written from what the search for several kinds of user found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..foundation.errors import CarouselError
from .hidden_kinds.kind_bounds import search_for
from .hidden_kinds.kinds_problem import KindsProblem
from .hidden_kinds.streaks import Streaks
from .hidden_kinds.turns import Turns
from .model import Model
from .proofs import Certificate, proven
from .unheard.schedule_values import schedule_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..users.population import Population
    from .closing import Closing
    from .hidden_kinds.kinds_search import KindsFound
    from .hidden_kinds.plans import Archive
    from .hidden_kinds.streak_bound import StreakBound

WORK = 5e11
"""Multiplications that the search may take, over all visible contexts: some minutes."""
_TURNS = 6
"""Turns from whose cheapest mixtures the checker may choose in any turn."""


def certify(population: Population, closing: Closing) -> Certificate:
    """Bounds on the optimum, and what proves them.

    Raises:
        CarouselError: users satiate, say goodbye, or differ in more than whom they like.
    """
    model = Model.of(population)
    arrays: dict[str, NDArray[Any]] = {}
    n = len(model.masks)
    problems = [
        KindsProblem.of(model, context, np.flatnonzero(mask))
        for context, mask in enumerate(model.masks)
    ]
    # before anything is searched
    if model.has_satiation or any(Streaks.of(Turns.of(one)) is None for one in problems):
        raise CarouselError(
            "there is no certificate for these users: they satiate, say goodbye, or differ in more "
            "than whom they like"
        )
    for context, problem in enumerate(problems):
        # where its score begins, roughly: one persona all the time
        alone = max(
            schedule_value(model, np.full(model.length, k), model.joint[:, context])
            for k in np.flatnonzero(model.masks[context])
        )
        watch = closing.share(alone / model.mask_weights[context], n - context)
        found = search_for(problem, watch=watch, work=WORK / n)
        assert found.above is not None
        proof = {**_below(found), **_above(found.above)}
        arrays |= {f"{context}/{name}": array for name, array in proof.items()}
    lower, upper = proven(Certificate(population, 0.0, 0.0, arrays))
    return Certificate(population, lower, upper, arrays)


def _below(found: KindsFound) -> dict[str, NDArray[Any]]:
    """The plans that the start's plan leads to."""
    archive = found.search.archive
    turns, wanted = _reached(archive, found.root)
    place = np.full(int(wanted.max()) + 1, -1)
    place[wanted] = np.arange(len(wanted))
    links = [np.arange(archive.first[name], archive.first[name + 1]) for name in wanted]
    every = np.concatenate(links)
    before = np.repeat(np.arange(len(wanted)), [len(some) for some in links])
    stop = archive.stop[every]
    # a report ends with the last symbol, and each plan hears two
    ended = np.cumsum(stop == len(found.search.turns.odds)) - (stop == len(found.search.turns.odds))
    return {
        "turn": turns.astype(np.int32),
        "persona": archive.persona[wanted].astype(np.int32),
        "before": before.astype(np.int32),
        "report": (ended % 2).astype(np.int32),
        "stop": stop.astype(np.int32),
        "after": place[archive.follow[every]].astype(np.int32),
        "root": np.array(place[found.root], dtype=np.int64),
    }


def _reached(archive: Archive, root: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Turns and numbers of plans, turn by turn."""
    turns: list[NDArray[np.int64]] = []
    names: list[NDArray[np.int64]] = []
    here = np.array([root])
    while len(here):
        turns.append(np.full(len(here), len(turns)))
        names.append(here)
        links = [archive.follow[archive.first[n] : archive.first[n + 1]] for n in here]
        here = np.unique(np.concatenate(links))
    return np.concatenate(turns), np.concatenate(names)


def _above(above: StreakBound) -> dict[str, NDArray[Any]]:
    """Points and the mixtures of them."""
    assert above.walker is not None
    columns, grid, length = above.walker.columns, above.walker.grid, above.turns.length
    n_k, given = len(columns.first) - 1, len(above.kinds) + 1
    turns = np.unique(np.linspace(min(1, length - 1), length - 1, _TURNS).astype(np.int64))
    which = above.mixtures(turns)
    arrays: dict[str, NDArray[Any]] = {
        "never": grid.never,
        "tired": grid.tired,
        "symbols": grid.symbols.astype(np.int32),
    }
    for k in range(n_k):
        some = slice(columns.first[k], columns.first[k + 1])
        arrays[f"points {k}"] = columns.kinds[:, some].T[given:].copy()
        for j in range(n_k):
            if j != k:
                arrays[f"mixed {k} {j}"] = which[some, :, j].swapaxes(0, 1).copy()
    return arrays
