"""What a router is: a policy with a name, and the columns that it reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import finite_rows
from carousel_envs.foundation.plugin_faults import place_of_fault
from carousel_envs.registry import columns_of
from carousel_envs.rollout import Policy, seen_by
from carousel_envs.spec import model_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation


class Router(Policy, Protocol):
    """A policy with a name and one sentence on what it does."""

    @property
    def name(self) -> str:
        """As on the command line."""
        ...

    @property
    def description(self) -> str:
        """One sentence."""
        ...


@dataclass(frozen=True)
class NamedRouter:
    """A policy under a name.

    Attributes:
        name: as on the command line.
        description: one sentence.
        policy: what acts.
        trained_on: fingerprint of the training users that it was solved for; None where it was
            solved for those it meets.
        built_for: the population whose columns it reads; None: the policy checks columns itself.
    """

    name: str
    description: str
    policy: Policy = field(repr=False)
    trained_on: str | None = None
    built_for: AnyPopulation | None = field(default=None, repr=False)

    def check_fits(self, population: AnyPopulation) -> None:
        """Refuse a population whose columns differ from those that the router was built for.

        Raises:
            CarouselError: they differ.
        """
        if self.built_for is not None:
            refuse_unless_shown_alike(self.name, self.built_for, population)

    def view(self, env: Any) -> Any:
        """The environment as the policy sees it."""
        return seen_by(self.policy, env)

    def initial_state(self, lanes: int, seed: int) -> Any:
        """The state of the policy before the first turn."""
        return self.policy.initial_state(lanes, seed)

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        """The picks of the policy and its next state.

        Raises:
            CarouselError: the observation is no array of rows, or the policy cannot read it.
        """
        if not (isinstance(observation, np.ndarray) and observation.ndim == 2):
            observation = finite_rows("observation", observation)
        try:
            return self.policy.act(observation, state)
        except (IndexError, ValueError) as error:
            # checked only now: checking every call would slow a scripted router by a twentieth
            finite_rows("observation", observation)
            if isinstance(error, IndexError) and not place_of_fault(error):
                raise CarouselError(
                    f"observation has shape {observation.shape}; router {self.name!r} cannot read "
                    f"it: {error}"
                ) from None
            raise


def refuse_unless_shown_alike(
    router: str, population: AnyPopulation, target: AnyPopulation
) -> None:
    """Refuse a router for a population whose columns differ from those that it was solved for.

    A router reads columns by place; which persona holds a place may differ.

    Raises:
        CarouselError: they differ.
    """
    own, met = ((model_of(one), model_of(one).laid_out(one)) for one in (population, target))
    if own != met:
        widths = [len(columns_of(one)) for one in (population, target)]
        raise CarouselError(
            f"router {router!r} was solved for observations of {widths[0]} columns and would "
            f"meet {widths[1]}; training users and those it meets must show the same columns, "
            "with as many levels"
        )


def training_fingerprint(router: Router) -> str | None:
    """Fingerprint of the users a router was trained on, or a frozen one solved for; else None."""
    return getattr(router, "trained_on", None)
