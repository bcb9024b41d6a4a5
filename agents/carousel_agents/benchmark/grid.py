"""Grids: which runs make up a benchmark, as data.

A grid is a TOML file:

    curve = 20              # evaluations during each training; optional, as are the next two
    [evaluation]
    users = 20_000
    seed = 1

    [[row]]
    environments = ["Boredom", "Taste"]
    algorithms = ["ppo", "dqn"]
    seeds = 10              # how many, counted from 0; or a list such as [3, 4]
    steps = 1_000_000       # optional: else the algorithm's own budget
    history = 8             # optional: observations shown side by side
    context = true          # optional: the user's row is shown
    set = ["n_users=100"]   # optional: fields of the population that are changed
    shifts = ["hazard=1"]   # optional: shifts of the population
    users = "few"           # optional: what the users so changed are called in names of folders
    settings = { network = [16] }   # optional: what is changed in the algorithm's preset,
    label = "net16"                 # and what the router's name says of it; alone, it tells apart
                                    # rows of one algorithm, such as of different steps
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown, truth_value, whole_number
from carousel_envs.foundation.files import read_whole, unreadable
from carousel_envs.registry import environment_id

from ..generalisation.changed_population import population_of
from ..learning.settings import check_algorithm, settings_of
from ..learning.view import MAX_HISTORY, View, refuse_unless_shown
from .runs import PRESENT, Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_LARGEST = 1 << 20
"""Bytes of a grid's file."""
_LONGEST_TEXTS = 100
_LABEL = re.compile(r"[a-z0-9.]{0,40}")
_USERS_LABEL = re.compile(r"[a-z0-9.-]{1,40}")
_MOST_SEEDS, _MOST_STEPS, _LAST_SEED = 1000, 10**12, 2**32 - 1
_KEYS = ("row", "evaluation", "curve")
_EVALUATION_KEYS = ("users", "seed")
_ROW_KEYS = (
    "environments",
    "algorithms",
    "seeds",
    "steps",
    "history",
    "context",
    "set",
    "shifts",
    "users",
    "settings",
    "label",
)


@dataclass(frozen=True)
class Row:
    """Runs that differ in their seed alone.

    Attributes:
        environment: id.
        algorithm: one of `learning.settings.ALGORITHMS`.
        seeds: of the trainings, without repetition.
        view: what the networks see.
        steps: environment steps; None: the budget of the algorithm's preset.
        changes, shifts, users_label: of the population; see `Run`.
        settings, label: of the algorithm; see `Run`.
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


@dataclass(frozen=True)
class Grid:
    """What a benchmark consists of.

    Attributes:
        rows: each of another environment, algorithm or view.
        users: sessions of each policy's evaluation.
        seed: of these sessions; the same for all, so that every comparison is paired.
        curve: evaluations during each training.
    """

    rows: tuple[Row, ...]
    users: int = 20_000
    seed: int = 1
    curve: int = 20

    @classmethod
    def read(cls, path: Path) -> Grid:
        """Read a grid from a TOML file (see the head of this module).

        Raises:
            CarouselError: it is missing or no TOML; a key is unknown or missing; a value is not
                allowed; or two rows hold the same run.
        """
        try:
            document = tomllib.loads(read_whole(path, _LARGEST).decode())
        except OSError as error:
            raise unreadable(path, error) from None
        except (ValueError, RecursionError) as error:
            first = str(error).partition("\n")[0]
            raise CarouselError(f"grid {path} is no TOML file: {first}") from None
        try:
            return cls._of(document)
        except CarouselError as error:
            raise CarouselError(f"grid {path}: {error}") from None

    @classmethod
    def _of(cls, document: Mapping[str, Any]) -> Grid:
        _only(document, _KEYS)
        evaluation = document.get("evaluation", {})
        if not isinstance(evaluation, dict):
            raise CarouselError(f"evaluation is {shown(evaluation)}; it must be a table")
        _only(evaluation, _EVALUATION_KEYS, "evaluation: ")
        tables = document.get("row", [])
        if not (isinstance(tables, list) and tables and all(isinstance(t, dict) for t in tables)):
            raise CarouselError("it has no [[row]]; it must have one at least")
        rows: list[Row] = []
        told: dict[str, int] = {}
        for number, table in enumerate(tables, 1):
            try:
                found = _rows(table)
            except CarouselError as error:
                raise CarouselError(f"row {number}: {error}") from None
            for row in found:
                group = cls(()).run(row, 0).group
                if group in told:
                    raise CarouselError(f"rows {told[group]} and {number} both hold {group}")
                told[group] = number
            rows += found
        users = whole_number("users", evaluation.get("users", cls.users), 1, 2**31)
        return cls(
            rows=tuple(rows),
            users=users,
            seed=whole_number("seed", evaluation.get("seed", cls.seed), 0, 2**63 - 1 - users),
            curve=whole_number("curve", document.get("curve", cls.curve), 1, 1000),
        )

    def runs(self, only: Sequence[str] = ()) -> tuple[Run, ...]:
        """All runs: every row's first seed, then every row's second, and so on, so that what is
        there early tells something of everything.

        Args:
            only: patterns of ENV/ALGO (see `Run.group`), in which * stands for anything; a run is
                chosen if it matches one, or if there are none.

        Raises:
            CarouselError: a pattern matches nothing.
        """
        found = [
            self.run(row, row.seeds[place])
            for place in range(max(len(row.seeds) for row in self.rows))
            for row in self.rows
            if place < len(row.seeds)
        ]
        groups = list(dict.fromkeys(run.group for run in found))
        for pattern in only:
            if not any(fnmatchcase(group, pattern) for group in groups):
                raise CarouselError(
                    f"--only {shown(pattern)} matches nothing; the grid has {', '.join(groups)}"
                )
        return tuple(
            run for run in found if not only or any(fnmatchcase(run.group, p) for p in only)
        )

    def run(self, row: Row, seed: int) -> Run:
        """The run of one seed of a row."""
        return Run(
            environment=row.environment,
            algorithm=row.algorithm,
            seed=seed,
            view=row.view,
            steps=row.steps,
            users=self.users,
            evaluation_seed=self.seed,
            curve=self.curve,
            changes=row.changes,
            shifts=row.shifts,
            settings=row.settings,
            label=row.label,
            users_label=row.users_label,
        )


def _rows(table: Mapping[str, Any]) -> list[Row]:
    _only(table, _ROW_KEYS)
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
    for environment in environments:
        refuse_unless_shown(population_of(environment, changes, shifts), view)
    algorithms = _names(table, "algorithms")
    settings, label = _settings(table)
    for name in algorithms:
        check_algorithm(name)
        settings_of(name, dict(settings))
    seeds = _seeds(table)
    return [
        Row(env, algo, seeds, view, steps, changes, shifts, settings, label, users_label)
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


def _settings(table: Mapping[str, Any]) -> tuple[tuple[tuple[str, Any], ...], str]:
    """What is changed in a preset, and the word for it: part of a folder's name."""
    settings, label = table.get("settings", {}), table.get("label", "")
    if not isinstance(settings, dict):
        raise CarouselError(f"settings is {shown(settings)}; it must be a table of settings")
    if "steps" in settings:
        raise CarouselError("settings holds steps; it is a key of the row itself")
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise CarouselError(
            f"label is {shown(label)}; it must be a word of lower-case letters, digits and dots"
        )
    if settings and not label:
        raise CarouselError(
            "settings must come with a label, which tells the router from the one with its preset"
        )
    plain = {name: tuple(v) if isinstance(v, list) else v for name, v in settings.items()}
    return tuple(sorted(plain.items())), label


def _users_label(table: Mapping[str, Any]) -> str:
    """What changed users are called; part of a folder's name, in place of what is changed."""
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
    """What is changed; part of a folder's name, unless the users are given one."""
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


def _only(table: Mapping[str, Any], known: Sequence[str], where: str = "") -> None:
    for key in table:
        if key not in known:
            raise CarouselError(f"{where}{shown(key)} is no key; known are {', '.join(known)}")
