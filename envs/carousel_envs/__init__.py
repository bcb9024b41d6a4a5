"""Carousel: environments in which a router picks the persona that speaks.

Importing this package registers `Carousel/<preset>-v0` with Gymnasium, scalar and vector, for
every preset population of users and of questions.
"""

from __future__ import annotations

import gymnasium as _gym

from ._version import __version__
from .foundation.errors import CarouselError
from .foundation.presets import id_of as _id_of
from .foundation.presets import names as _names
from .questions.environment import RecallEnv, RecallVectorEnv
from .questions.population import Questions
from .registry import any_population, environment_ids
from .users.environment import CarouselEnv, CarouselVectorEnv
from .users.observation import Columns, column_names
from .users.personas import Persona, repertoire, trait_names
from .users.population import Population, describe_fields
from .users.table import UserTable, user_table

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
    "any_population",
    "column_names",
    "describe_fields",
    "environment_ids",
    "repertoire",
    "trait_names",
    "user_table",
]


for _name in _names():
    _where = (
        "carousel_envs.questions.environment" if _name == "Recall" else "carousel_envs.environments"
    )
    _gym.register(
        id=_id_of(_name),
        entry_point=f"{_where}:{_name}Env",
        vector_entry_point=f"{_where}:{_name}VectorEnv",
    )
