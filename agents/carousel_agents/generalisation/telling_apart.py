"""Whether policies of a study can be told apart, and which are seeds of one training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..learning import PolicyFile
    from .players import Player


def named(one: Player, other: Player) -> Player:
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
    return {
        **found,
        "steps trained": known.get("steps"),
        "imported": known.get("imported", False),
        "levels": known.get("levels"),
    }


def refuse_twins(players: Iterable[Player]) -> None:
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
