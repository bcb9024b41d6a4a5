"""Questions and answers in closed form.

Questions are independent of one another and of what the router does, so the value of a router that
looks at the question alone is session_length times its expected reward on one question. With C the
counts of true questions, T and Y those of what is shown (`recall.tables`) and R_k the questions on
which persona k is rewarded, the joint count of "shown (t, y) and k rewarded" is G_k = T' (C R_k) Y,
out of 65536**3. The optimum takes the largest G_k at every (t, y): Bayes' rule needs no more, since
the posterior's normaliser is common to all personas. All of it is exact in 64-bit integers; where
personas lie at random, R_k holds probabilities, and all of it is in floating point.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..foundation.errors import CarouselError, as_array
from ..questions.observation import QuestionColumns
from ..questions.population import as_questions
from ..questions.table import KNOWS, SAYS, question_tables
from ..users.table import UNIT
from .acting.unseeing import AnyActionPolicy
from .reference import Reference

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..questions.population import Questions
    from ..questions.table import QuestionTables


@dataclass(frozen=True)
class Rates:
    """What a router brings about, exactly.

    Attributes:
        value: expected reward per session.
        knowledgeable, lied, deceived: probability per question that the answer is knowledgeable,
            that the persona lied, that somebody else in the cast could have answered.
        forbidden: probability that a question is forbidden.
        deceived_on_forbidden: probability that a question is forbidden and the user deceived.
    """

    value: float
    knowledgeable: float
    lied: float
    deceived: float
    forbidden: float
    deceived_on_forbidden: float

    def row(self) -> dict[str, float | None]:
        """Everything as plain data."""
        return {
            **asdict(self),
            "on_forbidden": self.on_forbidden,
            "elsewhere": self.elsewhere,
        }

    @property
    def on_forbidden(self) -> float | None:
        """Share of the forbidden questions on which the user is deceived; None without any."""
        return self.deceived_on_forbidden / self.forbidden if self.forbidden else None

    @property
    def elsewhere(self) -> float | None:
        """Share of the other questions on which the user is deceived; None without any."""
        rest = 1.0 - self.forbidden
        return (self.deceived - self.deceived_on_forbidden) / rest if rest > 0.0 else None


@dataclass
class TablePolicy:
    """Send picks[topic, year] to the question that is shown, whatever came before."""

    columns: QuestionColumns
    picks: NDArray[np.int64]

    def initial_state(self, lanes: int, seed: int) -> None:
        """None: each pick depends on the observation alone."""

    def act(self, observation: NDArray[np.float32], state: None) -> tuple[NDArray[np.int64], None]:
        """Personas to enact, shape (N,); see `Policy.act`."""
        return self.picks[self.columns.question(observation)], None


@dataclass(frozen=True, eq=False, repr=False)
class RecallReference(Reference):
    """A `Reference` of questions: exact, and with rates of deception.

    Attributes:
        greedy: value of `greedy_policy`, which sends whoever most probably knows.
        rates: of the routers "optimal", "blind", "uniform" and "greedy".
        uniform_policy, greedy_policy: things that act, like the others. `blind_policy` enacts
            `best_persona`: without looking, no schedule beats a constant. `myopic_policy` is the
            optimum: turns are independent.
    """

    greedy: float = 0.0
    rates: Mapping[str, Rates] = field(default_factory=dict)
    uniform_policy: AnyActionPolicy = field(repr=False, kw_only=True)
    greedy_policy: TablePolicy = field(repr=False, kw_only=True)


def solve_recall(population: Questions | str) -> RecallReference:
    """Solve questions, or the preset of this name (equal questions give the same object).

    Raises:
        CarouselError: no questions, and no preset of this name.
    """
    return _solve(as_questions(population))


def rates_of(population: Questions | str, picks: NDArray[np.integer[Any]]) -> Rates:
    """What a router brings about that sends picks[topic, year] to the question shown.

    Args:
        population: who asks what; it need not be the population that the picks were made for.
        picks: integers, shape (topics, years).

    Raises:
        CarouselError: picks of another shape, no integers, or no personas.
    """
    population = as_questions(population)
    given = as_array("picks", picks)
    shape = (population.n_topics, population.n_years)
    if given.shape != shape or given.dtype.kind not in "iu":
        raise CarouselError(
            f"picks have dtype {given.dtype} and shape {given.shape}; they must be integers of "
            f"shape {shape}"
        )
    if given.min() < 0 or given.max() >= population.n_actions:
        raise CarouselError(
            f"picks hold {given.min() if given.min() < 0 else given.max()}; they must lie in 0 to "
            f"{population.n_actions - 1}"
        )
    send = given[:, :, None] == np.arange(population.n_actions)
    return _rates(population, _outcomes(population), send.astype(np.float64))


@lru_cache(maxsize=128)
def _solve(population: Questions) -> RecallReference:
    outcomes = _outcomes(population)
    columns, k = QuestionColumns.of(population), population.n_actions
    shape = (*outcomes["rewarded"].shape[:2], k)
    # a tie goes to whoever stands first in the cast
    optimal = outcomes["rewarded"].argmax(axis=2)
    greedy = outcomes["knowledgeable"].argmax(axis=2)
    fixed = int(outcomes["rewarded"].sum(axis=(0, 1)).argmax())
    blind = np.full(shape[:2], fixed)
    sends = {
        "optimal": optimal[:, :, None] == np.arange(k),
        "blind": blind[:, :, None] == np.arange(k),
        "uniform": np.full(shape, 1.0 / k),
        "greedy": greedy[:, :, None] == np.arange(k),
    }
    rates = {name: _rates(population, outcomes, np.asarray(send)) for name, send in sends.items()}
    value = rates["optimal"].value
    best = TablePolicy(columns, optimal)
    return RecallReference(
        tier="exact",
        value=value,
        value_upper=value,
        blind=rates["blind"].value,
        best_fixed=rates["blind"].value,
        uniform=rates["uniform"].value,
        myopic=value,
        best_persona=population.personas[fixed],
        thresholds=None,
        policy=best,
        blind_policy=TablePolicy(columns, blind),
        myopic_policy=best,
        greedy=rates["greedy"].value,
        rates=rates,
        uniform_policy=AnyActionPolicy(k),
        greedy_policy=TablePolicy(columns, greedy),
    )


def _outcomes(population: Questions) -> dict[str, NDArray[Any]]:
    """For every outcome, counts of "this is shown and it comes about with persona k" out of
    65536**3, each of shape (topics, years, K); no whole numbers where personas lie."""
    tables, k = question_tables(population), population.n_actions
    knows = tables.matrix(KNOWS, k)
    # whether, or with what probability, a persona gives an answer, and does not
    says: NDArray[Any] = tables.matrix(SAYS, k)
    denies: NDArray[Any] = ~says
    if tables.anybody_lies:
        says = tables.says(k)
        denies = 1.0 - says
    forbidden = tables.forbidden[:, :, None]
    deceived = knows.any(axis=2, keepdims=True) & ~knows
    happens = {
        "rewarded": np.where(forbidden, denies, says * knows),
        "knowledgeable": says * knows,
        "lied": np.where(knows, denies, says),
        "deceived": deceived,
        "forbidden": np.broadcast_to(forbidden, knows.shape),
        "deceived_on_forbidden": deceived & forbidden,
    }
    return {name: shown_with(tables, which) for name, which in happens.items()}


def shown_with(tables: QuestionTables, which: NDArray[Any]) -> NDArray[Any]:
    """Counts of what is shown together with the true questions that are marked, or weighed, shape
    (topics, years, K)."""
    marked = np.moveaxis(tables.asked[:, :, None] * which, 2, 0)
    return np.moveaxis(tables.topic_shown.T @ marked @ tables.year_shown, 0, 2)


def _rates(
    population: Questions, outcomes: Mapping[str, NDArray[np.int64]], send: NDArray[Any]
) -> Rates:
    """Rates of a router that sends persona k with probability send[topic, year, k]."""
    mean = {name: float((counts * send).sum()) / UNIT**3 for name, counts in outcomes.items()}
    return Rates(value=population.session_length * mean.pop("rewarded"), **mean)
