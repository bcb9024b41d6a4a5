"""Messages that are logged once, however often there is reason for them."""

from __future__ import annotations

import logging

_SAID: set[str] = set()

_log = logging.getLogger(__name__)


def say_once(kind: str, message: str) -> None:
    """Log a message, once of each kind: thirty kernels in one bad place are one trouble.

    It is no warning: with warnings as errors, importing the package would fail.
    """
    if kind not in _SAID:
        _SAID.add(kind)
        _log.warning("%s", message)
