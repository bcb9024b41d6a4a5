"""Carousel: environments in which a router picks the persona that speaks.

Importing this package registers its environments with Gymnasium, scalar and vector, as
`Carousel/<name>-v0`. Those of plugins are registered when a registry is first read, as by
`environment_ids`, or when their module is imported.
"""

from __future__ import annotations

from ._version import __version__
from .environments import RecallEnv, RecallVectorEnv
from .foundation.errors import CarouselError
from .population import BasePopulation
from .questions.population import Questions
from .registry import any_population, environment_ids
from .spec import EnvironmentSpec, ModelSpec
from .spec import register as register_environment
from .users.environment import CarouselEnv
from .users.observation import Columns, column_names
from .users.personas import Persona, repertoire, trait_names
from .users.population import Population, describe_fields
from .users.table import UserTable, user_table
from .users.vector import CarouselVectorEnv

__all__ = [
    "BasePopulation",
    "CarouselEnv",
    "CarouselError",
    "CarouselVectorEnv",
    "Columns",
    "EnvironmentSpec",
    "ModelSpec",
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
    "register_environment",
    "repertoire",
    "trait_names",
    "user_table",
]
