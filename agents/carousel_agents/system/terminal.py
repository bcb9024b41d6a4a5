"""What may reach a terminal."""

from __future__ import annotations


def plain(text: str, *, lines: bool = False) -> str:
    """Text with every character that a terminal would obey, or not show, written as an escape.

    Args:
        text: anything; names and paths may hold whatever their author liked.
        lines: whether line breaks stay.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or (lines and one == "\n") else ascii(one)[1:-1] for one in text
    )
