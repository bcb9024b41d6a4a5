"""Text that is safe to print on a terminal."""

from __future__ import annotations


def plain(text: str, *, lines: bool = False) -> str:
    """Text with every control or invisible character written as an escape.

    Args:
        text: any text, such as names and paths from files.
        lines: keep line breaks.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() or (lines and one == "\n") else ascii(one)[1:-1] for one in text
    )
