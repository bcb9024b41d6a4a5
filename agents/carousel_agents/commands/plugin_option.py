"""The option `--plugin`, which is read before the commands are imported.

Help and completion list what registries hold at that moment, so plugins must be loaded by then.
Imports nothing of the command line.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from typing import TYPE_CHECKING

from carousel_envs.foundation.errors import CarouselError, UsageError
from carousel_envs.foundation.plugins import add_plugins

if TYPE_CHECKING:
    from collections.abc import Sequence

# where shells put the line that they want completed: bash, then all others
_COMPLETED = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")


def load_typed(arguments: Sequence[str]) -> None:
    """Load the plugins that the command line names, or the line that a shell completes.

    Raises:
        UsageError: `--plugin` is the last word, or there is no such module or file.
        CarouselError: a plugin cannot be imported.
    """
    if "_CAROUSEL_COMPLETE" in os.environ:
        # a line that is still being typed may name half a file: then its names are not offered
        with contextlib.suppress(CarouselError, ValueError):
            typed = next(filter(None, map(os.environ.get, _COMPLETED)), "")
            add_plugins(without_plugins(shlex.split(typed))[1])
        return
    add_plugins(without_plugins(arguments)[1])


def without_plugins(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The command line without `--plugin MODULE`, wherever that stands, and the modules.

    Raises:
        UsageError: `--plugin` is the last word.
    """
    rest: list[str] = []
    plugins: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word.startswith("--plugin="):
            plugins.append(word.removeprefix("--plugin="))
        elif word == "--plugin":
            module = next(words, None)
            if module is None:
                raise UsageError("--plugin needs a module, or the path of a .py file")
            plugins.append(module)
        else:
            rest.append(word)
    return rest, plugins
