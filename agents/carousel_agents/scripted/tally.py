"""`tally`: count signs of boredom, subtract signs of freshness, swap when enough are left over.

A rule of two lines, without probabilities: what a person might write down after watching sessions.
Each cue level is a sign of boredom (+1), of freshness (-1) or of neither, and so is whether the
user engaged. The tally of a persona is the signs of its last turn plus a share (`leak`) of the
tally before. Once the tally reaches `margin`, or the persona has had `most` turns in a row, the
rule swaps: to the `next` persona of the repertoire; to the next whom the user has not disliked so
far (`skip`); or to the one whom the user has liked most (`liked`), where liking is the sum of
signs of freshness less those of boredom over all turns with a persona, and 0 for whom has not
spoken. Where users say goodbye it may answer with the persona that holds users back best
(`clings`).

Which of these rules: tried by playing sessions of the training users, from a rule of each kind on,
one or two settings at a time until no change helps.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs import CarouselError, Columns
from carousel_envs.foundation.errors import one_row_per_lane, real_number
from carousel_envs.reference.model import Model
from carousel_envs.rollout import rollout
from carousel_envs.users.cues import cue_table

from ..router import RouterSpec, register
from . import streams
from .repertoire import places
from .tally_kernel import LIKED, NEXT, SKIP, TallyTables, swap_when_enough

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from carousel_envs import Population

_SIGN = 1.5
"""Likelihood ratio of the moods from which a cue level is a sign of one."""
_FOR_EVER = 1 << 30
_TURNS, _MORE, _FINALISTS = 60_000, 6, 3


@dataclass(frozen=True)
class Rule:
    """The settings of a tally.

    Attributes:
        margin: tally from which to swap.
        leak: share of the tally that is kept from turn to turn, 0: only the last turn counts.
        most: turns in a row after which to swap in any case.
        where: index of `next`, `skip`, `liked`.
        engagement: signs that a turn without engagement counts for, 0 to 2 (with engagement: the
            opposite).
        clings: whether goodbyes are answered with the persona that holds users back best.
        kept: personas of the repertoire that are used, the best ones; 0: all.
    """

    margin: float = 1.0
    leak: float = 0.0
    most: int = _FOR_EVER
    where: int = NEXT
    engagement: int = 1
    clings: bool = False
    kept: int = 0

    @property
    def words(self) -> str:
        """The rule as a person would say it."""
        parts = [f"swaps at {self.margin:g} signs"]
        if self.leak:
            parts.append(f"keeping {self.leak:g} of those before")
        if self.most < _FOR_EVER:
            parts.append(f"or after {self.most} turns")
        parts.append(f"to the {('next', 'next not disliked', 'most liked')[self.where]}")
        if self.engagement != 1:
            parts.append("engagement counts twice" if self.engagement else "hearing cues alone")
        if self.kept:
            parts.append(f"among the best {self.kept}")
        if self.clings:
            parts.append("and clings at a goodbye")
        return ", ".join(parts)


_CHOICES: dict[str, tuple[Any, ...]] = {
    "margin": (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0),
    "where": (NEXT, SKIP, LIKED),
    "leak": (0.0, 0.3, 0.5, 0.7, 0.85),
    "most": (_FOR_EVER, 1, 2, 3, 4, 6, 9, 14),
    "engagement": (1, 0, 2),
    "clings": (False, True),
    "kept": (0, 2, 3, 4),
}


_TOGETHER = (("margin", "engagement"), ("leak",), ("where",), ("most",), ("clings",), ("kept",))
"""Settings that are chosen together: how many signs are enough depends on what counts."""


@dataclass(frozen=True, eq=False)
class Tallies:
    """State of N lanes: the tally of who speaks, shape (N,), and how each action was liked so far,
    shape (N, K)."""

    tally: NDArray[np.float64]
    liking: NDArray[np.float64]


@dataclass
class TallyPolicy:
    """Follow a rule that counts signs.

    Attributes:
        columns: of the observations.
        rule: its settings.
        signs: of boredom less of freshness in each cue symbol, float64, shape (symbols,).
        strides: of the joint cue symbol, shape (cues,).
        repertoire: personas in the order in which they are tried, shape (personas,).
        clinger: the persona that holds users back best.
    """

    columns: Columns
    rule: Rule
    signs: NDArray[np.float64]
    strides: NDArray[np.int64]
    repertoire: NDArray[np.int64]
    clinger: int

    def __post_init__(self) -> None:
        columns, rule = self.columns, self.rule
        used = np.ascontiguousarray(self.repertoire[: rule.kept or None])
        self._tables = TallyTables(
            self.signs,
            self.strides,
            used,
            places(used, columns.n_actions),
            float(rule.margin),
            float(rule.leak),
            rule.most,
            rule.where,
            float(rule.engagement),
            self.clinger if rule.clings else -1,
            columns.engagement,
            columns.persona.start,
            columns.available.start,
            columns.streak,
            -1 if columns.farewell is None else columns.farewell,
        )

    @property
    def words(self) -> str:
        """The rule as a person would say it."""
        return self.rule.words

    def initial_state(self, lanes: int, seed: int) -> Tallies:
        """Nothing counted, in N lanes."""
        return Tallies(np.zeros(lanes), np.zeros((lanes, self.columns.n_actions)))

    def act(
        self, observation: NDArray[np.float32], state: Tallies
    ) -> tuple[NDArray[np.int64], Tallies]:
        """The picks of N lanes, shape (N,), and their tallies.

        Raises:
            CarouselError: the observation is too narrow or shows unknown cues, or has another
                number of lanes than the state.
        """
        columns = self.columns
        columns.refuse_narrow(observation)
        one_row_per_lane(observation, len(state.tally))
        after = Tallies(np.empty_like(state.tally), state.liking.copy())
        picks = np.empty(len(observation), dtype=np.int64)
        unknown = swap_when_enough(
            self._tables, observation, state.tally, after.tally, after.liking, picks
        )
        columns.refuse_cues(observation, unknown)
        return picks, after


def signs_of(population: Population) -> NDArray[np.float64]:
    """Signs of boredom less signs of freshness in each cue symbol, shape (symbols,): a level is a
    sign of the mood that shows it at least 1.5 times as often."""
    table = cue_table(population)
    total = np.zeros(len(table.levels))
    for j, n in enumerate(population.cue_levels):
        shown = table.levels[:, j][:, None] == np.arange(n)
        fresh, bored = table.probability @ shown
        sign = (bored >= _SIGN * fresh).astype(np.float64) - (fresh >= _SIGN * bored)
        total += sign[table.levels[:, j].astype(np.int64)]
    return total


def _by_engagement(typical: Model) -> NDArray[np.int64]:
    """Personas by the engagement of their first turn with the one user of a merged model, then by
    fit, shape (personas,)."""
    fit, n = typical.fit[0, : typical.personas], typical.personas
    first = fit * typical.engagement[0, :n, 0] + (1.0 - fit) * typical.engagement[0, :n, 1]
    return np.lexsort((np.arange(n), -fit, -first.round(9)))


def _climb(
    rule: Rule, choices: Mapping[str, tuple[Any, ...]], mean: Callable[[Rule], float]
) -> None:
    """Change the settings of `_TOGETHER` in turn while that helps; `mean` remembers what it is
    asked."""
    best, improved = rule, True
    while improved:
        improved = False
        for names in _TOGETHER:
            held = [name for name in names if name in choices]
            every = itertools.product(*(choices[name] for name in held))
            rules = [replace(best, **dict(zip(held, values, strict=True))) for values in every]
            tried = max(rules, key=mean)
            if mean(tried) > mean(best):
                best, improved = tried, True


def policy_of(population: Population, rule: Rule) -> TallyPolicy:
    """A rule for the users of a population, who must show cues."""
    return TallyPolicy(
        Columns.of(population),
        rule,
        signs_of(population),
        cue_table(population).strides,
        _by_engagement(Model.of(population).merged(1)),
        int(np.argmax(population.per_action("hook"))),
    )


def build(population: Population, leak: str | float | None = None) -> TallyPolicy:
    """The best tally found for a population.

    Args:
        population: the users, who must show cues.
        leak: share of the tally that is kept from turn to turn; default: the best found.

    Raises:
        CarouselError: leak outside [0, 1], or users who show no cues.
    """
    return _best(population, None if leak is None else real_number("leak", float(leak), 0.0, 1.0))


@lru_cache(maxsize=64)
def _best(population: Population, leak: float | None) -> TallyPolicy:
    if not population.cues:
        raise CarouselError("router 'tally' counts signs in cues; these users show none")
    columns, plain = Columns.of(population), policy_of(population, Rule())
    sessions = max(_TURNS // population.session_length, 100)
    found: dict[Rule, float] = {}

    def mean(rule: Rule) -> float:
        if rule not in found:
            found[rule] = rollout(
                population, replace(plain, rule=rule), sessions, streams.TALLIES
            ).mean
        return found[rule]

    choices = {
        name: values
        for name, values in _CHOICES.items()
        if name != "clings" or columns.farewell is not None
    }
    if leak is not None:
        choices["leak"] = (leak,)
    for where, clings in itertools.product(choices["where"], choices.get("clings", (False,))):
        start = Rule(where=where, clings=clings, leak=leak or 0.0)
        _climb(start, choices, mean)
    finalists = sorted(found, key=lambda rule: -found[rule])[:_FINALISTS]
    later = streams.TALLIES + sessions

    def more(rule: Rule) -> float:
        acting = replace(plain, rule=rule)
        return rollout(population, acting, sessions * _MORE, later).mean

    return replace(plain, rule=max(finalists, key=more))


ROUTER = register(
    RouterSpec(
        "tally",
        "counts signs of boredom less signs of freshness, swaps when enough are left over",
        build,
        takes="the share of the tally kept from turn to turn, in [0, 1]; 0: the last turn alone",
        needs_users=True,
    )
)
