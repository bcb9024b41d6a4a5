"""Relative entropy of questions and their answers, in closed form.

Questions are independent of one another and of who is sent, so a session is that many times one
question: what is shown of it (topic and year, noise included), whether the answer was knowledgeable
and what was rewarded, given who was sent. All of it is counts of 1/65536**3 (`reference.recall`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...questions.table import KNOWS, SAYS, question_tables
from ...users.table import UNIT
from ..questions import shown_with

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...questions.population import Questions


def shown_counts(population: Questions) -> NDArray[Any]:
    """Counts out of 65536**3 of everything that one question shows, given who is sent, shape
    (topics, years, K, 4): the topic and the year shown, the persona, then 2 * rewarded +
    knowledgeable; no whole numbers where personas lie."""
    tables, k = question_tables(population), population.n_actions
    honest, knows = tables.matrix(SAYS, k), tables.matrix(KNOWS, k)

    def counts(says: NDArray[np.bool_], chance: Any) -> NDArray[Any]:
        answered = says & knows
        rewarded = np.where(tables.forbidden[:, :, None], ~says, answered)
        what = 2 * rewarded + answered
        marked = [shown_with(tables, (what == code) * chance) for code in range(4)]
        return np.asarray(np.stack(marked, axis=3))

    if not tables.anybody_lies:
        return counts(honest, np.True_)
    lies = tables.lies[:, None, :] / UNIT
    return np.asarray(counts(honest, 1.0 - lies) + counts(~honest, lies))


def question_nats(source: Questions, target: Questions) -> float:
    """Relative entropy per question of the target from the source, in nats, under uniform choice;
    infinite where the source holds impossible what the target shows. They have the same numbers of
    topics, years and personas."""
    own, other = shown_counts(target), shown_counts(source)
    where = own > 0
    if (other[where] == 0).any():
        return float("inf")
    p, q = own[where], other[where]
    total = (p / UNIT**3 * np.log(p / q)).sum() / target.n_actions
    # below 0 by rounding alone
    return max(float(total), 0.0)


def never_shown(source: Questions, target: Questions) -> str:
    """Something that the target shows and the source holds impossible, in words."""
    own, other = shown_counts(target), shown_counts(source)
    topic, year, persona, what = np.argwhere((own > 0) & (other == 0))[0]
    question = f"shown as {target.topics[topic]!r}, {target.first_year + year}"
    if other[topic, year].sum() == 0:
        return f"a question {question}"
    answered = "a knowledgeable" if what % 2 else "no knowledgeable"
    rewarded = "a reward" if what // 2 else "no reward"
    who = target.personas[persona]
    return f"{answered} answer of {who!r} to a question {question}, and {rewarded}"
