"""`EnvironmentSpec`: everything that distinguishes one environment from another, in one record.

Code that depends on the environment (to make, solve, shift or compare it) reads its record, which
`model_of` finds for a population; no code branches on the class of a population.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from .foundation.errors import CarouselError, takes
from .foundation.plugins import Registry

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


NAMESPACE = "Carousel"

Entry = str | Callable[..., Any]
"""A callable, or its place as "package.module:name", which is imported on first use."""


class Hidden(NamedTuple):
    """A hidden quantity, as columns for upper bounds and probes.

    Attributes:
        key: of the environment's `hidden()`, whose arrays have shape (N,) or (N, columns).
        names: of its columns.
        most: largest value of each column.
        offset: subtracted from the values, so that the smallest is 0.
    """

    key: str
    names: Sequence[str]
    most: float
    offset: float = 0.0


def _no_shifts() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, kw_only=True, eq=False)
class ModelSpec:
    """How populations of one type, preset or shifted, are played, solved and compared.

    Raises:
        CarouselError: a function takes other arguments.

    Attributes:
        population_type: class of the populations, a subclass of `BasePopulation`.
        kind: name of such populations in files; by default that of the class.
        vector: class of the vector environment, a subclass of `LaneVectorEnv`, called as
            `vector(num_envs, population=..., **options)`.
        scalar: class of the scalar environment, called as `scalar(population=..., **options)`.
        columns: names of the observation columns of a population, in order, length D.
        layout: a value that is equal for two populations if a router of one can read the
            observations of the other; by default the names of the columns.
        misses: whether a persona of a population may be unavailable to some user.
        available: the columns of a population that hold the availability of personas; None: every
            persona is always available.
        shifts: a function that returns every shift by name.
        solve: (population) to its `Reference`; None: there is no solver, and the tier is "none" or
            "best known".
        best_known: where there is no solver, (population) to the best policy that is known; its
            simulated value stands in for the optimum, and the tier is "best known".
        distance: (source, target, sessions, seed) to a `Distance`; None: populations of this type
            cannot be compared.
        play: options of the environment with which sessions are played for evaluation, such as
            `{"reward": "mean"}` where means have less variance than draws.
        has_users: whether sessions are played by rows of a table of users with moods, who engage.
        hidden: the contents of the environment's `hidden()`, as columns.
    """

    population_type: type[Any]
    vector: Entry
    scalar: Entry
    columns: Callable[[Any], tuple[str, ...]]
    layout: Callable[[Any], Hashable] | None = None
    misses: Callable[[Any], bool] = lambda _: False
    available: Callable[[Any], slice | None] = lambda _: None
    shifts: Callable[[], Mapping[str, Any]] = _no_shifts
    solve: Entry | None = None
    best_known: Entry | None = None
    distance: Entry | None = None
    play: Mapping[str, Any] = field(default_factory=dict)
    has_users: bool = False
    hidden: Callable[[Any], Sequence[Hidden]] = lambda _: ()
    kind: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", self.kind or self.population_type.__name__)
        where = f"model of {self.kind}"
        takes(f"{where}: shifts", self.shifts)
        for key, place in {
            "solve": self.solve,
            "best_known": self.best_known,
            "columns": self.columns,
        }.items():
            if place is not None and not isinstance(place, str):
                takes(f"{where}: {key}", place, "population")

    def laid_out(self, population: Any) -> Hashable:
        """`layout` of a population."""
        return (self.layout or self.columns)(population)


@dataclass(frozen=True, kw_only=True, eq=False)
class EnvironmentSpec:
    """One environment: a preset population of a model, under an id.

    Attributes:
        name: such as "Boredom"; the id is `<namespace>/<name>-v<version>`.
        model: how populations of its type are played, solved and shifted.
        fields: of the preset; all others have the defaults of the population type.
        vector, scalar: classes whose docstrings are the environment's page; by default the model's.
        namespace, version: of the id.
        variant_of: name of the environment from which it differs in a few fields; empty: none.

    Raises:
        CarouselError: the name is not an identifier.
    """

    name: str
    model: ModelSpec
    fields: Mapping[str, Any] = field(default_factory=dict)
    vector: Entry | None = None
    scalar: Entry | None = None
    namespace: str = NAMESPACE
    version: int = 0
    variant_of: str = ""

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise CarouselError(
                f"environment {self.name!r} must have a name of letters, digits and underscores"
            )

    @property
    def id(self) -> str:
        """The id under which Gymnasium knows it."""
        return f"{self.namespace}/{self.name}-v{self.version}"


ENVIRONMENTS: Registry[EnvironmentSpec] = Registry(
    "environment", "environments", builtin=("carousel_envs.environments",), helpers=(__name__,)
)
"""Every environment by name."""


def register(spec: EnvironmentSpec) -> EnvironmentSpec:
    """Register an environment by its name and, in Gymnasium, by its id.

    Raises:
        CarouselError: another module has registered one of this name.
    """
    import gymnasium

    ENVIRONMENTS.register(spec)
    if spec.id not in gymnasium.registry:
        gymnasium.register(
            id=spec.id,
            entry_point=spec.scalar or spec.model.scalar,
            vector_entry_point=spec.vector or spec.model.vector,
        )
    return spec


def entry(place: Entry) -> Callable[..., Any]:
    """The callable that an entry names."""
    if callable(place):
        return place
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def model_of(population: Any) -> ModelSpec:
    """The record of a population's model.

    Raises:
        CarouselError: no registered environment plays populations of this type.
    """
    models = {
        spec.model.population_type: spec.model for spec in reversed(list(ENVIRONMENTS.values()))
    }
    for kind in type(population).__mro__:
        if kind in models:
            return models[kind]
    raise CarouselError(
        f"population is {type(population).__name__}, which no registered environment plays; a "
        "plugin that brings such an environment may be missing"
    )


def models() -> dict[str, ModelSpec]:
    """Every model by the `kind` of its populations."""
    return {spec.model.kind: spec.model for spec in ENVIRONMENTS.values()}


def population_types() -> tuple[type[Any], ...]:
    """Every type of population that some environment plays, in the order of the environments."""
    types = (spec.model.population_type for spec in ENVIRONMENTS.values())
    return tuple(dict.fromkeys(types))
