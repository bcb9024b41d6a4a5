"""The decision problem as arrays, read from the tables that the kernel reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..cues import cue_table
from ..users import user_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..population import Population


@dataclass(frozen=True, eq=False)
class Model:
    """What a solver needs to know. A *type* is a kind of user, without which personas are present.

    Attributes:
        fit: P(fresh after a persona takes over), shape (types, K).
        hazard: P(fresh to bored) per turn, shape (types, K).
        engagement: shape (types, 2): fresh, bored.
        leave: shape (types, 2).
        gain, memory: satiation, shape (types,).
        weights: share of each type, shape (types,).
        masks: which personas are present, one row per distinct set, bool, shape (masks, K).
        mask_weights: share of each set, shape (masks,).
        joint: share of each pair, shape (types, masks).
        cues: P(cue symbol | mood), shape (2, symbols).
        length: turns, T.
        swap_cost: engagement units.
    """

    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    engagement: NDArray[np.float64]
    leave: NDArray[np.float64]
    gain: NDArray[np.float64]
    memory: NDArray[np.float64]
    weights: NDArray[np.float64]
    masks: NDArray[np.bool_]
    mask_weights: NDArray[np.float64]
    joint: NDArray[np.float64]
    cues: NDArray[np.float64]
    length: int
    swap_cost: float

    @classmethod
    def of(cls, population: Population) -> Model:
        """The model of a population's realised user table."""
        table = user_table(population)
        # satiation that is not felt, or not kept, makes no difference between users
        felt = table.gain * table.memory > 0
        gain, memory = table.gain * felt, table.memory * felt
        hidden = np.column_stack(
            [table.fit, table.hazard, table.engagement, table.leave, gain, memory]
        )
        kinds, which_kind = np.unique(hidden, axis=0, return_inverse=True)
        masks, which_mask = np.unique(table.available, axis=0, return_inverse=True)
        joint = np.zeros((len(kinds), len(masks)))
        np.add.at(joint, (which_kind.ravel(), which_mask.ravel()), 1.0 / len(table))
        return cls(
            **_kind_columns(kinds, table.n_actions),
            weights=joint.sum(axis=1),
            masks=masks.astype(np.bool_),
            mask_weights=joint.sum(axis=0),
            joint=joint,
            cues=cue_table(population).probability,
            length=population.session_length,
            swap_cost=population.swap_cost,
        )

    @property
    def n_types(self) -> int:
        """Kinds of user."""
        return len(self.weights)

    @property
    def n_actions(self) -> int:
        """K."""
        return int(self.fit.shape[1])

    @property
    def has_satiation(self) -> bool:
        """Whether anybody tires of a persona."""
        return bool((self.gain * self.memory > 0).any())

    def first_picks(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Who speaks when persona k is picked first: k, or the next present one; shape (K,)."""
        k = self.n_actions
        around = (np.arange(k)[:, None] + np.arange(k)[None, :]) % k
        return np.asarray(around[np.arange(k), mask[around].argmax(axis=1)])

    def symbols(self, kind: int) -> NDArray[np.float64]:
        """P(engagement and cue symbol | mood) of a type without satiation, shape (2, 2 * symbols):
        first the symbols with engagement 0, then those with engagement 1."""
        q = self.engagement[kind][:, None]
        return np.concatenate([(1 - q) * self.cues, q * self.cues], axis=1)

    def merged(self, limit: int) -> Model:
        """Merge kinds of user until at most `limit` are left; each stands for its mean.

        The group with the widest column is split at that column's weighted mean, time and again.
        """
        if self.n_types <= limit:
            return self
        columns = np.column_stack(
            [self.fit, self.hazard, self.engagement, self.leave, self.gain, self.memory]
        )
        scaled = columns / np.maximum(columns.std(axis=0), 1e-12)
        groups = [np.arange(self.n_types)]
        while len(groups) < limit:
            spreads = [scaled[g].std(axis=0).max() * np.sqrt(self.weights[g].sum()) for g in groups]
            widest = groups.pop(int(np.argmax(spreads)))
            column = int(scaled[widest].std(axis=0).argmax())
            middle = np.average(columns[widest, column], weights=self.weights[widest])
            above = columns[widest, column] > middle
            groups += [widest[above], widest[~above]]
        means = np.stack([np.average(columns[g], axis=0, weights=self.weights[g]) for g in groups])
        joint = np.stack([self.joint[g].sum(axis=0) for g in groups])
        return replace(
            self, **_kind_columns(means, self.n_actions), weights=joint.sum(axis=1), joint=joint
        )


def _kind_columns(kinds: NDArray[np.float64], k: int) -> dict[str, Any]:
    """Split rows of (fit, hazard, engagement, leave, gain, memory) into fields of a model."""
    ends = np.cumsum([k, k, 2, 2])
    fit, hazard, engagement, leave, rest = np.split(kinds, ends, axis=1)
    parts = {
        "fit": fit,
        "hazard": hazard,
        "engagement": engagement,
        "leave": leave,
        "gain": rest[:, 0],
        "memory": rest[:, 1],
    }
    return {name: np.ascontiguousarray(part) for name, part in parts.items()}
