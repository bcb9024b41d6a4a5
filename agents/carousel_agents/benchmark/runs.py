"""Training runs: everything that is asked for of one policy, and the name it is kept under."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carousel_envs.registry import short_name

from ..generalisation.changed_population import population_of
from ..learning.levels import Levels
from ..learning.view import View

if TYPE_CHECKING:
    from collections.abc import Mapping

    from carousel_envs.registry import AnyPopulation

    from ..learning.train import Run

PRESENT = View()
"""The view that shows the present observation alone."""


@dataclass(frozen=True)
class GridRun:
    """One policy to be trained and evaluated.

    Attributes:
        environment: id of the environment.
        algorithm: one of `learning.settings.ALGORITHMS`.
        seed: of the training.
        view: what the network sees.
        steps: environment steps; None: the budget of the algorithm's preset.
        users: sessions of the evaluation after training.
        evaluation_seed: of these sessions.
        curve: evaluations during training, evenly spaced, the last at its end.
        changes: of the population's fields, each "field=value", for training and evaluation.
        shifts: of that population, each "axis=severity".
        settings: changes of the algorithm's preset, as (name, value).
        label: stands for them in the router's name; empty if there are none.
        levels: shifted users that it is trained on, too; None: there are none.
        users_label: stands for `changes` and `shifts` in the store; empty: they name themselves.
    """

    environment: str
    algorithm: str
    seed: int
    view: View = PRESENT
    steps: int | None = None
    users: int = 20_000
    evaluation_seed: int = 1
    curve: int = 20
    changes: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()
    label: str = ""
    users_label: str = ""
    levels: Levels | None = None

    @property
    def router(self) -> str:
        """Algorithm, label and view in one word (`View.named`)."""
        label = self.label or (self.levels.label if self.levels else "")
        return self.view.named(self.algorithm, label)

    @property
    def users_name(self) -> str:
        """The users trained on, such as `Boredom` or `Boredom@hazard=1`."""
        changed = self.users_label or ",".join((*self.changes, *self.shifts)).replace(" ", "")
        return f"{short_name(self.environment)}{'@' * bool(changed)}{changed}"

    @property
    def group(self) -> str:
        """What the seeds of one experiment share, such as `Boredom/ppo`."""
        return f"{self.users_name}/{self.router}"

    @property
    def name(self) -> str:
        """Where the run lies in a store, such as `Boredom/ppo/seed-0`."""
        return f"{self.group}/seed-{self.seed}"

    @property
    def population(self) -> AnyPopulation:
        """The users, of training and of evaluation."""
        return population_of(self.environment, self.changes, self.shifts)

    def training(self) -> Run:
        """How the policy is trained; importing what this needs imports torch.

        Raises:
            CarouselError: the parts do not go together.
        """
        from ..learning.train import Run

        return Run.of(
            self.population,
            environment=self.environment,
            algorithm=self.algorithm,
            steps=self.steps,
            settings=dict(self.settings),
            label=self.label,
            seed=self.seed,
            view=self.view,
            curve=self.curve,
            levels=self.levels,
        )

    def request(self) -> dict[str, Any]:
        """Everything that decides the results of the run, except for versions, as plain JSON data:
        the request of the training (`learning.train.Run.request`), with the settings that the
        preset has now, and of the evaluation."""
        training = self.training().request()
        del training["versions"]
        # left out where there are none: the environment's own users never had these keys
        named = {
            "changes": self.changes,
            "shifts": self.shifts,
            "label": self.label,
            "users_label": self.users_label,
        }
        document = {
            **training,
            **{name: told for name, told in named.items() if told},
            "evaluation": {"users": self.users, "seed": self.evaluation_seed},
        }
        # as it comes back from a file: tuples as lists, and so on
        plain: dict[str, Any] = json.loads(json.dumps(document))
        return plain

    @classmethod
    def of(cls, request: Mapping[str, Any]) -> GridRun:
        """The run that asked for this, as far as its name, users and budget go."""
        return cls(
            environment=request["environment"],
            algorithm=request["algorithm"],
            seed=request["seed"],
            view=View(**request["view"]),
            steps=request["settings"]["steps"],
            users=request["evaluation"]["users"],
            evaluation_seed=request["evaluation"]["seed"],
            curve=request["curve"],
            changes=tuple(request.get("changes", ())),
            shifts=tuple(request.get("shifts", ())),
            label=request.get("label", ""),
            users_label=request.get("users_label", ""),
            levels=_levels(request.get("levels")),
        )


def _levels(document: Mapping[str, Any] | None) -> Levels | None:
    if document is None:
        return None
    return Levels(tuple(document["shifts"]), document["curriculum"])
