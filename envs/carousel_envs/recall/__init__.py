"""Questions with a topic and a date, and personas that know some of it: swapping as deception."""

from .environment import RecallEnv, RecallVectorEnv
from .observation import QuestionColumns, question_column_names
from .questions import Questions, as_questions
from .shifts import SHIFTS
from .tables import QuestionTables, question_tables

__all__ = [
    "SHIFTS",
    "QuestionColumns",
    "QuestionTables",
    "Questions",
    "RecallEnv",
    "RecallVectorEnv",
    "as_questions",
    "question_column_names",
    "question_tables",
]
