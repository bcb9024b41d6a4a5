"""Presets: of users, and those that `make test` solves."""

from carousel_envs import Population
from carousel_envs.spec import ENVIRONMENTS

presets = Population.presets


def variants() -> tuple[str, ...]:
    """Environments that are others in all but a few fields."""
    return tuple(name for name, spec in ENVIRONMENTS.items() if spec.variant_of)


def solved_soon(name: str) -> bool:
    """Whether `make test` solves a preset as it is: the search for Unmask is that for Taste with
    one action more."""
    return name != "Unmask" and name not in variants()
