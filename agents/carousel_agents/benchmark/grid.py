"""Grids: the runs of a benchmark, as data.

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
    levels = ["hazard=1"]   # optional: shifted users that are trained on, too
    curriculum = "regret"   # how lanes are divided among them; "uniform" if it is left out
    users = "few"           # optional: what the users so changed are called in names of folders
    settings = { network = [16] }   # optional: what is changed in the algorithm's preset, or the
                                    # path, from here, of a file of settings; {environment} and
                                    # {algorithm} in it stand for their names
    rewards = "others"      # optional: a control, which is paid what other sessions earn
    label = "net16"                 # what the router's name says of the settings; alone, it tells
                                    # apart rows of one algorithm, such as of different steps
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown, whole_number
from carousel_envs.foundation.files import read_whole, unreadable

from ..generalisation.evaluate import checked_seed
from .grid_rows import only, rows_of
from .runs import GridRun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .grid_rows import GridRow

_LARGEST = 1 << 20
"""Bytes of a grid's file."""
_KEYS = ("row", "evaluation", "curve")
_EVALUATION_KEYS = ("users", "seed")


@dataclass(frozen=True)
class Grid:
    """The runs of a benchmark.

    Attributes:
        rows: each of another environment, algorithm or view.
        users: sessions of each policy's evaluation.
        seed: of these sessions; the same for all, so that every comparison is paired.
        curve: evaluations during each training.
    """

    rows: tuple[GridRow, ...]
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
            return cls._of(document, path.parent)
        except CarouselError as error:
            raise CarouselError(f"grid {path}: {error}") from None

    @classmethod
    def _of(cls, document: Mapping[str, Any], folder: Path) -> Grid:
        only(document, _KEYS)
        evaluation = document.get("evaluation", {})
        if not isinstance(evaluation, dict):
            raise CarouselError(f"evaluation is {shown(evaluation)}; it must be a table")
        only(evaluation, _EVALUATION_KEYS, "evaluation: ")
        tables = document.get("row", [])
        if not (isinstance(tables, list) and tables and all(isinstance(t, dict) for t in tables)):
            raise CarouselError("it has no [[row]]; it must have one at least")
        rows: list[GridRow] = []
        told: dict[str, int] = {}
        for number, table in enumerate(tables, 1):
            try:
                found = rows_of(table, folder)
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
            seed=checked_seed(evaluation.get("seed", cls.seed), users),
            curve=whole_number("curve", document.get("curve", cls.curve), 1, 1000),
        )

    def runs(self, only: Sequence[str] = ()) -> tuple[GridRun, ...]:
        """All runs: every row's first seed, then every row's second, and so on, so that the runs
        that end early cover all rows.

        Args:
            only: patterns of ENV/ALGO (see `GridRun.group`), in which * stands for anything; a run
                is chosen if it matches one, or if there are none.

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

    def run(self, row: GridRow, seed: int) -> GridRun:
        """The run of one seed of a row."""
        return GridRun(
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
            levels=row.levels,
        )
