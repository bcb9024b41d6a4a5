"""The command line, `carousel …`: how it starts and ends. What it does is in `commands`.

Exit codes: 0; 1 when something failed (one sentence says why); 2 for wrong usage; 130 when it was
interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .system import interruption

if TYPE_CHECKING:
    from collections.abc import Iterator

_OUTPUT = "standard output"


class _Output:
    """Standard output whose errors carry its name."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with _named():
            return int(self._stream.write(text))

    def flush(self) -> None:
        with _named():
            self._stream.flush()


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        error.filename = _OUTPUT
        raise


def main() -> None:
    """Run the command line; afterwards, signals are handled as before."""
    try:
        program()
    finally:
        interruption.restore()


def program() -> None:
    """Run the command line as the last thing that this process does: then Ctrl-C is ignored."""
    interruption.listen()
    stdout = sys.stdout
    sys.stdout = _Output(stdout)
    sentence, code = "", 0
    try:
        sentence, code = _run()
        interruption.leave()
    except BaseException as error:
        # inside this block, where an interruption that is being handled is not raised again
        interruption.leave()
        if not interruption.heard():
            raise
        said = str(error) if isinstance(error, interruption.Interrupted) else ""
        sentence, code = said or "interrupted; nothing more was written", 130
    finally:
        sys.stdout = stdout
    if interruption.heard():
        sentence, code = sentence if code == 130 else "interrupted", 130
    if sentence:
        from .system.terminal import plain

        print(f"carousel: {plain(sentence)}", file=sys.stderr)
    # an ordinary exit would try again to write what a broken standard output has left in its buffer
    os._exit(code) if code == 1 and not _flushed() else sys.exit(code)


def _run() -> tuple[str, int]:
    """Run a command; returns a closing sentence ("": none) and the exit code."""
    # imported late: from the first moment on, Ctrl-C is heard
    with interruption.importing():
        from carousel_envs.foundation.errors import CarouselError, UsageError

        from .system.extras import needed_by

    try:
        with needed_by("the command line"):
            with interruption.importing():
                from .commands.plugin_option import load_typed
            load_typed(sys.argv[1:])
            with interruption.importing():
                from .commands.app import run

            ending = run()
            sys.stdout.flush()
            return ending
    except UsageError as error:
        return str(error), 2
    except CarouselError as error:
        return str(error), 1
    except Exception as error:
        fault = _fault_of_plugin(error)
        if fault:
            return fault, 1
        if isinstance(error, OSError):
            return _refusal(error), 1
        raise


def _fault_of_plugin(error: Exception) -> str:
    """One sentence for an exception in a plugin's code, below its traceback; "" for any other."""
    from carousel_envs.foundation.plugin_faults import place_of_fault

    place = place_of_fault(error)
    if not place:
        return ""
    traceback.print_exception(error)
    what = traceback.format_exception_only(error)[0].strip()
    return f"a plugin failed: {place}: {what}"


def _refusal(error: OSError) -> str:
    """One sentence for what the system refused, and why."""
    from carousel_envs.foundation.errors import shown_path

    reason = error.strerror or str(error) or type(error).__name__
    if error.filename == _OUTPUT:
        return f"{_OUTPUT} cannot be written: {reason}"
    if error.filename is not None:
        return f"{shown_path(error.filename)} cannot be used: {reason}"
    return f"the system refused to read or to write: {reason}"


def _flushed() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    program()
