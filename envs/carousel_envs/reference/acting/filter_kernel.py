"""The compiled step of the exact Bayes filter: beliefs of many lanes after one observation each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled import observations
from ...compiled.blocks import FLOATS
from ...compiled.compiler import inlined, njit, part
from ...users.cues import cue_table
from ...users.observation import Columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...users.population import Population
    from ..model import Model

_U = np.uint64


def kind_bounds(models: Sequence[Model]) -> NDArray[np.int64]:
    """Where the kinds of each model begin, and the number of all kinds, shape (models + 1,)."""
    return np.cumsum([0, *(model.n_types for model in models)])


class FilterTables(NamedTuple):
    """Models in the layout that `weigh` reads: the numbers of a turn stand side by side, and the
    kinds of user of one model follow those of another.

    Attributes:
        strides: of the joint cue symbol, shape (cues,).
        fit, hazard: shape (K, kinds).
        reacts: P(not engaged), P(engaged) without satiation, shape (K, 2, kinds, 2).
        cues: P(symbol | mood), shape (symbols, models, 2).
        stays: P(the user does not leave), shape (kinds, 2).
        says: P(no goodbye) and P(goodbye), shape (2, kinds, 2); 1 where they are not observed.
        prior: of kinds when a session begins, shape (rows, kinds).
        prior_row: row of `prior` for each context, shape (contexts,).
    """

    strides: NDArray[np.int64]
    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    reacts: NDArray[np.float64]
    cues: NDArray[np.float64]
    stays: NDArray[np.float64]
    says: NDArray[np.float64]
    prior: NDArray[np.float64]
    prior_row: NDArray[np.int64]

    @classmethod
    def of(cls, population: Population, models: Sequence[Model], n_contexts: int) -> FilterTables:
        """The tables of several models of the same users."""

        def kinds(name: str) -> NDArray[np.float64]:
            return np.concatenate([getattr(model, name) for model in models])

        # availability is visible, and in a finite table it says a little about the kind of user;
        # a context that the table does not contain says nothing
        contexts = np.unique(np.concatenate([model.contexts for model in models]))
        prior = np.tile(kinds("weights"), (len(contexts) + 1, 1))
        for model, first in zip(models, kind_bounds(models)[:-1], strict=True):
            known = np.searchsorted(contexts, model.contexts)
            own = model.joint / model.joint.sum(axis=0)
            prior[known, first : first + model.n_types] = own.T
        prior_row = np.full(n_contexts, len(contexts))
        prior_row[contexts] = np.arange(len(contexts))
        engaged = np.moveaxis(kinds("engagement"), 1, 0)
        farewell = kinds("farewell")
        says = np.stack([1.0 - farewell, farewell])
        if Columns.of(population).farewell is None:
            says[:] = 1.0
        return cls(
            cue_table(population).strides,
            np.ascontiguousarray(kinds("fit").T),
            np.ascontiguousarray(kinds("hazard").T),
            np.ascontiguousarray(np.stack([1.0 - engaged, engaged], axis=1)),
            np.ascontiguousarray(np.stack([model.cues for model in models]).transpose(2, 0, 1)),
            np.ascontiguousarray(1.0 - kinds("leave")),
            says,
            prior,
            prior_row,
        )


class FilteredLanes(NamedTuple):
    """What one step reads and writes, a row per lane.

    Attributes:
        joint: belief before, shape (N, kinds, 2).
        observation: shape (N, D).
        after: belief after, written, shape (N, kinds, 2).
        evidence: likelihood of the observation in each model, written, shape (N, models).
    """

    joint: NDArray[np.float64]
    observation: NDArray[np.float32]
    after: NDArray[np.float64]
    evidence: NDArray[np.float64]


class FilteredSatiation(NamedTuple):
    """Satiation in one step.

    Attributes:
        gain: shape (kinds, K).
        memory: shape (kinds,).
        before: of each persona, were the user of that kind, shape (N, kinds, K).
        after: the same after the step, written.
    """

    gain: NDArray[np.float64]
    memory: NDArray[np.float64]
    before: NDArray[np.float64]
    after: NDArray[np.float64]


class _Turn(NamedTuple):
    """A turn as one model reads it: the persona, whether it has just taken over, whether the user
    engaged and said goodbye, and P(cue symbol | mood)."""

    k: np.uint64
    arrives: bool
    engaged: np.uint64
    goodbye: np.uint64
    cue_fresh: float
    cue_bored: float


@njit
def weigh(lanes, tables, columns, bounds, satiation):  # type: ignore[no-untyped-def]
    """`Filters.weigh`; returns a lane whose cues are no symbol, or -1.

    Each of the last two arguments is None where it is not needed, and the code for it is then not
    compiled: `bounds` where every model has one kind of user (and the beliefs of a block of lanes
    are divided at once), and `satiation` where no user satiates.
    """
    observation = lanes.observation
    n, unknown = _U(observation.shape[0]), np.int64(-1)
    for block in range(_U(0), n, _U(FLOATS)):
        end = min(block + _U(FLOATS), n)
        for i in range(block, end):
            if observation[i, _U(columns.streak)] < 1.0:
                row = _U(tables.prior_row[observations.context(observation, i, columns.context)])
                for a in range(_U(tables.fit.shape[1])):
                    lanes.after[i, a, 0] = tables.prior[row, a]
                    lanes.after[i, a, 1] = 0.0
                lanes.evidence[i] = 1.0
                if satiation is not None:
                    satiation.after[i] = 0.0
            elif not _weigh_turn(lanes, i, tables, columns, bounds, satiation):
                unknown = np.int64(i)
        if bounds is None:
            _divide(lanes.after[block:end].reshape(-1), lanes.evidence[block:end].reshape(-1))
    return unknown


@inlined
def _weigh_turn(lanes, i, tables, columns, bounds, satiation):  # type: ignore[no-untyped-def]
    """Update the beliefs of lane i after a turn; returns whether its cues are a symbol."""
    observation, n_symbols = lanes.observation, tables.cues.shape[0]
    k = _first_marked(observation, i, _U(columns.persona), _U(tables.fit.shape[0]))
    symbol = _U(observations.symbol(observation, i, tables.strides, n_symbols))
    known = symbol != _U(n_symbols)
    symbol = symbol if known else _U(0)
    arrives = observation[i, _U(columns.streak)] < 1.5
    engaged = _U(observation[i, _U(columns.engagement)] > 0.5)
    # where goodbyes are not observed `says` is 1 whatever the column says
    goodbye = _U(observation[i, _U(max(columns.farewell, 0))] > 0.5)
    for model in range(_U(lanes.evidence.shape[1])):
        kinds = range(model, model + _U(1))
        if bounds is not None:
            kinds = range(_U(bounds[model]), _U(bounds[model + _U(1)]))
        cue_fresh, cue_bored = tables.cues[symbol, model, 0], tables.cues[symbol, model, 1]
        turn = _Turn(k, arrives, engaged, goodbye, cue_fresh, cue_bored)
        total = 0.0
        for a in kinds:
            total += _weigh_kind(lanes, i, a, turn, tables, satiation)
        lanes.evidence[i, model] = total
        if not total > 0.0:
            for a in kinds:
                _age(lanes, i, a, turn, tables)
        elif bounds is not None:
            for a in kinds:
                lanes.after[i, a, 0] /= total
                lanes.after[i, a, 1] /= total
    return known


@inlined
def _weigh_kind(lanes, i, a, turn, tables, satiation):  # type: ignore[no-untyped-def]
    """Write P(kind a, mood, turn) of lane i after the hazard; returns P(kind a, turn)."""
    k, engaged = turn.k, turn.engaged
    fresh, bored = lanes.joint[i, a, 0], lanes.joint[i, a, 1]
    if turn.arrives:
        kind = fresh + bored
        fresh, bored = kind * tables.fit[k, a], kind * (1.0 - tables.fit[k, a])
    like_fresh, like_bored = tables.reacts[k, engaged, a, 0], tables.reacts[k, engaged, a, 1]
    if satiation is not None:
        lost = satiation.gain[a, k] * satiation.before[i, a, k]
        like_fresh = _satiated(tables.reacts[k, 1, a, 0], lost, engaged)
        like_bored = _satiated(tables.reacts[k, 1, a, 1], lost, engaged)
        for other in range(_U(tables.fit.shape[0])):
            enacted = 1.0 if other == k else 0.0
            level = satiation.memory[a] * (satiation.before[i, a, other] + enacted)
            satiation.after[i, a, other] = level
    like_fresh *= turn.cue_fresh
    like_bored *= turn.cue_bored
    like_fresh *= tables.stays[a, 0]
    like_bored *= tables.stays[a, 1]
    like_fresh *= tables.says[turn.goodbye, a, 0]
    like_bored *= tables.says[turn.goodbye, a, 1]
    fresh *= like_fresh
    bored *= like_bored
    moved = fresh * tables.hazard[k, a]
    lanes.after[i, a, 0] = fresh - moved
    lanes.after[i, a, 1] = bored + moved
    return fresh + bored


@inlined
def _age(lanes, i, a, turn, tables):  # type: ignore[no-untyped-def]
    """Let only the hazard act on kind a: the turn is impossible under this model (as it may be for
    a frozen filter, off its distribution)."""
    k = turn.k
    kind = lanes.joint[i, a, 0] + lanes.joint[i, a, 1]
    fresh = kind * tables.fit[k, a] if turn.arrives else lanes.joint[i, a, 0]
    lanes.after[i, a, 0] = fresh * (1.0 - tables.hazard[k, a])
    # the difference may be rounded below 0
    lanes.after[i, a, 1] = max(kind - lanes.after[i, a, 0], 0.0)


@part
def _satiated(chance, lost, engaged):  # type: ignore[no-untyped-def]
    """Likelihood of engagement, or of none, when satiation takes `lost` off its probability."""
    left = max(chance - lost, 0.0)
    return left if engaged else 1.0 - left


@part
def _first_marked(observation, i, first, n):  # type: ignore[no-untyped-def]
    """The first of n columns of row i, from `first` on, that is not below a half; else the last.

    Without a branch, since no processor predicts which persona is current.
    """
    found = n - _U(1)
    for back in range(_U(2), n + _U(1)):
        k = n - back
        found = found if observation[i, first + k] < 0.5 else k
    return found


@part
def _divide(pairs, by):  # type: ignore[no-untyped-def]
    """Divide each pair of neighbouring numbers by its divisor where that is above 0."""
    for x in range(_U(by.shape[0])):
        divisor = by[x] if by[x] > 0.0 else 1.0
        fresh, bored = pairs[_U(2) * x], pairs[_U(2) * x + _U(1)]
        pairs[_U(2) * x] = fresh / divisor
        pairs[_U(2) * x + _U(1)] = bored / divisor
