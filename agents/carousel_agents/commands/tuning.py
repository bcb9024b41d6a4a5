"""The command that searches for settings."""

from __future__ import annotations

import json
import os
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import Annotated

import typer

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown_path
from carousel_envs.foundation.files import check_writable, write_whole

from ..learning.settings import shortfall
from ..learning.view import View
from ..system import console
from ..system.interruption import explained, importing
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


def tune(
    env: EnvArgument,
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="settings to write (.toml), for `train --settings`"),
    ],
    algo: AlgorithmOption = "ppo",
    trials: Annotated[
        int, typer.Option(metavar="N", help="trials in all, those of earlier calls too")
    ] = 50,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="environment steps per training run (default: the preset's)"
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="N", help="training runs per trial")] = 2,
    history: HistoryOption = 1,
    visible_context: VisibleContextOption = False,
    storage: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="SQLite file of the search (default: beside OUT)"),
    ] = None,
    changes: SetOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Search for the settings of an algorithm, on training users alone.

    A search that was cut short goes on when the same command is given again.
    """
    name, population = environment(env, changes)
    refuse_to_replace(out, force)
    check_suffix(out, ".toml", "file of settings")
    kept = storage or out.with_suffix(".sqlite")
    if _one_file(out, kept):
        raise CarouselError(
            f"--out and the storage of the search are both {shown_path(kept)}; they must be two "
            "files"
        )
    check_writable(out)
    if short := shortfall(algo, steps):
        console.tell(short)
    with console.status("loading torch"), importing():
        from ..learning.tune import score_of
        from ..learning.tune import tune as search
    with (
        explained(lambda: "interrupted; the same command goes on from here"),
        console.progress(f"tuning {algo}") as bar,
    ):
        found = search(
            population,
            environment=name,
            algorithm=algo,
            storage=kept,
            trials=trials,
            steps=steps,
            seeds=seeds,
            view=View(history, visible_context),
            report=lambda done, total, best: bar(done, total, f"best {best:.3f}"),
        )
    said = f"{found.engagement:.4f} engagement per session over {seeds} seeds"
    others = f"{found.pruned} more were given up, {found.failed} failed"
    preset = found.preset_engagement
    compared = "diverged" if preset is None else f"{preset:.4f}"
    lines = [
        f"# {algo} on {name}: {said}, the preset {compared}",
        f"# found at {steps or 'as many'} steps {'' if steps else 'as the preset has '}per run",
        f"# best of {found.trials} trials; {others}",
        *(f"{setting} = {json.dumps(value)}" for setting, value in found.settings.items()),
    ]
    write_whole(out, ("\n".join(lines) + "\n").encode())
    document = {
        "file": str(out),
        "storage": str(kept),
        "env": name,
        "algorithm": algo,
        "settings": found.settings,
        "engagement": found.engagement,
        "preset_engagement": found.preset_engagement,
        "score": score_of(population, found.engagement),
        "preset_score": score_of(population, found.preset_engagement),
        "trials": found.trials,
        "pruned": found.pruned,
        "failed": found.failed,
    }
    if as_json:
        console.print_json(document)
        return
    console.print_figures(
        f"{algo} on {name}, training users",
        {k: v for k, v in document.items() if k not in ("settings", "file", "storage")},
    )
    console.say(f"wrote {out}; `carousel train {env} --algo {algo} --settings {out}` uses it")


def _one_file(one: Path, other: Path) -> bool:
    """Whether two paths lead to one file, be it through links; it need not be there yet."""
    if os.path.realpath(one) == os.path.realpath(other):
        return True
    try:
        return one.samefile(other)
    except OSError:
        return False
