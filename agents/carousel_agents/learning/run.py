"""What identifies a training run."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib import metadata
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown, whole_number
from carousel_envs.registry import played_under

from .algorithms import ALGORITHMS, OffPolicySettings
from .levels import Levels
from .levels.division import refuse_too_few
from .settings import check_algorithm, settings_of
from .view import View, refuse_unless_shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carousel_envs.registry import AnyPopulation

    from .algorithms import Settings


@dataclass(frozen=True)
class Run:
    """What identifies a training run, validated: the same run gives the same policy.

    Attributes:
        population: the users it is trained on, or questions.
        environment: id that the policy file will name.
        algorithm: a name in `ALGORITHMS`, whose extra, if any, is installed.
        settings: of the algorithm; `Run.of` starts from its preset.
        seed: of the network, the batches and the sessions, 0 to 2**32 - 1.
        view: what the network is shown.
        curve: how many times the policy is evaluated on the way, evenly spaced, 0 to 1000.
        label: a word for how it differs from the preset, kept in the file; `Run.of` takes that of
            the levels if there are some.
        levels: shifted populations that it is trained on, too; None: there are none.

    Raises:
        CarouselError: an argument is not allowed, or they do not go together.
    """

    population: AnyPopulation
    environment: str
    algorithm: str
    settings: Settings
    seed: int = 0
    view: View = field(default_factory=View)
    curve: int = 0
    label: str = ""
    levels: Levels | None = None

    @classmethod
    def of(
        cls,
        population: AnyPopulation,
        *,
        environment: str,
        algorithm: str = "ppo",
        steps: int | None = None,
        settings: Mapping[str, Any] | None = None,
        **others: Any,
    ) -> Run:
        """A run with the preset of its algorithm, in which `settings` and `steps` are changed.

        Args:
            population: as above.
            environment: an environment of ours in any form that `played_under` takes, or an id of
                one's own.
            algorithm: as above.
            steps: environment steps; default: the preset's.
            settings: what differs from the preset, by name.
            others: `seed`, `view`, `curve`, `label`, `levels`, as above.

        Raises:
            CarouselError: an argument is not allowed, or they do not go together.
        """
        environment = played_under(environment, population)
        changes = {**(settings or {}), **({} if steps is None else {"steps": steps})}
        algorithm = check_algorithm(algorithm)
        chosen = settings_of(algorithm, changes)
        levels = others.get("levels")
        if levels is not None and not others.get("label"):
            others["label"] = levels.label
        return cls(population, environment, algorithm, chosen, **others)

    def __post_init__(self) -> None:
        whole_number("seed", self.seed, 0, 2**32 - 1)
        whole_number("curve", self.curve, 0, 1000)
        refuse_unless_shown(self.population, self.view)
        settings = self.settings
        if self.levels is not None:
            if not isinstance(self.levels, Levels):
                raise CarouselError(f"levels is {shown(self.levels)}; it must be a Levels, or None")
            refuse_too_few(settings.lanes, len(self.populations))
            if settings.rewards == "others":
                raise CarouselError(
                    "rewards is 'others' and there are levels; a control is trained on one "
                    "population"
                )
        if isinstance(settings, OffPolicySettings) and settings.steps <= settings.learning_starts:
            raise CarouselError(
                f"steps is {settings.steps}; {self.algorithm} picks at random for the first "
                f"{settings.learning_starts} (learning_starts), and there must be more"
            )

    @property
    def steps(self) -> int:
        """Environment steps: whole rollouts, so that every schedule ends with the last one."""
        rollout = self.settings.lanes * self.settings.turns_per_update
        return -(-self.settings.steps // rollout) * rollout

    def request(self) -> dict[str, Any]:
        """Everything that decides what comes out, plain JSON."""
        return {
            "environment": self.environment,
            "population": self.population.fingerprint,
            "algorithm": self.algorithm,
            "seed": self.seed,
            "view": asdict(self.view),
            "curve": self.curve,
            # left out where there are none: most runs never had this key
            **self.levels_document(),
            "settings": self.settings.model_dump(mode="json"),
            "versions": versions(self.algorithm),
        }

    @cached_property
    def populations(self) -> tuple[AnyPopulation, ...]:
        """Everybody it is trained on: the training users, then the levels.

        Raises:
            CarouselError: see `Levels.populations`.
        """
        if self.levels is None:
            return (self.population,)
        return self.levels.populations(self.population, self.view)

    def levels_document(self) -> dict[str, Any]:
        """What a file keeps of the levels, under "levels"; nothing where there are none."""
        if self.levels is None:
            return {}
        _, *levels = self.populations
        known = [level.fingerprint for level in levels]
        return {"levels": {**self.levels.document(), "populations": known}}


def versions(algorithm: str) -> dict[str, str]:
    """Versions of the packages that decide what training by an algorithm does.

    Raises:
        CarouselError: the algorithm names a package that is not installed.
    """
    names = (
        *("persona-carousel", "gymnasium", "numpy", "numba"),
        *("stable-baselines3", "sb3-contrib", "torch"),
        *ALGORITHMS.find(algorithm).packages,
    )
    try:
        return {name: metadata.version(name) for name in names}
    except metadata.PackageNotFoundError as error:
        raise CarouselError(
            f"{algorithm} is trained by the package {error.name!r}, which is not installed"
        ) from None
