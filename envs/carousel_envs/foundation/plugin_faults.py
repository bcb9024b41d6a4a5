"""Where in a plugin an exception arose, in this process or another."""

from __future__ import annotations

from .errors import shown_path
from .plugins import is_of_plugin

_NOTE = "raised in a plugin: "


def place_of_fault(error: BaseException) -> str:
    """Where in a plugin an exception arose, such as "mine.py, line 12, in act", or "".

    That is the innermost of the plugins' own lines, so it also stands for what they called with
    wrong arguments.
    """
    place, rest = "", error.__traceback__
    while rest is not None:
        if is_of_plugin(str(rest.tb_frame.f_globals.get("__name__", ""))):
            code = rest.tb_frame.f_code
            place = f"{shown_path(code.co_filename)}, line {rest.tb_lineno}, in {code.co_name}"
        rest = rest.tb_next
    if place:
        return place
    notes = getattr(error, "__notes__", ())
    return next((n.removeprefix(_NOTE) for n in notes if n.startswith(_NOTE)), "")


def note_fault(error: BaseException) -> None:
    """Note on an exception where in a plugin it arose, before it leaves its process."""
    place = place_of_fault(error)
    if place and not any(n.startswith(_NOTE) for n in getattr(error, "__notes__", ())):
        error.add_note(f"{_NOTE}{place}")
