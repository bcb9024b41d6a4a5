"""Names of a package that are imported when they are first used.

What a package exports is then there without everything that some of it needs: a command that plays
one router waits neither for torch nor for tables of rows.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def exported(package: str, what: str, places: Mapping[str, str]) -> Callable[[str], Any]:
    """A `__getattr__` for a package.

    Args:
        package: its name.
        what: its exports are for, in the sentence on a missing extra.
        places: by each name the module below the package that has it, with a dot in front; behind
            a colon its name there, if that is another.

    Returns:
        A function of a name that imports it. It raises AttributeError if there is none of this
        name, and ModuleNotFoundError, in a sentence that names the extra, if one is missing.
    """

    def find(name: str) -> Any:
        if name not in places:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, there = places[name].partition(":")
        try:
            return getattr(import_module(module, package), there or name)
        except ModuleNotFoundError as error:
            # not before: it imports what compiles, and Ctrl-C is not listened to yet
            from .extras import missing

            raise missing(error, what) from error

    return find
