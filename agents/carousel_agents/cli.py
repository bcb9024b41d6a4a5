"""The command line: `carousel …`.

Exit codes: 0; 1 when something failed (one sentence says why); 2 for wrong usage.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from carousel_envs import CarouselError, __version__
from carousel_envs.errors import shown_path

from . import console
from .commands import (
    distances,
    generalise,
    grids,
    learn,
    look,
    play,
    policies,
    report,
    store,
    tuning,
    users,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Routers over personas: solve, train, evaluate and shift.",
)


def _version(wanted: bool) -> None:
    if wanted:
        console.say(f"carousel {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say the version")
    ] = False,
) -> None:
    """Routers over personas: solve, train, evaluate and shift."""


for _command in (
    *(look.envs, look.reference, look.frontier, look.shifts, distances.distance),
    *(learn.train, tuning.tune, play.evaluate, learn.demo),
    *(generalise.generalise, users.users_seen, report.report),
    *(grids.grid, grids.table, play.watch, play.speed),
    *(policies.inspect, policies.export, policies.import_sb3),
):
    app.command()(_command)
app.add_typer(store.app, name="store")


def main() -> None:
    """Run the command line."""
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app(standalone_mode=True)
    except CarouselError as error:
        _fail(str(error), 1)
    except console.Interrupted as interrupted:
        _fail(str(interrupted) or "interrupted; nothing more was written", 130)
    except OSError as error:
        _fail(_refusal(error), 1)


def _interrupt(*_: object) -> None:
    raise console.Interrupted


def _refusal(error: OSError) -> str:
    """What the system refused, and why."""
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is not None:
        return f"{shown_path(error.filename)} cannot be used: {reason}"
    if not _flushed():
        return f"standard output cannot be written: {reason}"
    return f"the system refused to read or to write: {reason}"


def _fail(sentence: str, code: int) -> None:
    print(f"carousel: {sentence}", file=sys.stderr)
    # what is left in the buffer of a standard output that cannot be written must not be tried again
    os._exit(code) if code == 1 and not _flushed() else sys.exit(code)


def _flushed() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
