"""`cue-pattern`: swap when a short pattern of cues shows; nothing else is read or remembered.

The least that a router on engagement may be: no belief, no probability of boredom, no memory but
how many turns in a row matched. A pattern is a condition on the cues of one turn ("the reply came
late and short") that holds for n turns in a row with one persona. Conditions ask that one cue, or
two, lie at or above, or at or below, a level. Which of them swap is solved for the population by
playing. Tried are never to swap, and the Neyman-Pearson frontier of the family: the conditions that
no other one beats both in how rarely fresh users meet them and in how often bored users do.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from carousel_envs import CarouselError, Columns, column_names
from carousel_envs.compiled import observations
from carousel_envs.compiled.compiler import njit
from carousel_envs.foundation.errors import one_row_per_lane, shown
from carousel_envs.reference.model import Model
from carousel_envs.rollout import rollout
from carousel_envs.users.cues import cue_table

from ..router import RouterSpec, register
from . import streams
from .repertoire import by_typical_fit, next_one, places

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs import Population


MAX_LENGTH = 3
_TRIED, _FINALISTS = 24, 6
_TURNS, _MORE = 80_000, 8


@dataclass
class CuePatternPolicy:
    """Swap to the next persona of the repertoire once the last turns match.

    Attributes:
        columns: of the observations.
        strides: of the joint cue symbol, shape (cues,).
        matches: whether a turn that shows a symbol matches, bool, shape (symbols,).
        length: turns in a row, with the persona that speaks, that must match.
        repertoire: personas in the order in which they are tried, shape (personas,).
        words: the pattern in words.
    """

    columns: Columns
    strides: NDArray[np.int64]
    matches: NDArray[np.bool_]
    length: int
    repertoire: NDArray[np.int64]
    words: str

    def initial_state(self, lanes: int, seed: int) -> NDArray[np.int64]:
        """Matching turns in a row, shape (N,)."""
        return np.zeros(lanes, dtype=np.int64)

    def act(
        self, observation: NDArray[np.float32], state: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The picks of N lanes, shape (N,), and their matching turns in a row.

        Raises:
            CarouselError: the observation is too narrow or shows unknown cues, or has another
                number of lanes than the state.
        """
        columns = self.columns
        columns.refuse_narrow(observation)
        one_row_per_lane(observation, len(state))
        picks, run = np.empty_like(state), np.empty_like(state)
        unknown = _swap_after(
            self.length,
            state,
            observation,
            (columns.persona.start, columns.available.start, columns.streak),
            self.strides,
            self.matches,
            self.repertoire,
            places(self.repertoire, columns.n_actions),
            run,
            picks,
        )
        columns.refuse_cues(observation, unknown)
        return picks, run


# arguments and no record: read out of one, arrays cost a sixth of a rollout
@njit
def _swap_after(  # type: ignore[no-untyped-def]
    length, before, observation, seen, strides, matches, repertoire, place_of, run, picks
):
    """Write the runs and the picks; return a lane whose cues are no symbol, or -1."""
    persona, available, streak = seen
    n_symbols, unknown = len(matches), np.int64(-1)
    for i in range(len(picks)):
        turns = observation[i, streak]
        if turns < 0.5:
            run[i] = 0
            picks[i] = next_one(repertoire, -1, observation, i, available)
            continue
        # what was shown to an earlier persona is over
        so_far = before[i] if turns > 1.5 else 0
        symbol = observations.symbol(observation, i, strides, n_symbols)
        if symbol == n_symbols:
            unknown, symbol = np.int64(i), np.int64(0)
        run[i] = so_far + 1 if matches[symbol] else 0
        picks[i] = observations.largest(observation, i, persona, len(place_of))
        if run[i] >= length:
            picks[i] = next_one(repertoire, place_of[picks[i]], observation, i, available)
    return unknown


def build(population: Population, length: str | int | None = None) -> CuePatternPolicy:
    """The best pattern found for a population.

    Args:
        population: the users, who must show cues.
        length: turns in a row that must match, 1 to 3; default: the best of these.

    Raises:
        CarouselError: another length, or users who show no cues.
    """
    if not population.cues:
        raise CarouselError("router 'cue-pattern' waits for cues; these users show none")
    lengths = {str(n): (n,) for n in range(1, MAX_LENGTH + 1)}
    if length is not None and str(length) not in lengths:
        raise CarouselError(
            f"length of cue-pattern is {shown(length)}; it must be a whole number from 1 to "
            f"{MAX_LENGTH}"
        )
    every = tuple(range(1, MAX_LENGTH + 1))
    return _best(population, every if length is None else lengths[str(length)])


@lru_cache(maxsize=64)
def _best(population: Population, lengths: tuple[int, ...]) -> CuePatternPolicy:
    columns, strides = Columns.of(population), cue_table(population).strides
    repertoire = by_typical_fit(Model.of(population).merged(1))
    conditions = [(words, matches) for words, matches in _frontier(population)]
    never = np.zeros(len(cue_table(population).levels), dtype=np.bool_)
    found = [CuePatternPolicy(columns, strides, never, 1, repertoire, "never")]
    found += [
        CuePatternPolicy(columns, strides, matches, n, repertoire, f"{words}, {n} in a row")
        for n in lengths
        for words, matches in conditions
    ]
    sessions = max(_TURNS // population.session_length, 100)

    def mean(policy: CuePatternPolicy, more: int, seed: int) -> float:
        return rollout(population, policy, sessions * more, seed).mean

    found.sort(key=lambda policy: -mean(policy, 1, streams.PATTERNS))
    later = streams.PATTERNS + sessions
    return max(found[:_FINALISTS], key=lambda policy: mean(policy, _MORE, later))


def _frontier(population: Population) -> list[tuple[str, NDArray[np.bool_]]]:
    """Conditions in words and as matching symbols, none of them beaten by another in both moods."""
    words, matches = zip(*_family(population), strict=True)
    fresh, bored = cue_table(population).probability @ np.array(matches, dtype=np.float64).T
    # from the rarest among fresh users on, those that more bored users show than any before
    order = np.lexsort((-bored, fresh))
    most = np.maximum.accumulate(np.concatenate([[0.0], bored[order]]))
    kept = order[bored[order] > most[:-1]]
    if len(kept) > _TRIED:
        kept = kept[np.linspace(0, len(kept) - 1, _TRIED).round().astype(np.int64)]
    return [(words[i], matches[i]) for i in kept]


def _family(population: Population) -> list[tuple[str, NDArray[np.bool_]]]:
    """Every condition on one cue or two."""
    levels = cue_table(population).levels
    names = column_names(population)
    alone: list[list[tuple[str, NDArray[np.bool_]]]] = [
        [(f"{names[j]} >= {x}", levels[:, j] >= x) for x in range(1, n)]
        + [(f"{names[j]} <= {x}", levels[:, j] <= x) for x in range(n - 1)]
        for j, n in enumerate(population.cue_levels)
    ]
    pairs = [
        (f"{one} and {other}", a & b)
        for first, second in itertools.combinations(alone, 2)
        for (one, a), (other, b) in itertools.product(first, second)
    ]
    return [condition for cue in alone for condition in cue] + pairs


ROUTER = register(
    RouterSpec(
        "cue-pattern",
        "swaps when a short pattern of cues shows, and does nothing else",
        build,
        takes="turns in a row that must match, 1 to 3",
        needs_users=True,
    )
)
