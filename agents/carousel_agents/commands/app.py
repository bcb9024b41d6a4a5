"""The command line as typer has it: every command under one root."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from carousel_envs import __version__

from ..system import console
from . import (
    demo,
    distances,
    generalise,
    grids,
    learn,
    look,
    play,
    policies,
    probing,
    report,
    store,
    tuning,
    users,
    watching,
)
from .plugin_option import without_plugins

# typer brings click's errors along, and does not say where from
_UsageError: Any = typer.BadParameter.__base__
_TyperError: Any = _UsageError.__base__


class _Command(TyperCommand):
    """A command whose usage line names its arguments as its help does."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        arguments: list[Any] = [one for one in self.params if one.param_type_name == "argument"]
        return [
            "[OPTIONS]",
            *(one.metavar if one.required else f"[{one.metavar}]" for one in arguments),
        ]


app = typer.Typer(
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": shutil.get_terminal_size().columns,
    },
    help="Routers over personas: solve, train, evaluate and shift.",
)


def _version(given: bool) -> None:
    if given:
        console.say(f"carousel {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="say the version")
    ] = False,
    plugin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="MODULE",
            help="load a module or a .py file that brings environments, routers, shifts, metrics, "
            "probes or algorithms, before or after the command; may be repeated",
        ),
    ] = None,
) -> None:
    """Routers over personas: solve, train, evaluate and shift."""
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(2)


for _command in (
    *(look.envs, look.reference, look.verify, look.frontier, look.shifts, distances.distance),
    *(learn.train, tuning.tune, play.evaluate, demo.demo),
    *(generalise.generalise, users.users_seen, report.report),
    *(grids.grid, grids.table, watching.watch, play.speed),
    *(policies.inspect, policies.export, policies.import_sb3),
):
    app.command(cls=_Command)(_command)
app.command("probe", cls=_Command)(probing.probe_routers)
app.add_typer(store.app, name="store")


def run() -> tuple[str, int]:
    """Perform what was typed.

    Returns:
        What to say in the end ("": nothing), and the exit code.
    """
    try:
        # they are loaded already
        arguments, _ = without_plugins(sys.argv[1:])
        return "", int(app(arguments, prog_name="carousel", standalone_mode=False) or 0)
    except _TyperError as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "carousel"
        said = error.format_message().rstrip(".")
        return f"{said[:1].lower()}{said[1:]}; see `{command} -h`", error.exit_code
