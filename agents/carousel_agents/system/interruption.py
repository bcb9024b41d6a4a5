"""Ctrl-C: raised when it is pressed, and raised again if something swallowed the exception.

An exception that a signal raises appears between any two instructions. Where compiled code called
back into Python it is lost: a callback or a destructor drops it, and code that looks for the result
afterwards fails with an error of its own. So the signal is remembered. It is raised again until it
is on its way, and however a command ends after that, it was interrupted. An exception raised while
compiled packages are imported may even abort the process; nothing has begun then, and the process
ends at once.

The system may deliver the signal to any thread. A thread of ours wakes the main one, which alone
handles signals.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AGAIN = 0.1
"""Seconds after which it is raised again if it is not on its way."""


class Interrupted(BaseException):
    """Ctrl-C, as an exception of a class that no library catches."""


_heard = False
_importing = False
_listening = False
_put_off = 0
_wakeup = _wakeup_before = -1
_handlers_before: dict[int, Any] = {}
_reminder: threading.Thread | None = None
_unraisable_before: Any = sys.__unraisablehook__


def listen() -> None:
    """From here on Ctrl-C raises `Interrupted` in the main thread. Called from another thread this
    changes nothing, because only the main thread can handle signals."""
    if not _in_main_thread():
        return
    global _importing, _listening, _reminder, _unraisable_before, _wakeup, _wakeup_before
    restore()
    _importing = False
    _unraisable_before, sys.unraisablehook = sys.unraisablehook, _unraisable
    reader, _wakeup = os.pipe()
    os.set_blocking(_wakeup, False)
    _wakeup_before = signal.set_wakeup_fd(_wakeup, warn_on_full_buffer=False)
    for number, handler in ((signal.SIGALRM, _raise_unless_on_its_way), (signal.SIGINT, _hear)):
        _handlers_before[number] = signal.getsignal(number)
        signal.signal(number, handler)
    _listening = True
    main = threading.get_ident()
    _reminder = threading.Thread(target=_remind, args=(reader, main), daemon=True)
    _reminder.start()


def heard() -> bool:
    """Whether Ctrl-C was pressed since `listen`."""
    return _heard


def leave() -> None:
    """Ignore Ctrl-C from here on: only the last message is left to print."""
    global _listening
    if not (_listening and _in_main_thread()):
        return
    _listening = False
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.set_wakeup_fd(_wakeup_before)
    os.close(_wakeup)
    sys.unraisablehook = _unraisable_before


def restore() -> None:
    """Forget that Ctrl-C was pressed, and handle signals as before `listen`."""
    global _heard, _reminder
    if not _in_main_thread():
        return
    leave()
    if _reminder is not None:
        # an alarm that it sends after this would end a process without a handler
        _reminder.join()
        _reminder = None
    _heard = False
    # SIGINT comes last, in the order of `listen`: from then on another Ctrl-C may raise
    for number in list(_handlers_before):
        handler = _handlers_before.pop(number)
        # None stands for a handler outside Python, which cannot be set again from here
        signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def importing() -> Iterator[None]:
    """While compiled packages are imported and nothing has begun, Ctrl-C ends the process."""
    global _importing
    before, _importing = _importing, True
    try:
        yield
    finally:
        _importing = before


@contextmanager
def put_off() -> Iterator[None]:
    """Raise Ctrl-C only when the block has ended, whether or not `listen` was called.

    In another thread than the main one nothing is raised anyway.
    """
    global _put_off
    before = signal.getsignal(signal.SIGINT)
    if not _in_main_thread() or before is None:
        yield
    elif _listening:
        _put_off += 1
        try:
            yield
        finally:
            _put_off -= 1
            if _heard:
                _hear()
    else:
        came: list[int] = []
        signal.signal(signal.SIGINT, lambda number, _: came.append(number))
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
            if came:
                signal.raise_signal(signal.SIGINT)


@contextmanager
def explained(sentence: Callable[[], str]) -> Iterator[None]:
    """If the block is interrupted, say what that means for the command.

    Args:
        sentence: called only then.

    Raises:
        Interrupted: with this sentence, once Ctrl-C was heard, whatever the block ended in.
    """
    try:
        yield
    except BaseException as error:
        if not (_heard or isinstance(error, Interrupted)):
            raise
        raise Interrupted(sentence()) from None


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _hear(*_: object) -> None:
    global _heard
    _heard = True
    if _importing and not _put_off:
        _end()
    _raise_unless_on_its_way()


def _end() -> NoReturn:
    leave()
    if sys.stderr.isatty():
        # erase the line of a spinner or bar, and show the cursor that it hid
        sys.stderr.write("\r\x1b[2K\x1b[?25h")
    print("carousel: interrupted; nothing was written", file=sys.stderr, flush=True)
    os._exit(130)


def _raise_unless_on_its_way(*_: object) -> None:
    if not (_listening and _heard) or _put_off:
        return
    # exceptions handled here, by a `finally` or by a block that is about to end
    handled, known = [sys.exception()], set()
    while handled:
        error = handled.pop()
        if isinstance(error, Interrupted):
            return
        if error is not None and id(error) not in known:
            known.add(id(error))
            handled += [error.__cause__, error.__context__]
    raise Interrupted


def _remind(reader: int, main: int) -> None:
    """Wake the main thread when Ctrl-C was pressed, and repeatedly until `leave`."""
    pressed = False
    while True:
        ready, _, _ = select.select([reader], [], [], AGAIN if pressed else None)
        signals = os.read(reader, 64) if ready else b""
        if ready and not signals:
            os.close(reader)
            return
        if signal.SIGINT in signals or not ready:
            pressed = True
            signal.pthread_kill(main, signal.SIGALRM)


def _unraisable(lost: Any) -> None:
    if not isinstance(lost.exc_value, Interrupted):
        _unraisable_before(lost)
