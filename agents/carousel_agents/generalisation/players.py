"""A player: a router that takes part in a study, under a name and in a role."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from carousel_envs.spec import model_of

from ..learning import LearnedRouter, PolicyFile
from ..learning.levels.record import fingerprints
from ..router import (
    FROZEN,
    describe_as,
    find_router,
    is_file,
    make,
    training_fingerprint,
)
from .companions import BASELINES

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from ..router import NamedRouter, Router

FROZEN_BLIND = "frozen-open-loop"
"""The training users' best schedule: a zero that does not know the target."""

MASKED = "-masked"
"""Behind the name of a policy that is kept from picking who is missing."""

COMPANIONS = (
    *("frozen-loop", "frozen-optimal", "frozen-tally", FROZEN_BLIND),
    *("optimal", "uniform", "fixed"),
)
"""Scripted routers beside those that are asked for, on every population; `optimal` and `fixed` are
found anew for each. The frozen optimum breaks where the rule that it was solved for no longer
holds; the frozen loop was written by hand, and skips personas who are missing, which no training
taught it."""

ON_SOURCE = tuple(name for name in BASELINES if name not in COMPANIONS)
"""Those beside them on the training users alone."""


def role_of(router: str) -> str:
    """What a router stands for in a comparison: learned, frozen, optimal or baseline."""
    if is_file(router):
        return "learned"
    if router.startswith(FROZEN):
        return "frozen"
    return "optimal" if router == "optimal" else "baseline"


@dataclass(frozen=True)
class Player:
    """A router that takes part in a suite.

    Attributes:
        policy: policy file or scripted name, as given.
        file: what the policy file holds; None if scripted.
        sha256: of the policy file, or of the source of a router given by its place, hexadecimal;
            None for a registered one.
        control: whether it was trained on a target: it plays where its training users are met.
        companion: whether it was added unasked: it is left out where it makes no sense.
        on_source: whether it plays on the training users alone.
        label: name that was given to the policies of one training request, as `NAME=FILE`.
        masked: whether a learned policy is kept from picking who is missing; it then plays on the
            training users and wherever somebody may be missing.
        acting: the router itself where it was given as an object, which then plays on every target
            as it is.
    """

    policy: str
    file: PolicyFile | None = field(default=None, repr=False, compare=False)
    sha256: str | None = None
    control: bool = False
    companion: bool = False
    on_source: bool = False
    masked: bool = False
    label: str = ""
    acting: Policy | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Name shared by all seeds."""
        if self.file is None:
            return self.policy
        name = self.label or self.file.group
        return f"{name}{MASKED}" if self.masked else name

    @property
    def as_given(self) -> str:
        """The policy, with the name that it was given."""
        return f"{self.label}={self.policy}" if self.label else self.policy

    @property
    def description(self) -> str:
        """One sentence."""
        if self.file is not None:
            kept = ", kept from picking who is missing" if self.masked else ""
            return LearnedRouter(self.file, self.name).description + kept
        if self.acting is not None:
            return str(getattr(self.acting, "description", f"the router {self.policy}"))
        return describe_as(self.policy)

    @property
    def columns(self) -> dict[str, Any]:
        """Columns of the schema that say who plays, but for `trained_on`."""
        file = self.file
        return {
            "router": self.name,
            "role": role_of(self.policy),
            "algorithm": file.algorithm if file else None,
            "training_seed": file.training_seed if file else None,
            "policy": self.policy,
            "users_trained": file.population.n_users if file else None,
        }

    def plays(self, target: AnyPopulation, source: AnyPopulation) -> bool:
        """Whether it plays on this target."""
        if self.control:
            assert self.file is not None
            return self.file.population.fingerprint == target.fingerprint
        away = model_of(target).misses(target) if self.masked else not self.on_source
        return away or target.fingerprint == source.fingerprint

    def router(self, target: AnyPopulation, source: AnyPopulation) -> Router:
        """What acts on a target.

        Raises:
            CarouselError: it makes no sense there, or cannot read what is shown there.
        """
        if self.acting is not None:
            return find_router(self.acting, target)
        if self.file is None:
            if not self.policy.startswith(FROZEN):
                return find_router(self.policy, target, source)
            router = _frozen(self.policy, source)
            router.check_fits(target)
            return router
        learned = LearnedRouter(self.file, self.name, masks=self.masked)
        learned.check_fits(target)
        return learned

    def trained_on(self, router: Router, target: AnyPopulation) -> str | None:
        """The schema's column of this name.

        Raises:
            CarouselError: what the policy file tells of its levels cannot be read.
        """
        if self.control:
            return "target"
        home = training_fingerprint(router)
        levels = fingerprints(self.file.training) if self.file else frozenset()
        if target.fingerprint in levels - {home}:
            return "level"
        return None if home is None else "source"


@lru_cache(maxsize=32)
def _frozen(name: str, source: AnyPopulation) -> NamedRouter:
    # solved for the training users, so one will do for all targets
    return make(name, source, source)
