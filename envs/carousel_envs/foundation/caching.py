"""Caches of results, bounded in memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_RESULTS, MOST_BYTES = 64, 2**28

R = TypeVar("R")


def cached_by_size(
    size: Callable[[Any], int], most_bytes: int = MOST_BYTES
) -> Callable[[Callable[[Any], R]], Callable[[Any], R]]:
    """Cache a function of one argument, keeping the most recently used results that fit.

    Args:
        size: bytes that a result takes.
        most_bytes: bytes that all results together may take; the latest is kept whatever its size.
    """

    def decorate(function: Callable[[Any], R]) -> Callable[[Any], R]:
        kept: OrderedDict[Any, tuple[R, int]] = OrderedDict()
        lock = threading.Lock()

        @wraps(function)
        def cached(argument: Any) -> R:
            with lock:
                if argument in kept:
                    kept.move_to_end(argument)
                    return kept[argument][0]
            result = function(argument)
            with lock:
                kept[argument] = result, size(result)
                while len(kept) > 1 and (
                    len(kept) > MOST_RESULTS or sum(n for _, n in kept.values()) > most_bytes
                ):
                    kept.popitem(last=False)
            return result

        cached.cache_clear = kept.clear  # type: ignore[attr-defined]
        return cached

    return decorate
