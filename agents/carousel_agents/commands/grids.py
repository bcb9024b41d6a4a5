"""Commands for grids of runs: fill a store, show what is in it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  (the command line reads annotations)
from typing import TYPE_CHECKING, Annotated

import typer

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import UsageError, whole_number
from carousel_envs.foundation.files import check_folder

from ..benchmark.engine import LocalEngine
from ..benchmark.fill import Filling, Listener, evaluate_again, fill
from ..benchmark.grid import Grid
from ..benchmark.remaining import Remaining, in_words
from ..benchmark.store import RunStore
from ..learning.settings import shortfall
from ..system import console
from ..system.interruption import explained
from ..system.workers import MOST_WORKERS
from .option_records import taking
from .options import JsonOption, WorkersOption  # noqa: TC001  (likewise)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..benchmark.fill import Result
    from ..benchmark.perform import Job


@dataclass(frozen=True)
class GridOptions:
    """Arguments and options of `carousel grid`."""

    file: Annotated[Path, typer.Argument(metavar="FILE", help="the grid (.toml)")]
    out: Annotated[Path, typer.Option(metavar="DIR", help="folder of runs; finished ones are kept")]
    workers: WorkersOption = 2
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="ENV/ALGO", help="only these, * allowed; may be repeated"),
    ] = None
    force: Annotated[bool, typer.Option("--force", help="replace runs of another request")] = False
    again: Annotated[
        bool,
        typer.Option("--evaluate-again", help="evaluate finished runs anew, before anything else"),
    ] = False
    pack: Annotated[
        bool, typer.Option("--pack", help="then write the archive of all finished runs, DIR.tar")
    ] = False
    as_json: JsonOption = False


@taking(GridOptions)
def grid(asked: GridOptions) -> None:
    """Train and evaluate a grid of routers; an interrupted grid goes on where it was.

    A folder DIR that is missing is unpacked from its archive DIR.tar, if there is one.
    """
    whole_number("workers", asked.workers, 1, MOST_WORKERS)
    runs = Grid.read(asked.file).runs(asked.only or ())
    check_folder(asked.out)
    if short := [run for run in runs if shortfall(run.algorithm, run.steps)]:
        groups = ", ".join(dict.fromkeys(run.group for run in short))
        console.tell(f"{groups}: {shortfall(short[0].algorithm, short[0].steps)}")
    command = ["carousel", "grid", str(asked.file), "--out", str(asked.out)]
    command += ["--workers", str(asked.workers)] if asked.workers != 2 else []
    command += [part for pattern in asked.only or () for part in ("--only", pattern)]
    with (
        explained(lambda: "interrupted; the same command goes on from here"),
        console.progress("runs", remaining=False) as bar,
    ):
        if asked.again:
            console.tell(f"evaluated {evaluate_again(runs, asked.out, bar)} finished runs anew")
        how = Filling(
            asked.force, shlex.join(command), LocalEngine(asked.workers), _Shown(bar, asked.workers)
        )
        results = fill(runs, asked.out, how)
    failed = [result for result in results if result.status == "failed"]
    if asked.as_json:
        console.print_json({"out": str(asked.out), "runs": [result.row() for result in results]})
    else:
        done = sum(result.status == "done" for result in results)
        console.say(
            f"{asked.out}: {done} runs done, {len(results) - done - len(failed)} were there"
        )
    if failed:
        raise CarouselError(
            f"{len(failed)} of {len(results)} runs failed; the first, {failed[0].run.name}: "
            f"{failed[0].error}"
        )
    if asked.pack:
        archive = RunStore(asked.out).pack()
        console.tell(f"wrote {archive}")


def table(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="folder of runs")],
    as_json: JsonOption = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="as Markdown")] = False,
) -> None:
    """Show how well and how fast each router of a grid learned, beside scripted ones."""
    from ..benchmark import markdown
    from ..benchmark import table as tables

    if as_json and as_markdown:
        raise UsageError("give either --json or --markdown")
    command = shlex.join(["carousel", "table", str(folder), "--json"])
    with console.status("reading runs") as status:
        document = tables.table(
            RunStore(folder), command, lambda name: status(f"solving and playing {name}")
        )
    if as_json:
        console.print_json(document)
        return
    if as_markdown:
        console.print_document(markdown.markdown(document).rstrip("\n"))
        return
    for environment in document["environments"]:
        rows = map(markdown.brief, environment["rows"])
        console.print_table(markdown.title(environment), markdown.BRIEF, rows)
        for reason in markdown.reasons(environment):
            console.say(reason)
    console.say("`--markdown` adds how to read this")


class _Shown(Listener):
    """Progress on standard error: a bar, the time that is left, and a line per run."""

    def __init__(self, bar: Callable[[float, float, str], None], workers: int) -> None:
        self._bar, self._workers = bar, workers
        self._total = self._ended = 0
        self._remaining = Remaining((), workers)

    def solving(self, name: str) -> None:
        self._bar(0, 1, f"solving {name}")

    def began(self, kept: Sequence[Result], jobs: Sequence[Job]) -> None:
        self._total = len(jobs)
        self._remaining = Remaining([job.run for job in jobs], self._workers)
        for result in kept:
            if seconds := result.row()["seconds"]:
                self._remaining.known(result.run, seconds)
        self._show()

    def progress(self, job: Job, share: float, mean_return: float) -> None:
        self._remaining.progress(job.run, share)
        self._show()

    def ended(self, result: Result) -> None:
        self._ended += 1
        self._remaining.ended(result.run)
        row = result.row()
        what = (
            result.error
            if result.record is None
            else f"score {console.number(row['score'])}, {console.number(row['seconds'], 1)} s"
            + ", never swaps" * (row["swaps"] == 0.0)
        )
        left = in_words(self._remaining.seconds())
        console.tell(f"[{self._ended}/{self._total}] {result.run.name}: {what}; {left}")
        self._show()

    def _show(self) -> None:
        note = f"{self._ended} of {self._total}, {in_words(self._remaining.seconds())}"
        self._bar(self._ended + self._remaining.done, max(self._total, 1), note)
