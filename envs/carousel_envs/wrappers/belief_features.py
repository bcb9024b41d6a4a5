"""The exact posterior over the user, as columns of the observation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..compiled.compiler import njit
from ..foundation.errors import CarouselError, truth_value, whole_number
from ..lanes.snapshots import refuse_outside
from ..reference.acting.filtering import Belief, Filter
from ..reference.model import Model
from ..spec import model_of
from ..users.observation import Columns
from ..users.population import Population, as_population
from .forms import ALL, Info, names_of, read_names, single_space
from .observers import Observer, ScalarObserver, VectorObserver

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from .forms import Rows

MAX_KINDS = 256
"""Largest number of kinds of user with columns of their own."""

_FEATURES = ("bored", "kind", "joint")


@njit
def _write(joint, features, out):  # type: ignore[no-untyped-def]
    """Write features (0 bored, 1 kind, 2 joint) side by side. Sums have a fixed order, so that no
    bit of a lane depends on the other lanes."""
    n_kinds = joint.shape[1]
    for i in range(joint.shape[0]):
        c = 0
        for feature in features:
            if feature == 0:
                bored = 0.0
                for a in range(n_kinds):
                    bored += joint[i, a, 1]
                out[i, c] = min(bored, 1.0)
                c += 1
            elif feature == 1:
                for a in range(n_kinds):
                    out[i, c] = min(joint[i, a, 0] + joint[i, a, 1], 1.0)
                    c += 1
            else:
                for a in range(n_kinds):
                    out[i, c] = joint[i, a, 0]
                    out[i, c + 1] = joint[i, a, 1]
                    c += 2


class BeliefFeatures(Observer):
    """Appends the belief of an exact Bayes filter about the user before the next pick.

    The filter reads the observations of the router and is reset with each session. Features, in the
    order given: `bored`, P(the user is bored), column `belief_bored`; `kind`, P(kind of user), a
    column `belief_kind_<i>` per kind; `joint`, P(kind, mood), columns `belief_kind_<i>_fresh` and
    `belief_kind_<i>_bored`. Kinds are numbered as in `Model.of(population)`. Observations are
    float32, shape (D + C,), or (N, D + C) in the vector form.

    Args:
        env: a Carousel environment with a table of users, scalar or vector, wrapped or not, that
            shows its own columns first.
        show: one feature or several.
        replace: leave out the cues and the engagement, which the posterior already contains. The
            other columns stay, but not at their places in `Columns`.
        population: the population that the filter assumes, if not the environment's: a `Population`
            or a preset's name. A filter frozen in training keeps that population under every shift.
        kinds: merge kinds of user until at most this many are left (`Model.merged`); the filter is
            then exact for users with the mean parameters of their kind.

    Attributes:
        belief: the `Belief` about every lane after the last observation.

    Raises:
        CarouselError: an argument is not allowed.
    """

    belief: Belief

    def __init__(
        self,
        env: Any,
        show: str | Iterable[str] = "bored",
        *,
        replace: bool = False,
        population: Population | str | None = None,
        kinds: int | None = None,
    ) -> None:
        show = read_names("show", show, _FEATURES)
        space = self._open(env, show=show, replace=replace, population=population, kinds=kinds)
        replace = truth_value("replace", replace)
        own = self.unwrapped.population
        if not model_of(own).has_users:
            raise CarouselError(f"env is {env}; it has no boredom that a filter could follow")
        below = names_of(env)
        _refuse_unless_own_columns_first(env, below)
        believed = own if population is None else as_population(population)
        columns = Columns.of(believed)
        if columns != Columns.of(own) or believed.cue_levels != own.cue_levels:
            raise CarouselError(
                f"population shows {believed.n_actions} personas and cue levels "
                f"{believed.cue_levels}; it must show what the environment shows, {own.n_actions} "
                f"and {own.cue_levels}"
            )
        model = Model.of(believed)
        if kinds is not None:
            model = model.merged(whole_number("kinds", kinds, 1, 2**31))
        if model.n_types > MAX_KINDS and show != ("bored",):
            raise CarouselError(
                f"show asks for columns of {model.n_types} kinds of user; at most {MAX_KINDS} may "
                "have some, so merge them with kinds=..."
            )
        self._filter = Filter(believed, model)
        self._features = np.array([_FEATURES.index(name) for name in show])
        kept = np.ones(len(below), dtype=np.bool_)
        if replace:
            kept[columns.cues] = kept[columns.engagement] = False
        self._kept: Rows = np.flatnonzero(kept) if replace else ALL
        added = [name for feature in show for name in _names(feature, model.n_types)]
        self._n_added = len(added)
        self._show(
            [*(name for name, stays in zip(below, kept, strict=True) if stays), *added],
            np.concatenate([space.low[kept], np.zeros(len(added), dtype=np.float32)]),
            np.concatenate([space.high[kept], np.ones(len(added), dtype=np.float32)]),
        )
        self.belief = self._filter.start(self.lanes)

    def _push(
        self,
        observation: NDArray[np.float32],
        rows: Rows,
        begins: NDArray[np.int64],
        info: Info,
    ) -> None:
        # the filter itself reads from the observation that a session begins
        shown, before = observation[rows], self.belief
        part = Belief(before.joint[rows], before.satiation[rows])
        part = self._filter.update(part, shown)
        if rows is ALL:
            self.belief = part
        else:
            # the caller may hold the old belief
            self.belief = Belief(before.joint.copy(), before.satiation.copy())
            self.belief.joint[rows], self.belief.satiation[rows] = part.joint, part.satiation
        values = np.empty((len(shown), self._n_added), dtype=np.float32)
        _write(part.joint, self._features, values)
        self._out[rows, -self._n_added :] = values
        self._out[rows, : -self._n_added] = shown[:, self._kept]


def _names(feature: str, kinds: int) -> list[str]:
    if feature == "bored":
        return ["belief_bored"]
    ends = [""] if feature == "kind" else ["_fresh", "_bored"]
    return [f"belief_kind_{i}{end}" for i in range(kinds) for end in ends]


def _refuse_unless_own_columns_first(env: Any, below: tuple[str, ...]) -> None:
    """Raise unless the environment's own columns, which the filter reads, come first, unchanged."""
    base, shown = single_space(env.unwrapped), single_space(env)
    names = names_of(env.unwrapped)
    d = len(names)
    if (
        below[:d] != names
        or not np.array_equal(shown.low[:d], base.low)
        or not np.array_equal(shown.high[:d], base.high)
    ):
        raise CarouselError(
            f"env is {env}; its first {d} columns must be the environment's own, unchanged, "
            "for the filter to read"
        )


class ScalarBeliefFeatures(BeliefFeatures, ScalarObserver):
    """`BeliefFeatures` of one session at a time."""


class VectorBeliefFeatures(BeliefFeatures, VectorObserver):
    """`BeliefFeatures` of many sessions at once."""

    def _state(self) -> dict[str, NDArray[Any]]:
        return {**super()._state(), "joint": self.belief.joint, "sated": self.belief.satiation}

    def _refuse_impossible(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        super()._refuse_impossible(snapshot)
        joint, sated = snapshot["joint"], snapshot["sated"]
        total = joint.sum(axis=(1, 2))
        if not ((joint >= 0.0).all() and (np.abs(total - 1.0) < 1e-6).all()):
            raise CarouselError("the snapshot's joint holds beliefs that are no probabilities")
        # a turn adds at most 1
        refuse_outside("sated", sated, 0.0, self.population.session_length)

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a snapshot; see the environment."""
        # the caller may hold the belief so far
        self.belief = Belief(self.belief.joint.copy(), self.belief.satiation.copy())
        super().restore(snapshot)
