"""The command that trains routers."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (typer reads it)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from carousel_envs.foundation.errors import UsageError, shown
from carousel_envs.foundation.files import check_writable, clear_parts
from carousel_envs.rollout import rollout

from ..generalisation.changed_population import assigned
from ..learning.levels import Levels
from ..learning.levels.record import value_of
from ..learning.settings import read_settings, shortfall
from ..learning.view import View
from ..system import console
from ..system.interruption import explained, importing
from ..system.locks import locked
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
    from collections.abc import Sequence

    from carousel_envs.registry import AnyPopulation

    from ..learning import PolicyFile
    from ..learning.train import Run

_LOOKED_AT = 2**61 + 2**59
"""Seed of sessions that no evaluation, reference, curve or training plays."""


@dataclass(frozen=True)
class TrainOptions:
    """Arguments and options of `carousel train`."""

    env: EnvArgument
    out: Annotated[Path, typer.Option(metavar="FILE", help="policy file to write (.safetensors)")]
    algo: AlgorithmOption = "ppo"
    steps: Annotated[
        int | None, typer.Option(metavar="N", help="environment steps (default: the preset's)")
    ] = None
    seed: Annotated[int, typer.Option(metavar="SEED", help="of network, batches and sessions")] = 0
    net: Annotated[
        str | None,
        typer.Option(
            metavar="WIDTHS",
            help="widths of the hidden layers, such as 32,32, or 'linear' for none",
        ),
    ] = None
    history: HistoryOption = 1
    visible_context: VisibleContextOption = False
    level: Annotated[
        list[str] | None,
        typer.Option(
            metavar="AXIS=SEVERITY", help="train on users shifted so, too; may be repeated"
        ),
    ] = None
    curriculum: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="how lanes are divided among levels: 'uniform' (the default), or by 'regret'",
        ),
    ] = None
    settings: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="TOML file that changes the preset, as `carousel tune` writes it"
        ),
    ] = None
    setting: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="change the preset; may be repeated"),
    ] = None
    curve: Annotated[
        int,
        typer.Option(
            metavar="N", help="evaluate the policy so many times on the way; kept in the file"
        ),
    ] = 0
    checkpoint_seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="training time between two checkpoints")
    ] = 15.0
    restart: Annotated[
        bool, typer.Option("--restart", help="discard the checkpoint of a run that was cut short")
    ] = False
    tensorboard: Annotated[
        Path | None, typer.Option(metavar="DIR", help="write TensorBoard's logs here")
    ] = None
    changes: SetOption = None
    force: ForceOption = False
    as_json: JsonOption = False


@taking(TrainOptions)
def train(asked: TrainOptions) -> None:
    """Train a router and write it as a policy file.

    A run that was cut short goes on from OUT.checkpoint when the same command is given again.
    """
    name, population = environment(asked.env, asked.changes)
    refuse_to_replace(asked.out, asked.force)
    check_suffix(asked.out, ".safetensors", "policy file")
    run = prepared(
        population,
        environment=name,
        algorithm=asked.algo,
        steps=asked.steps,
        settings=changed_settings(asked.settings, asked.setting, asked.net),
        seed=asked.seed,
        view=View(asked.history, asked.visible_context),
        curve=asked.curve,
        levels=_levels(asked),
    )
    file = train_with_progress(
        run,
        asked.out,
        restart=asked.restart,
        force=asked.force,
        checkpoint_seconds=asked.checkpoint_seconds,
        tensorboard=asked.tensorboard,
    )
    _say_trained(file, asked, name)


def _levels(asked: TrainOptions) -> Levels | None:
    if not asked.level:
        if asked.curriculum is not None:
            raise UsageError("--curriculum divides lanes among levels; there must be a --level")
        return None
    return Levels(tuple(asked.level), asked.curriculum or "uniform")


def _say_trained(file: PolicyFile, asked: TrainOptions, name: str) -> None:
    if asked.as_json:
        document = {"file": str(asked.out), "env": name, "algorithm": asked.algo, **file.training}
        console.print_json(document)
        return
    rate = file.training["steps"] / file.training["seconds"]
    resumed = file.training["resumed"]
    console.say(
        f"wrote {asked.out}: {asked.algo}, {file.training['steps']} steps in "
        f"{file.training['seconds']:.1f} s ({rate:,.0f} steps/s)"
        + (f", resumed {resumed} times" if resumed else ""),
    )


def changed_settings(
    path: Path | None, changes: Sequence[str] | None, net: str | None
) -> dict[str, Any]:
    """What --settings, --setting and --net change in a preset; the later ones win.

    Raises:
        CarouselError: a file that cannot be read, or another form (`UsageError`).
    """
    found = read_settings(path) if path else {}
    found.update(assigned("--setting", changes or []))
    if net is not None:
        try:
            found["network"] = [] if net == "linear" else [int(width) for width in net.split(",")]
        except ValueError:
            raise UsageError(
                f"--net is {shown(net)}; it must be widths such as 32,32, or 'linear'"
            ) from None
    return found


def prepared(population: AnyPopulation, **request: Any) -> Run:
    """The run that was asked for, as `Run.of` has it; nothing is written.

    Raises:
        CarouselError: something in the request is not allowed.
    """
    # torch takes seconds to import: only those who train pay for it
    with console.status("loading torch"), importing():
        from ..learning.train import Run

    return Run.of(population, **request)


def train_with_progress(
    run: Run, out: Path, *, restart: bool, force: bool, **others: Any
) -> PolicyFile:
    """Train behind a progress bar and write the policy file; returns it.

    Args:
        run: what to train.
        out: the policy file; the checkpoint stands beside it.
        restart: whether a checkpoint is discarded.
        force: whether a policy that is there is replaced.
        others: what `execute` takes.
    """
    from ..learning.checkpoint import discard
    from ..learning.train import Progress, execute

    check_writable(out)
    if short := shortfall(run.algorithm, run.settings.steps):
        console.tell(short)
    if run.levels and run.levels.by_regret:
        _solve(run.populations)
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    with locked(out.with_name(f".{out.name}.lock"), str(out)):
        # the last holder of the lock may have finished one since
        refuse_to_replace(out, force)
        for path in (out, checkpoint):
            clear_parts(path.parent, glob.escape(path.name))
        if restart:
            discard(checkpoint)
        if checkpoint.exists():
            console.tell(f"going on from {checkpoint}")
        with (
            explained(
                lambda: (
                    "interrupted; the same command goes on from the last checkpoint"
                    if checkpoint.exists()
                    else "interrupted before the first checkpoint; nothing was written"
                )
            ),
            console.progress(f"training {run.algorithm}") as bar,
        ):

            def report(progress: Progress) -> None:
                # the policy file picks the likeliest persona and may do better or worse
                note = f"return {progress.mean_return:.2f}, exploring"
                bar(progress.steps, progress.total, note)

            file = execute(run, report=report, checkpoint=checkpoint, **others)
        file.save(out)
        discard(checkpoint)
    if not swaps_of(file):
        console.tell(
            f"{out} never swaps: one persona speaks for the whole session; this can happen with "
            "any number of steps, and another seed may learn to swap"
        )
    return file


def _solve(levels: Sequence[AnyPopulation]) -> None:
    """Have the references of all levels in the store, behind a progress bar."""
    with console.progress("solving the references of levels") as bar:
        for done, level in enumerate(levels):
            bar(done, len(levels), "")
            value_of(level)


def swaps_of(file: PolicyFile) -> float:
    """Mean swaps a session of a policy, on sessions that are neither trained on nor reported."""
    from ..learning import LearnedRouter

    return float(rollout(file.population, LearnedRouter(file), 500, _LOOKED_AT).swaps.mean())
