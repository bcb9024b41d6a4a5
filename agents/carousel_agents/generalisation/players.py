"""The players of a suite: policies by the folder, scripted routers, companions, controls."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.foundation.files import read_whole, unreadable
from carousel_envs.foundation.plugins import digest_of
from carousel_envs.spec import model_of

from ..learning import LearnedRouter, PolicyFile
from ..learning.policy_format import LARGEST_BYTES
from ..router import (
    FROZEN,
    SUFFIX,
    canonical,
    describe_as,
    find_router,
    is_file,
    is_name,
    is_object,
    make,
    training_fingerprint,
)
from ..system import archives
from .companions import BASELINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from ..router import NamedRouter, Router

FROZEN_BLIND = "frozen-open-loop"
"""The training users' best schedule: a zero that does not know the target."""

_LABEL = re.compile(r"[a-z0-9]+([-_.][a-z0-9]+)*")
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

    def trained_on(self, router: Router) -> str | None:
        """The schema's column of this name."""
        if self.control:
            return "target"
        return None if training_fingerprint(router) is None else "source"


@lru_cache(maxsize=32)
def _frozen(name: str, source: AnyPopulation) -> NamedRouter:
    # solved for the training users, so one will do for all targets
    return make(name, source, source)


def learned_and_scripted(routers: Sequence[Policy | str], source: AnyPopulation) -> list[Player]:
    """The players that routers stand for, each once, in order.

    Args:
        routers: policy files, folders (every policy file below, by path), either also as
            `NAME=PATH`, scripted names; or routers as objects, which go by their attribute
            `name`, else by that of their class.
        source: the users that shifts start from; learned routers must have been trained on them.

    Raises:
        CarouselError: no such router, none in a folder, a damaged file, one trained on other users,
            two that cannot be told apart by their names and seeds, or two of a name that were
            trained in different ways.
    """
    if not routers:
        raise CarouselError("there is no router; at least one must be given")
    found: dict[str, Player] = {}
    for router in routers:
        for player in _players(router) if isinstance(router, str) else [_given(router)]:
            known = found.setdefault(player.policy, player)
            if known.acting is not player.acting:
                raise CarouselError(
                    f"two routers are called {player.policy!r}; give one of them another attribute "
                    "name"
                )
            found[player.policy] = _named(known, player)
    for player in found.values():
        acting = player.router(source, source)
        if training_fingerprint(acting) not in (None, source.fingerprint):
            raise CarouselError(
                f"router {player.policy!r} was trained on other users than those that shifts start "
                "from (give the --set it was trained with)"
            )
    _refuse_twins(found.values())
    refuse_mixed(found.values())
    return list(found.values())


def policies(routers: Sequence[str]) -> list[Player]:
    """The policies that policy files and folders of them stand for, each once, in order.

    Raises:
        CarouselError: no such policy, none in a folder, a damaged file, or two that cannot be told
            apart.
    """
    found: dict[str, Player] = {}
    for text in routers:
        for player in _players(text):
            found[player.policy] = _named(found.get(player.policy, player), player)
    _refuse_twins(found.values())
    refuse_mixed(found.values())
    return list(found.values())


def masked(players: Iterable[Player], targets: Iterable[AnyPopulation]) -> list[Player]:
    """Learned policies that never learned who is missing, kept from picking them: beside the
    policies as they are wherever somebody may be missing."""
    if not any(model_of(target).misses(target) for target in targets):
        return []
    return [
        replace(player, masked=True)
        for player in players
        if player.file is not None and not player.file.network.masked and player.file.available
    ]


def companions(present: Iterable[Player]) -> list[Player]:
    """The scripted routers that stand beside these wherever a score is reported."""
    names = {player.policy for player in present}
    beside = [Player(name, companion=True) for name in COMPANIONS]
    beside += [Player(name, companion=True, on_source=True) for name in ON_SOURCE]
    return [player for player in beside if player.policy not in names]


def controls(folders: Sequence[str], targets: Iterable[AnyPopulation]) -> list[Player]:
    """The policies below these folders, each trained on one of the targets.

    Raises:
        CarouselError: no policy in a folder, a damaged file, one that was trained on none of the
            targets, or two that cannot be told apart.
    """
    known = {target.fingerprint for target in targets}
    found: dict[str, Player] = {}
    for folder in folders:
        path = _unnamed(folder)
        if not is_file(path) and not archives.unpacked(Path(path)).is_dir():
            raise CarouselError(f"control {shown(folder)} is neither a folder nor a policy file")
        for player in _players(folder):
            assert player.file is not None
            if player.file.population.fingerprint not in known:
                raise CarouselError(
                    f"control {player.policy!r} was trained on users "
                    f"({player.file.population.fingerprint}) whom no axis and severity of this "
                    "request meets"
                )
            found.setdefault(player.policy, replace(player, control=True))
    _refuse_twins(found.values())
    return list(found.values())


def _given(router: Policy) -> Player:
    name = getattr(router, "name", None)
    return Player(name if isinstance(name, str) else type(router).__name__, acting=router)


def _players(text: str) -> list[Player]:
    """A scripted router, a policy file, or all policy files of a folder; behind `NAME=`, policy
    files under a name of their own.

    Raises:
        CarouselError: a router that is no policy file under such a name.
    """
    rest = _unnamed(text)
    if rest != text:
        label = text.removesuffix(f"={rest}")
        if is_name(label) or label.endswith(MASKED):
            raise CarouselError(
                f"router {shown(text)} is given the name {shown(label)}, which means another "
                "router; give it another one"
            )
        found = [replace(player, label=label) for player in _players(rest)]
        if found[0].file is None:
            raise CarouselError(
                f"router {shown(text)} names {shown(rest)}, which is no policy file; only policy "
                "files can be given another name"
            )
        return found
    path = Path(text) if is_name(text) else archives.unpacked(Path(text))
    if not (text.endswith(SUFFIX) or is_name(text)) and _is_folder(path):
        files = sorted(path.rglob(f"*{SUFFIX}"))
        if not files:
            raise CarouselError(f"folder {shown(text)} holds no policy file (*{SUFFIX})")
        return [_learned(str(file)) for file in files]
    if is_file(text):
        return [_learned(text)]
    if is_object(text):
        return [Player(text, sha256=digest_of(text.rpartition(":")[0]))]
    return [Player(canonical(text))]


def _unnamed(text: str) -> str:
    """The path in `NAME=PATH`; all of the text where that is a path itself."""
    label, equals, rest = text.partition("=")
    named = equals and _LABEL.fullmatch(label) and not _is_there(Path(text))
    return rest if named else text


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # a name too long for the file system, say
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # a name too long for the file system, say
        return False


def _learned(text: str) -> Player:
    path = Path(text)
    try:
        digest = hashlib.sha256(read_whole(path, LARGEST_BYTES)).hexdigest()
    except OSError as error:
        if path.is_file():
            raise unreadable(path, error) from None
        raise CarouselError(f"policy file {shown(text)} does not exist, or is no file") from None
    return Player(text, PolicyFile.load(path), digest)


def _named(one: Player, other: Player) -> Player:
    """The player of a policy that was given twice: under its name, if one of them has one.

    Raises:
        CarouselError: they have two.
    """
    if one.label and other.label and one.label != other.label:
        raise CarouselError(
            f"{one.policy!r} is given the names {one.label!r} and {other.label!r}; it can have one"
        )
    return other if other.label else one


def refuse_mixed(players: Iterable[Player]) -> None:
    """Seeds of a group must be seeds of one training request: a mean over two settings is a figure
    of neither.

    Raises:
        CarouselError: two policies of a name were trained in different ways.
    """
    first: dict[str, Player] = {}
    for player in players:
        if player.file is None:
            continue
        other = first.setdefault(player.name, player)
        one, two = (_how_trained(known.file) for known in (other, player))  # type: ignore[arg-type]
        for key in sorted({*one, *two}):
            if one.get(key) != two.get(key):
                raise CarouselError(
                    f"{other.policy!r} and {player.policy!r} are both {player.name}, but differ in "
                    f"{key} ({shown(one.get(key))} and {shown(two.get(key))}), and are no seeds of "
                    f"one training; give one of them a name of its own, as in "
                    f"{player.name}-2={player.policy}"
                )


def _how_trained(file: PolicyFile) -> dict[str, Any]:
    """What seeds of one training request have in common; on whom is checked elsewhere."""
    known = dict(file.training)
    settings = known.get("settings")
    found = dict(settings) if isinstance(settings, dict) else {}
    # how many threads computed it is no part of what is computed
    found.pop("torch_threads", None)
    return {**found, "steps trained": known.get("steps"), "imported": known.get("imported", False)}


def _refuse_twins(players: Iterable[Player]) -> None:
    """Seeds of a group must be different trainings: one counted twice would look like agreement."""
    seen: dict[tuple[Any, ...], Player] = {}
    for player in players:
        if player.file is None:
            continue
        seed = player.file.training_seed
        key = (player.name, seed, player.file.population.fingerprint)
        other = seen.setdefault(key, player)
        if other is player:
            continue
        both = f"{other.policy!r} and {player.policy!r} are both {player.name}"
        if seed is None:
            raise CarouselError(
                f"{both} and name no training seed, so nothing tells whether they are two "
                "trainings; a study takes one such policy of a router"
            )
        raise CarouselError(f"{both} of training seed {seed}; a study takes each training once")
