"""One `[[row]]` of a grid: its keys, checked, as the rows of runs that it stands for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown, truth_value, whole_number
from carousel_envs.registry import environment_id, short_name

from ..generalisation.changed_population import population_of
from ..learning.levels import Levels
from ..learning.settings import check_algorithm, read_settings, settings_of
from ..learning.view import MAX_HISTORY, View, refuse_unless_shown
from .runs import PRESENT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_LONGEST_TEXTS = 100
_LABEL = re.compile(r"[a-z0-9.]{0,40}")
_USERS_LABEL = re.compile(r"[a-z0-9.-]{1,40}")
_MOST_SEEDS, _MOST_STEPS, _LAST_SEED = 1000, 10**12, 2**32 - 1
_ROW_KEYS = (
    "environments",
    "algorithms",
    "seeds",
    "steps",
    "history",
    "context",
    "set",
    "shifts",
    "levels",
    "curriculum",
    "users",
    "settings",
    "rewards",
    "label",
)


@dataclass(frozen=True)
class GridRow:
    """Runs that differ in their seed alone.

    Attributes:
        environment: id.
        algorithm: one of `learning.settings.ALGORITHMS`.
        seeds: of the trainings, without repetition.
        view: what the networks see.
        steps: environment steps; None: the budget of the algorithm's preset.
        changes, shifts, users_label: of the population; see `GridRun`.
        settings, label: of the algorithm; see `GridRun`.
        levels: shifted users that it is trained on, too.
    """

    environment: str
    algorithm: str
    seeds: tuple[int, ...]
    view: View = PRESENT
    steps: int | None = None
    changes: tuple[str, ...] = ()
    shifts: tuple[str, ...] = ()
    settings: tuple[tuple[str, Any], ...] = ()
    label: str = ""
    users_label: str = ""
    levels: Levels | None = None


def rows_of(table: Mapping[str, Any], folder: Path) -> list[GridRow]:
    """The rows that a table `[[row]]` stands for: one per environment and algorithm.

    Args:
        table: of a grid's file.
        folder: where the file lies.

    Raises:
        CarouselError: a key is unknown or missing, a value is not allowed, or a file of settings
            cannot be read.
    """
    only(table, _ROW_KEYS)
    steps = table.get("steps")
    if steps is not None:
        steps = whole_number("steps", steps, 1, _MOST_STEPS)
    view = View(
        whole_number("history", table.get("history", 1), 1, MAX_HISTORY),
        truth_value("context", table.get("context", False)),
    )
    changes, shifts = _texts(table, "set"), _texts(table, "shifts")
    users_label = _users_label(table)
    environments = [environment_id(name) for name in _names(table, "environments")]
    levels = _levels(table)
    for environment in environments:
        users = population_of(environment, changes, shifts)
        refuse_unless_shown(users, view)
        if levels is not None:
            levels.populations(users, view)
    algorithms = _names(table, "algorithms")
    for name in algorithms:
        check_algorithm(name)
    settings = {
        (env, algo): _settings(table, folder, env, algo)
        for env in environments
        for algo in algorithms
    }
    label = _label(table)
    seeds = _seeds(table)
    return [
        GridRow(
            environment=env,
            algorithm=algo,
            seeds=seeds,
            view=view,
            steps=steps,
            changes=changes,
            shifts=shifts,
            settings=settings[env, algo],
            label=label,
            users_label=users_label,
            levels=levels,
        )
        for env in environments
        for algo in algorithms
    ]


def _seeds(table: Mapping[str, Any]) -> tuple[int, ...]:
    if "seeds" not in table:
        raise CarouselError("seeds is missing; it must be a number of seeds or a list of them")
    given = table["seeds"]
    if not isinstance(given, list):
        return tuple(range(whole_number("seeds", given, 1, _MOST_SEEDS)))
    seeds = _distinct("seeds", given, lambda seed: whole_number("seed", seed, 0, _LAST_SEED))
    return tuple(seeds)


def _settings(
    table: Mapping[str, Any], folder: Path, environment: str, algorithm: str
) -> tuple[tuple[str, Any], ...]:
    """The changes of a preset, as (name, value)."""
    settings = table.get("settings", {})
    # beside a file of settings, which does not name them
    paid = {"rewards": table["rewards"]} if "rewards" in table else {}
    if isinstance(settings, str):
        name = settings.replace("{environment}", short_name(environment))
        path = folder / name.replace("{algorithm}", algorithm)
        found = read_settings(path)
        try:
            return _changes({**found, **paid}, algorithm)
        except CarouselError as error:
            raise CarouselError(f"{path}: {error}") from None
    if not isinstance(settings, dict):
        raise CarouselError(
            f"settings is {shown(settings)}; it must be a table of settings, or a file of them"
        )
    return _changes({**settings, **paid}, algorithm)


def _changes(settings: dict[str, Any], algorithm: str) -> tuple[tuple[str, Any], ...]:
    if "steps" in settings:
        raise CarouselError("settings holds steps; it is a key of the row itself")
    plain = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
    settings_of(algorithm, plain)
    return tuple(sorted(plain.items()))


def _label(table: Mapping[str, Any]) -> str:
    """The word that stands for the settings in a folder's name."""
    label = table.get("label", "")
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise CarouselError(
            f"label is {shown(label)}; it must be a word of lower-case letters, digits and dots"
        )
    if (table.get("settings") or "rewards" in table) and not label:
        raise CarouselError(
            "settings and rewards must come with a label, which tells the router from the one with "
            "its preset"
        )
    return label


def _levels(table: Mapping[str, Any]) -> Levels | None:
    if "levels" not in table:
        if "curriculum" in table:
            raise CarouselError("curriculum is given, but no levels that it would be of")
        return None
    return Levels(tuple(_names(table, "levels")), table.get("curriculum", "uniform"))


def _users_label(table: Mapping[str, Any]) -> str:
    """The word that stands for changed users in a folder's name; empty: their changes do."""
    if "users" not in table:
        return ""
    users = table["users"]
    if not isinstance(users, str) or not _USERS_LABEL.fullmatch(users):
        raise CarouselError(
            f"users is {shown(users)}; it must be a word of lower-case letters, digits, dots and "
            "hyphens"
        )
    if not ("set" in table or "shifts" in table):
        raise CarouselError(f"users is {shown(users)}, but neither set nor shifts changes them")
    return users


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Changes of the users; part of a folder's name, unless `users` names them."""
    if key not in table:
        return ()
    texts = tuple(_names(table, key))
    for text in texts:
        if "/" in text or not text.isprintable():
            raise CarouselError(
                f"{key} holds {shown(text)}; it must be of letters that show, without /, because "
                "folders are named after it"
            )
    if "users" not in table and sum(map(len, texts)) > _LONGEST_TEXTS:
        raise CarouselError(
            f"{key} holds {sum(map(len, texts))} letters; folders are named after them, so there "
            f"may be {_LONGEST_TEXTS} unless users gives them a name"
        )
    names = [text.partition("=")[0] for text in texts]
    for name in names:
        if names.count(name) > 1:
            raise CarouselError(f"{key} names {shown(name)} more than once")
    return texts


def _names(table: Mapping[str, Any], key: str) -> list[str]:
    if not isinstance(table.get(key), list):
        given = shown(table[key]) if key in table else "missing"
        raise CarouselError(f"{key} is {given}; it must be a list of names")

    def name(item: Any) -> str:
        if not isinstance(item, str):
            raise CarouselError(f"{key} holds {shown(item)}; it must be a list of names")
        return item

    return _distinct(key, table[key], name)


def _distinct(key: str, items: Sequence[Any], check: Callable[[Any], Any]) -> list[Any]:
    found = [check(item) for item in items]
    if not found:
        raise CarouselError(f"{key} is empty; it must hold one at least")
    for item in found:
        if found.count(item) > 1:
            raise CarouselError(f"{key} holds {shown(item)} more than once")
    return found


def only(table: Mapping[str, Any], known: Sequence[str], where: str = "") -> None:
    """Refuse a table with unknown keys.

    Args:
        table: of a grid's file.
        known: the keys that it may have.
        where: begins the sentence.

    Raises:
        CarouselError: a key is unknown.
    """
    for key in table:
        if key not in known:
            raise CarouselError(f"{where}{shown(key)} is no key; known are {', '.join(known)}")
