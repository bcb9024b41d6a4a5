"""The exact Bayes filter over (kind of user, mood), batched over lanes.

It reads observations only, so it runs wherever a router does. Given the kind of user, satiation is
a known function of who spoke when; it is carried along and enters the likelihood of engagement (as
a real number; the kernel rounds the probability to 1/65536).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled import observations
from ...compiled.blocks import FLOATS
from ...compiled.compiler import njit
from ...foundation.errors import one_row_per_lane
from ...users.cues import cue_table
from ...users.observation import Columns
from ..model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ...users.population import Population

_U = np.uint64


@dataclass(frozen=True, eq=False)
class Belief:
    """What the filter knows about every lane, before the next pick.

    Attributes:
        joint: P(kind, mood | everything shown), float64, shape (N, kinds, 2); moods fresh, bored.
        satiation: of each persona, were the user of that kind, shape (N, kinds, K); no personas
            where nobody satiates.
    """

    joint: NDArray[np.float64]
    satiation: NDArray[np.float64]

    @property
    def bored(self) -> NDArray[np.float64]:
        """P(the user is bored), shape (N,)."""
        return np.asarray(self.joint[:, :, 1].sum(axis=1))


@njit
def bored(joint, i):  # type: ignore[no-untyped-def]
    """`Belief.bored` of lane i; summed one after the other, so that from eight kinds of user on
    its last bits may differ."""
    total = 0.0
    for a in range(_U(joint.shape[1])):
        total += joint[i, a, 1]
    return total


def _bounds(models: Sequence[Model]) -> NDArray[np.int64]:
    """Where each model's kinds begin, and the number of all, shape (models + 1,)."""
    return np.cumsum([0, *(model.n_types for model in models)])


class _Tables(NamedTuple):
    """Models as `_update` reads them: what a turn asks for stands side by side, the kinds of user
    of one model after those of another.

    Attributes:
        strides: of the joint cue symbol, shape (cues,).
        fit, hazard: shape (K, kinds).
        reacts: P(not engaged), P(engaged) of who is not sated, shape (K, 2, kinds, 2).
        cues: P(symbol | mood), shape (symbols, models, 2).
        stays: P(the user does not leave), shape (kinds, 2).
        prior: of kinds where a session begins, shape (rows, kinds).
        prior_row: its row for each context, shape (contexts,).
    """

    strides: NDArray[np.int64]
    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    reacts: NDArray[np.float64]
    cues: NDArray[np.float64]
    stays: NDArray[np.float64]
    prior: NDArray[np.float64]
    prior_row: NDArray[np.int64]

    @classmethod
    def of(cls, population: Population, models: Sequence[Model], n_contexts: int) -> _Tables:
        """The tables of models of these users."""

        def kinds(name: str) -> NDArray[np.float64]:
            return np.concatenate([getattr(model, name) for model in models])

        # who is available is seen, and in a finite table says a little about who the user is;
        # a context that the table does not hold says nothing
        contexts = np.unique(np.concatenate([model.contexts for model in models]))
        prior = np.tile(kinds("weights"), (len(contexts) + 1, 1))
        for model, first in zip(models, _bounds(models)[:-1], strict=True):
            known = np.searchsorted(contexts, model.contexts)
            own = model.joint / model.joint.sum(axis=0)
            prior[known, first : first + model.n_types] = own.T
        prior_row = np.full(n_contexts, len(contexts))
        prior_row[contexts] = np.arange(len(contexts))
        engaged = np.moveaxis(kinds("engagement"), 1, 0)
        return cls(
            cue_table(population).strides,
            np.ascontiguousarray(kinds("fit").T),
            np.ascontiguousarray(kinds("hazard").T),
            np.ascontiguousarray(np.stack([1.0 - engaged, engaged], axis=1)),
            np.ascontiguousarray(np.stack([model.cues for model in models]).transpose(2, 0, 1)),
            np.ascontiguousarray(1.0 - kinds("leave")),
            prior,
            prior_row,
        )


@njit
def _sated(chance, lost, engaged):  # type: ignore[no-untyped-def]
    """Likelihood of engagement, or of none, when satiation takes `lost` off its probability."""
    left = max(chance - lost, 0.0)
    return left if engaged else 1.0 - left


@njit
def _update(  # type: ignore[no-untyped-def]
    joint,
    satiation,
    obs,
    tables,
    bounds,
    gain,
    memory,
    parts,
    farewell,
    of_context,
    out,
    out_satiation,
    evidence,
):
    """`Filters.weigh`. Without satiation `gain` is None, without goodbyes shown so is `parts`:
    P(none) and P(one), shape (2, kinds, 2). What only they need is then not compiled.

    Where every model has one kind of user, `bounds` is None, and what a block of lanes has shown is
    divided at once.

    Returns a lane whose cues are no symbol, or -1.
    """
    strides, fit, hazard, reacts, cues, stays, prior, prior_row = tables
    n, n_k, n_cues = _U(obs.shape[0]), _U(fit.shape[0]), _U(strides.shape[0])
    one_hot = n_cues + _U(1)
    streak_column = one_hot + _U(2) * n_k
    n_symbols, unknown = cues.shape[0], np.int64(-1)
    for block in range(_U(0), n, _U(FLOATS)):
        end = min(block + _U(FLOATS), n)
        for i in range(block, end):
            streak = obs[i, streak_column]
            if streak < 1.0:
                row = _U(prior_row[observations.context(obs, i, of_context)])
                for a in range(_U(fit.shape[1])):
                    out[i, a, 0] = prior[row, a]
                    out[i, a, 1] = 0.0
                out_satiation[i] = 0.0
                evidence[i] = 1.0
                continue
            k = _first_marked(obs, i, one_hot, n_k)
            symbol = _U(observations.symbol(obs, i, strides, n_symbols))
            if symbol == _U(n_symbols):
                unknown, symbol = np.int64(i), _U(0)
            engaged, goodbye = _U(obs[i, n_cues] > 0.5), _U(0)
            if parts is not None:
                goodbye = _U(obs[i, _U(farewell)] > 0.5)
            for model in range(_U(evidence.shape[1])):
                kinds = range(model, model + _U(1))
                if bounds is not None:
                    kinds = range(_U(bounds[model]), _U(bounds[model + _U(1)]))
                cue_fresh, cue_bored = cues[symbol, model, 0], cues[symbol, model, 1]
                total = 0.0
                for a in kinds:
                    fresh, bored = joint[i, a, 0], joint[i, a, 1]
                    if streak < 1.5:
                        kind = fresh + bored
                        fresh, bored = kind * fit[k, a], kind * (1.0 - fit[k, a])
                    like_fresh, like_bored = reacts[k, engaged, a, 0], reacts[k, engaged, a, 1]
                    if gain is not None:
                        lost = gain[a, k] * satiation[i, a, k]
                        like_fresh = _sated(reacts[k, 1, a, 0], lost, engaged)
                        like_bored = _sated(reacts[k, 1, a, 1], lost, engaged)
                        for other in range(n_k):
                            eaten = 1.0 if other == k else 0.0
                            value = memory[a] * (satiation[i, a, other] + eaten)
                            out_satiation[i, a, other] = value
                    like_fresh *= cue_fresh
                    like_bored *= cue_bored
                    like_fresh *= stays[a, 0]
                    like_bored *= stays[a, 1]
                    if parts is not None:
                        like_fresh *= parts[goodbye, a, 0]
                        like_bored *= parts[goodbye, a, 1]
                    fresh *= like_fresh
                    bored *= like_bored
                    moved = fresh * hazard[k, a]
                    out[i, a, 0] = fresh - moved
                    out[i, a, 1] = bored + moved
                    total += fresh + bored
                evidence[i, model] = total
                if not total > 0.0:
                    # impossible under this model (a frozen filter, off its distribution): learn
                    # nothing
                    for a in kinds:
                        kind = joint[i, a, 0] + joint[i, a, 1]
                        fresh = kind * fit[k, a] if streak < 1.5 else joint[i, a, 0]
                        out[i, a, 0] = fresh * (1.0 - hazard[k, a])
                        # what is left of all may be rounded below nothing
                        out[i, a, 1] = max(kind - out[i, a, 0], 0.0)
                elif bounds is not None:
                    for a in kinds:
                        out[i, a, 0] /= total
                        out[i, a, 1] /= total
        if bounds is None:
            _divide(out[block:end].reshape(-1), evidence[block:end].reshape(-1))
    return unknown


@njit
def _first_marked(observation, i, first, n):  # type: ignore[no-untyped-def]
    """Which of n columns of row i, from `first` on, is the first not below a half; else the last.

    No branch: nobody can guess who speaks.
    """
    found = n - _U(1)
    for back in range(_U(2), n + _U(1)):
        k = n - back
        found = found if observation[i, first + k] < 0.5 else k
    return found


@njit
def _divide(pairs, by):  # type: ignore[no-untyped-def]
    """Divide each pair, two numbers side by side, where its divisor is above 0."""
    for x in range(_U(by.shape[0])):
        divisor = by[x] if by[x] > 0.0 else 1.0
        fresh, bored = pairs[_U(2) * x], pairs[_U(2) * x + _U(1)]
        pairs[_U(2) * x] = fresh / divisor
        pairs[_U(2) * x + _U(1)] = bored / divisor


class Filters:
    """Beliefs of several models about the same users, which are heard once for all.

    Kinds of user stand side by side in a `Belief`, those of one model after those of another; each
    model's probabilities add up to 1.

    Args:
        population: whose users show the observations.
        models: at least one, all with as many actions and cue symbols.
    """

    def __init__(self, population: Population, models: Sequence[Model]) -> None:
        self.models = tuple(models)
        self.columns = Columns.of(population)
        bounds = _bounds(self.models)
        self._bounds = None if bounds[-1] == len(bounds) - 1 else bounds
        self._tables = _Tables.of(population, self.models, self.columns.n_contexts)
        self._memory = np.concatenate([model.memory for model in models])
        self._gain = self._parts = None
        if any(model.has_satiation for model in models):
            self._gain = np.concatenate([model.gain for model in models])
        if self.columns.farewell is not None:
            farewell = np.concatenate([model.farewell for model in models])
            self._parts = np.stack([1.0 - farewell, farewell])

    def start(self, lanes: int) -> Belief:
        """The beliefs before any session, for N lanes."""
        weights = np.concatenate([model.weights for model in self.models])
        joint = np.zeros((lanes, len(weights), 2))
        joint[:, :, 0] = weights
        k = 0 if self._gain is None else self._gain.shape[1]
        return Belief(joint, np.zeros((lanes, len(weights), k)))

    def weigh(
        self, belief: Belief, observation: NDArray[np.float32]
    ) -> tuple[Belief, NDArray[np.float64]]:
        """The beliefs after one observation per lane, shape (N, D), and what each model made of it.

        Returns:
            The beliefs, and for each model what `Filter.weigh` says, float64, shape (N, models).

        Raises:
            CarouselError: observations of other lanes than the beliefs', or with too few columns,
                or cues that these users cannot show.
        """
        columns = self.columns
        columns.refuse_narrow(observation)
        one_row_per_lane(observation, len(belief.joint))
        evidence = np.empty((len(observation), len(self.models)))
        joint, satiation = np.empty(belief.joint.shape), np.empty(belief.satiation.shape)
        unknown = _update(
            belief.joint,
            belief.satiation,
            observation,
            self._tables,
            self._bounds,
            self._gain,
            self._memory,
            self._parts,
            columns.farewell,
            columns.of_context,
            joint,
            satiation,
            evidence,
        )
        columns.refuse_cues(observation, unknown)
        return Belief(joint, satiation), evidence


class Filter:
    """Belief of a router that knows the population but not the user.

    Args:
        population: whose users the router believes it meets.
        model: the model to filter with, if not the population's own (fewer kinds, say).
    """

    def __init__(self, population: Population, model: Model | None = None) -> None:
        self.model = model or Model.of(population)
        self._own = Filters(population, [self.model])
        self.columns = self._own.columns
        self._strides = cue_table(population).strides

    def symbols(self, observation: NDArray[np.float32]) -> NDArray[np.int64]:
        """The joint symbol of the cues after a turn, shape (N, D) to (N,)."""
        return np.asarray(observation[:, self.columns.cues].astype(np.int64) @ self._strides)

    def start(self, lanes: int) -> Belief:
        """The belief before any session, for N lanes."""
        return self._own.start(lanes)

    def update(self, belief: Belief, observation: NDArray[np.float32]) -> Belief:
        """Belief after one observation per lane, shape (N, D); a first observation starts anew."""
        return self.weigh(belief, observation)[0]

    def weigh(
        self, belief: Belief, observation: NDArray[np.float32]
    ) -> tuple[Belief, NDArray[np.float64]]:
        """`update`, and what the model made of the observation.

        Returns:
            The belief, and P(what was shown, and that the user stayed | everything shown before,
            who speaks), float64, shape (N,): cues, engagement and goodbyes, 0 where the model holds
            them impossible, 1 for a first observation. The product over a session is the model's
            likelihood of it.
        """
        after, evidence = self._own.weigh(belief, observation)
        return after, evidence[:, 0]
