"""The decision problem as arrays, read from the tables that the kernel reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..users.cues import cue_table
from ..users.table import UNIT, weighed_users

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..users.population import Population
    from ..users.table import UserTable


@dataclass(frozen=True, eq=False)
class Model:
    """What a solver needs to know. A *type* is a kind of user, without which personas are present.

    Attributes:
        fit: P(fresh after a persona takes over), shape (types, K).
        hazard: P(fresh to bored) per turn, shape (types, K).
        engagement: shape (types, K, 2): fresh, bored.
        leave, farewell: shape (types, 2).
        gain: engagement lost per unit of satiation, shape (types, K).
        memory: share of satiation kept, shape (types,).
        weights: share of each type, shape (types,).
        masks: what is present in each visible context, bool, shape (contexts, K).
        contexts: `Columns.context` of each, shape (contexts,): who is available and, where users
            show it, whether they are vulnerable and whom their badge names.
        mask_weights: share of each context, shape (contexts,).
        joint: share of each pair, shape (types, contexts).
        vulnerable: share of each pair that is vulnerable, shape (types, contexts).
        hook: P(a user who said goodbye is kept), shape (K,).
        welfare: welfare of a turn for a user who is not, and who is vulnerable, shape (2, K).
        farewell_harm: welfare lost when a user who said goodbye is kept.
        personas: how many actions enact a persona; the others enact none.
        cues: P(cue symbol | mood), shape (2, symbols).
        length: turns, T.
        swap_cost: engagement units.
    """

    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    engagement: NDArray[np.float64]
    leave: NDArray[np.float64]
    farewell: NDArray[np.float64]
    gain: NDArray[np.float64]
    memory: NDArray[np.float64]
    weights: NDArray[np.float64]
    masks: NDArray[np.bool_]
    contexts: NDArray[np.int64]
    mask_weights: NDArray[np.float64]
    joint: NDArray[np.float64]
    vulnerable: NDArray[np.float64]
    hook: NDArray[np.float64]
    welfare: NDArray[np.float64]
    farewell_harm: float
    personas: int
    cues: NDArray[np.float64]
    length: int
    swap_cost: float

    @classmethod
    def of(cls, population: Population) -> Model:
        """The model of a population's realised user table."""
        table, counts = weighed_users(population)
        share = counts / population.n_users
        kinds, which_kind = np.unique(_hidden(table), axis=0, return_inverse=True)
        visible = (table.available * (1 << np.arange(table.n_actions))).sum(axis=1)
        if "vulnerable" in population.shows:
            visible += table.vulnerable.astype(np.int64) << table.n_actions
        visible += (1 + table.badge.astype(np.int64)) << (table.n_actions + 1)
        contexts, which_context = np.unique(visible, return_inverse=True)
        joint = np.zeros((len(kinds), len(contexts)))
        pairs = (which_kind.ravel(), which_context)
        np.add.at(joint, pairs, share)
        vulnerable = np.zeros_like(joint)
        np.add.at(vulnerable, pairs, table.vulnerable * share)
        welfare = population.per_action("welfare")
        return cls(
            **_kind_columns(kinds, table.n_actions),
            weights=joint.sum(axis=1),
            masks=(contexts[:, None] >> np.arange(table.n_actions)) & 1 != 0,
            contexts=contexts,
            mask_weights=joint.sum(axis=0),
            joint=joint,
            vulnerable=vulnerable,
            welfare=np.stack([welfare, welfare + population.per_action("vulnerable_welfare")]),
            farewell_harm=population.farewell_harm,
            hook=np.rint(population.per_action("hook") * UNIT) / UNIT,
            personas=len(population.personas),
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
        return bool((self.gain.max(axis=1) * self.memory > 0).any())

    @property
    def has_farewells(self) -> bool:
        """Whether anybody says goodbye."""
        return bool((self.farewell > 0).any())

    @property
    def mean_welfare(self) -> NDArray[np.float64]:
        """Mean welfare of a turn over users of a type in a context, shape (types, contexts, K)."""
        share = self.vulnerable / np.where(self.joint > 0.0, self.joint, 1.0)
        plain, vulnerable = self.welfare
        return np.asarray(plain + share[:, :, None] * (vulnerable - plain))

    def first_picks(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Who speaks when action k is picked first: k, or the next present one; shape (K,)."""
        k, personas = self.n_actions, self.personas
        around = (np.arange(personas)[:, None] + np.arange(personas)[None, :]) % personas
        firsts = np.arange(k)
        firsts[:personas] = around[firsts[:personas], mask[around].argmax(axis=1)]
        return firsts

    def symbols(self, kind: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """P(everything shown in a turn | action, mood) of a type without satiation, shape
        (K, 2, Z), and whether each symbol shows a goodbye, shape (Z,).

        First the cue symbols with engagement 0, then with engagement 1; where users say goodbye,
        all of these without a goodbye, then with one.
        """
        q = self.engagement[kind][:, :, None]
        like = np.concatenate([(1 - q) * self.cues, q * self.cues], axis=2)
        if not self.has_farewells:
            return like, np.zeros(like.shape[2], dtype=np.int64)
        goodbye = np.repeat([0, 1], like.shape[2])
        says = self.farewell[kind][None, :, None]
        return np.concatenate([(1 - says) * like, says * like], axis=2), goodbye

    def merged(self, limit: int) -> Model:
        """Merge kinds of user until at most `limit` are left; each stands for its mean.

        The group with the widest column is split at that column's weighted mean, time and again.
        """
        if self.n_types <= limit:
            return self
        columns = _hidden(self)
        groups = [np.arange(self.n_types)]
        scales = _scales(columns)
        while len(groups) < limit:
            spreads = [
                _spread(columns[g] / scales).max() * np.sqrt(self.weights[g].sum()) for g in groups
            ]
            if not max(spreads) > 0.0:
                break
            widest = groups.pop(int(np.argmax(spreads)))
            column = int(_spread(columns[widest] / scales).argmax())
            above = _above_mean(columns[widest, column], self.weights[widest])
            groups += [widest[above], widest[~above]]
        means = np.stack([_means(columns[g], self.weights[g]) for g in groups])
        joint, vulnerable = (
            np.stack([shares[g].sum(axis=0) for g in groups])
            for shares in (self.joint, self.vulnerable)
        )
        return replace(
            self,
            **_kind_columns(means, self.n_actions),
            weights=joint.sum(axis=1),
            joint=joint,
            vulnerable=vulnerable,
        )


_ROUNDING = 1e-12
"""Columns that differ by less than this share of their largest number are not stretched further."""


def _scales(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each column is divided by so that all of them spread alike, shape (columns,)."""
    floor = _ROUNDING * np.abs(columns).max(axis=0)
    least = np.maximum(floor, np.finfo(np.float64).tiny)
    return np.asarray(np.maximum(_spread(columns), least))


def _spread(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of each column; exactly 0 where it is constant, which rounding hides."""
    varies = columns.max(axis=0) > columns.min(axis=0)
    return np.where(varies, columns.std(axis=0), 0.0)


def _above_mean(numbers: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of numbers that are not all equal lie above their mean: some, and not all."""
    middle = np.average(numbers, weights=weights)
    # the mean of numbers a rounding apart may be rounded to one of them or beyond
    below_most = np.nextafter(numbers.max(), -np.inf)
    return np.asarray(numbers > np.clip(middle, numbers.min(), below_most))


def _means(columns: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each column, never beyond its numbers: probabilities stay in [0, 1]."""
    mean = np.average(columns, axis=0, weights=weights)
    return np.asarray(np.clip(mean, columns.min(axis=0), columns.max(axis=0)))


def _hidden(users: UserTable | Model) -> NDArray[np.float64]:
    """What makes kinds of user differ, one row each, shape (users, 5K + 5)."""
    n = len(users.fit)
    # satiation that is not felt, or not kept, makes no difference between users
    gain = users.gain * (users.memory > 0)[:, None]
    memory = users.memory * (gain > 0).any(axis=1)
    moods = users.engagement.reshape(n, -1)
    return np.column_stack(
        [users.fit, users.hazard, moods, gain, users.leave, users.farewell, memory]
    )


def _kind_columns(kinds: NDArray[np.float64], k: int) -> dict[str, Any]:
    """Split rows of `_hidden` into fields of a model."""
    fit, hazard, engagement, gain, leave, farewell, memory = np.split(
        kinds, np.cumsum([k, k, 2 * k, k, 2, 2]), axis=1
    )
    parts = {
        "fit": fit,
        "hazard": hazard,
        "engagement": engagement.reshape(-1, k, 2),
        "gain": gain,
        "leave": leave,
        "farewell": farewell,
        "memory": memory[:, 0],
    }
    return {name: np.ascontiguousarray(part) for name, part in parts.items()}
