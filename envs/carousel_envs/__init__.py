"""Carousel: environments in which a router picks the persona that speaks.

Importing this package registers `Carousel/<preset>-v0` with Gymnasium, scalar and vector, for
every preset population of users and of questions.
"""

from __future__ import annotations

import gymnasium as _gym

from ._version import __version__
from .carousel import CarouselEnv, CarouselVectorEnv
from .errors import CarouselError
from .observation import Columns, column_names
from .personas import Persona, repertoire, trait_names
from .population import Population, presets
from .recall import Questions, RecallEnv, RecallVectorEnv
from .recall.questions import PRESETS as _QUESTIONS
from .users import UserTable, user_table

__all__ = [
    "CarouselEnv",
    "CarouselError",
    "CarouselVectorEnv",
    "Columns",
    "Persona",
    "Population",
    "Questions",
    "RecallEnv",
    "RecallVectorEnv",
    "UserTable",
    "__version__",
    "column_names",
    "environment_ids",
    "repertoire",
    "trait_names",
    "user_table",
]


def environment_ids() -> tuple[str, ...]:
    """Every registered id, in the order of the presets."""
    return tuple(f"Carousel/{name}-v0" for name in (*presets(), *_QUESTIONS))


for _name in (*presets(), *_QUESTIONS):
    _where = "carousel_envs.recall" if _name in _QUESTIONS else "carousel_envs.suite"
    _gym.register(
        id=f"Carousel/{_name}-v0",
        entry_point=f"{_where}:{_name}Env",
        vector_entry_point=f"{_where}:{_name}VectorEnv",
    )
