"""The decision problem as arrays, read from the tables that the kernel reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..users.cues import cue_table
from ..users.table import UNIT, weighed_users

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..users.population import Population
    from ..users.table import UserTable


# An argument of njit kernels: naming them here makes this file one of their sources, so that a
# change of fields has them compiled again.
class KernelUsers(NamedTuple):
    """The kinds of user of a `Model`, as compiled kernels take them.

    Attributes:
        weights: share of each kind, shape (kinds,).
        fit, hazard, engagement, leave, farewell, gain, memory: as in `Model`.
        pays, hook, cues, swap_cost: as in `Model`.
    """

    weights: NDArray[np.float64]
    fit: NDArray[np.float64]
    hazard: NDArray[np.float64]
    engagement: NDArray[np.float64]
    leave: NDArray[np.float64]
    farewell: NDArray[np.float64]
    gain: NDArray[np.float64]
    memory: NDArray[np.float64]
    pays: NDArray[np.float64]
    hook: NDArray[np.float64]
    cues: NDArray[np.float64]
    swap_cost: float


@dataclass(frozen=True, eq=False)
class Model:
    """A population as solvers read it. A *type* is a kind of user, regardless of availability.

    Attributes:
        fit: P(fresh after a persona takes over), shape (types, K).
        hazard: P(fresh to bored) per turn, shape (types, K).
        engagement: shape (types, K, 2): fresh, bored.
        leave, farewell: shape (types, 2).
        gain: engagement lost per unit of satiation, shape (types, K).
        memory: share of satiation kept, shape (types,).
        weights: share of each type, shape (types,).
        masks: actions available in each visible context, bool, shape (contexts, K).
        contexts: `Columns.context` of each, shape (contexts,): availability and, where users show
            them, vulnerability and badge.
        mask_weights: share of each context, shape (contexts,).
        joint: share of each pair, shape (types, contexts).
        vulnerable: share of each pair that is vulnerable, shape (types, contexts).
        pays: reward of a turn beyond engagement, shape (K,): less what a persona costs.
        hook: P(a farewell is prevented), shape (K,).
        welfare: welfare of a turn, shape (2, K): for other users, for vulnerable users.
        farewell_harm: welfare lost when a farewell is prevented.
        personas: number of actions that enact a persona; the remaining actions enact none.
        cues: P(cue symbol | mood), shape (2, symbols).
        length: turns, T.
        swap_cost: in units of engagement.
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
    pays: NDArray[np.float64]
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
            pays=population.pays,
            hook=np.rint(population.per_action("hook") * UNIT) / UNIT,
            personas=len(population.personas),
            cues=cue_table(population).probability,
            length=population.session_length,
            swap_cost=population.swap_cost,
        )

    @cached_property
    def kernel_users(self) -> KernelUsers:
        """The kinds of user, as compiled kernels take them."""
        return KernelUsers(**{name: getattr(self, name) for name in KernelUsers._fields})

    def weighed(self, weights: NDArray[np.float64] | None) -> KernelUsers:
        """`kernel_users` with other shares of the kinds, shape (kinds,); None: with their own."""
        if weights is None:
            return self.kernel_users
        # a column of a table would be another type to kernels, which are compiled for each
        return self.kernel_users._replace(weights=np.ascontiguousarray(weights))

    @cached_property
    def worth(self) -> NDArray[np.float64]:
        """Expected reward of a turn without satiation, shape (types, K, 2)."""
        return self.engagement + self.pays[:, None]

    @property
    def n_types(self) -> int:
        """Number of kinds of user."""
        return len(self.weights)

    @property
    def n_actions(self) -> int:
        """K."""
        return int(self.fit.shape[1])

    @property
    def has_satiation(self) -> bool:
        """Whether any user satiates."""
        return bool((self.gain.max(axis=1) * self.memory > 0).any())

    @property
    def has_farewells(self) -> bool:
        """Whether any user says goodbye."""
        return bool((self.farewell > 0).any())

    @property
    def mean_welfare(self) -> NDArray[np.float64]:
        """Mean welfare of a turn over users of a type in a context, shape (types, contexts, K)."""
        share = self.vulnerable / np.where(self.joint > 0.0, self.joint, 1.0)
        plain, vulnerable = self.welfare
        return np.asarray(plain + share[:, :, None] * (vulnerable - plain))

    def first_picks(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Persona that action k enacts as the first pick, shape (K,): k itself, or the next one
        available."""
        k, personas = self.n_actions, self.personas
        around = (np.arange(personas)[:, None] + np.arange(personas)[None, :]) % personas
        firsts = np.arange(k)
        firsts[:personas] = around[firsts[:personas], mask[around].argmax(axis=1)]
        return firsts

    def symbols(self, kind: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """P(symbol | action, mood) for a type, satiation left out, shape (K, 2, Z), and whether
        each symbol includes a goodbye, shape (Z,).

        A symbol joins engagement and cues: first the cue symbols with engagement 0, then those with
        engagement 1. Where users say goodbye, all of these come twice: first without a goodbye,
        then with one.
        """
        q = self.engagement[kind][:, :, None]
        like = np.concatenate([(1 - q) * self.cues, q * self.cues], axis=2)
        if not self.has_farewells:
            return like, np.zeros(like.shape[2], dtype=np.int64)
        goodbye = np.repeat([0, 1], like.shape[2])
        says = self.farewell[kind][None, :, None]
        return np.concatenate([(1 - says) * like, says * like], axis=2), goodbye

    def merged(self, limit: int) -> Model:
        """Merge kinds of user into at most `limit` groups; each group is replaced by its mean.

        Starting from a single group, the one with the widest column is split at that column's
        weighted mean, repeatedly.
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
"""Columns that vary by less than this share of their largest number are not rescaled further."""


def _scales(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divisors that give all columns the same spread, shape (columns,)."""
    floor = _ROUNDING * np.abs(columns).max(axis=0)
    least = np.maximum(floor, np.finfo(np.float64).tiny)
    return np.asarray(np.maximum(_spread(columns), least))


def _spread(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation of each column; exactly 0 where it is constant, despite rounding."""
    varies = columns.max(axis=0) > columns.min(axis=0)
    return np.where(varies, columns.std(axis=0), 0.0)


def _above_mean(numbers: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which numbers lie above their mean. Unless all are equal, that is some of them, not all."""
    middle = np.average(numbers, weights=weights)
    # the mean of numbers one rounding apart may be rounded to one of them or beyond
    below_most = np.nextafter(numbers.max(), -np.inf)
    return np.asarray(numbers > np.clip(middle, numbers.min(), below_most))


def _means(columns: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each column, clipped to its range so that probabilities stay in [0, 1]."""
    mean = np.average(columns, axis=0, weights=weights)
    return np.asarray(np.clip(mean, columns.min(axis=0), columns.max(axis=0)))


def _hidden(users: UserTable | Model) -> NDArray[np.float64]:
    """All that distinguishes kinds of user, one row each, shape (users, 5K + 5)."""
    n = len(users.fit)
    # satiation that has no effect, or is not kept, does not distinguish users
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
