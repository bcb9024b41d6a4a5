"""Who takes part in a study: those asked for, controls, companions, and masked policies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.spec import model_of

from ..router import is_file, training_fingerprint
from ..system import archives
from .player_search import players_of, unnamed
from .players import COMPANIONS, ON_SOURCE, Player
from .telling_apart import named, refuse_mixed, refuse_twins

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy


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
        for player in players_of(router) if isinstance(router, str) else [_given(router)]:
            known = found.setdefault(player.policy, player)
            if known.acting is not player.acting:
                raise CarouselError(
                    f"two routers are called {player.policy!r}; give one of them another attribute "
                    "name"
                )
            found[player.policy] = named(known, player)
    for player in found.values():
        acting = player.router(source, source)
        if training_fingerprint(acting) not in (None, source.fingerprint):
            raise CarouselError(
                f"router {player.policy!r} was trained on other users than those that shifts start "
                "from (give the --set it was trained with)"
            )
    refuse_twins(found.values())
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
        for player in players_of(text):
            found[player.policy] = named(found.get(player.policy, player), player)
    refuse_twins(found.values())
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
        path = unnamed(folder)
        if not is_file(path) and not archives.unpacked(Path(path)).is_dir():
            raise CarouselError(f"control {shown(folder)} is neither a folder nor a policy file")
        for player in players_of(folder):
            assert player.file is not None
            if player.file.population.fingerprint not in known:
                raise CarouselError(
                    f"control {player.policy!r} was trained on users "
                    f"({player.file.population.fingerprint}) whom no axis and severity of this "
                    "request meets"
                )
            found.setdefault(player.policy, replace(player, control=True))
    refuse_twins(found.values())
    return list(found.values())


def _given(router: Policy) -> Player:
    name = getattr(router, "name", None)
    return Player(name if isinstance(name, str) else type(router).__name__, acting=router)
