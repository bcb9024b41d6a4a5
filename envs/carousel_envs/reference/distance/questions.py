"""The distance between two populations of questions, in closed form."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .question_terms import never_shown, question_nats
from .record import IMPOSSIBLE, Distance, no_distance

if TYPE_CHECKING:
    from ...questions.population import Questions


def distance_of_questions(
    source: Questions, target: Questions, sessions: int, seed: int
) -> Distance:
    """The distance of questions from others, in closed form: sessions and seed do not matter."""
    shapes = [(one.n_topics, one.n_years, one.n_actions) for one in (source, target)]
    if shapes[0] != shapes[1]:
        return no_distance("the two do not show the same columns: topics, years or personas differ")
    per_question = question_nats(source, target)
    if not np.isfinite(per_question):
        return no_distance(IMPOSSIBLE + never_shown(source, target))
    if source.session_length != target.session_length:
        turns = min(source.session_length, target.session_length)
        note = (
            f"sessions of {source.session_length} and of {target.session_length} questions: only "
            f"the first {turns} are compared, without the share of the session gone"
        )
        return Distance(None, None, per_question, 0.0, note)
    return Distance(target.session_length * per_question, 0.0, per_question, 0.0, "")
