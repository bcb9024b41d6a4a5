"""The command that searches for settings."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated

import typer

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown_path
from carousel_envs.foundation.files import check_writable, write_whole

from ..learning.settings import shortfall
from ..learning.view import View
from ..system import console
from ..system.interruption import explained, importing
from .option_records import taking
from .options import (
    AlgorithmOption,
    EnvArgument,
    ForceOption,
    HistoryOption,
    JsonOption,
    SetOption,
    VisibleContextOption,
    check_suffix,
    environment,
    refuse_to_replace,
)

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation

    from ..learning.tune import Tuned


@dataclass(frozen=True)
class TuneOptions:
    """Arguments and options of `carousel tune`."""

    env: EnvArgument
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="settings to write (.toml), for `train --settings`"),
    ]
    algo: AlgorithmOption = "ppo"
    trials: Annotated[
        int, typer.Option(metavar="N", help="trials in all, those of earlier calls too")
    ] = 50
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="environment steps per training run (default: the preset's)"
        ),
    ] = None
    seeds: Annotated[int, typer.Option(metavar="N", help="training runs per trial")] = 2
    history: HistoryOption = 1
    visible_context: VisibleContextOption = False
    storage: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="SQLite file of the search (default: beside OUT)"),
    ] = None
    changes: SetOption = None
    force: ForceOption = False
    as_json: JsonOption = False

    @property
    def kept(self) -> Path:
        """The file of the search."""
        return self.storage or self.out.with_suffix(".sqlite")


@taking(TuneOptions)
def tune(asked: TuneOptions) -> None:
    """Search for the settings of an algorithm, on training users alone.

    A search that was cut short goes on when the same command is given again.
    """
    name, population = environment(asked.env, asked.changes)
    refuse_to_replace(asked.out, asked.force)
    check_suffix(asked.out, ".toml", "file of settings")
    if _one_file(asked.out, asked.kept):
        raise CarouselError(
            f"--out and the storage of the search are both {shown_path(asked.kept)}; they must be "
            "two files"
        )
    check_writable(asked.out)
    if short := shortfall(asked.algo, asked.steps):
        console.tell(short)
    found = _searched(asked, name, population)
    write_whole(asked.out, _settings_file(asked, name, found).encode())
    _say_found(asked, name, population, found)


def _searched(asked: TuneOptions, name: str, population: AnyPopulation) -> Tuned:
    """The result of the search, which is shown as it goes on."""
    with console.status("loading torch"), importing():
        from ..learning.tune import tune as search
    with (
        explained(lambda: "interrupted; the same command goes on from here"),
        console.progress(f"tuning {asked.algo}") as bar,
    ):
        return search(
            population,
            environment=name,
            algorithm=asked.algo,
            storage=asked.kept,
            trials=asked.trials,
            steps=asked.steps,
            seeds=asked.seeds,
            view=View(asked.history, asked.visible_context),
            report=lambda done, total, best: bar(done, total, f"best {best:.3f}"),
        )


def _settings_file(asked: TuneOptions, name: str, found: Tuned) -> str:
    """The file of settings: TOML, with what the search says of them as comments."""
    preset = found.preset_engagement
    compared = "diverged" if preset is None else f"{preset:.4f}"
    steps, said = asked.steps, f"{found.engagement:.4f} engagement per session"
    others = f"{found.pruned} more were given up, {found.failed} failed"
    lines = [
        f"# {asked.algo} on {name}: {said} over {asked.seeds} seeds, the preset {compared}",
        f"# found at {steps or 'as many'} steps {'' if steps else 'as the preset has '}per run",
        f"# best of {found.trials} trials; {others}",
        *(f"{setting} = {json.dumps(value)}" for setting, value in found.settings.items()),
    ]
    return "\n".join(lines) + "\n"


def _say_found(asked: TuneOptions, name: str, population: AnyPopulation, found: Tuned) -> None:
    from ..learning.tune import score_of

    document = {
        "file": str(asked.out),
        "storage": str(asked.kept),
        "env": name,
        "algorithm": asked.algo,
        "settings": found.settings,
        "engagement": found.engagement,
        "preset_engagement": found.preset_engagement,
        "score": score_of(population, found.engagement),
        "preset_score": score_of(population, found.preset_engagement),
        "trials": found.trials,
        "pruned": found.pruned,
        "failed": found.failed,
    }
    if asked.as_json:
        console.print_json(document)
        return
    console.print_figures(
        f"{asked.algo} on {name}, training users",
        {k: v for k, v in document.items() if k not in ("settings", "file", "storage")},
    )
    console.say(
        f"wrote {asked.out}; `carousel train {asked.env} --algo {asked.algo} --settings "
        f"{asked.out}` uses it"
    )


def _one_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, be it through links; it need not be there yet."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return one.samefile(other)
    except OSError:
        return False
