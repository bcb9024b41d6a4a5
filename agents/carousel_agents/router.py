"""The one interface that every router has, hand-written or learned.

A router is a `Policy` (batched `act`, explicit state; see `carousel_envs.rollout`) that says its
name. Nothing that evaluates or probes a router asks how it was made.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from carousel_envs.rollout import Policy, seen_by

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Router(Policy, Protocol):
    """A policy with a name and one sentence on what it does."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...


@dataclass(frozen=True)
class NamedRouter:
    """A policy under a name.

    Attributes:
        name: as on the command line.
        description: one sentence.
        policy: what acts.
        trained_on: fingerprint of the training users that it was solved for; None where it was
            solved for those it meets.
    """

    name: str
    description: str
    policy: Policy = field(repr=False)
    trained_on: str | None = None

    def view(self, env: Any) -> Any:
        return seen_by(self.policy, env)

    def initial_state(self, lanes: int, seed: int) -> Any:
        return self.policy.initial_state(lanes, seed)

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        return self.policy.act(observation, state)
