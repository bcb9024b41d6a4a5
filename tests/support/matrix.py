"""Tables of cases, of which `make test` runs a part and `make test-long` the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def most_later(cases: Iterable[Any], now: Callable[..., bool]) -> list[Any]:
    """Cases for `parametrize`: those that `now` refuses take long together and are marked slow.

    Args:
        cases: tuples of arguments, or single arguments.
        now: called with a case's arguments; whether it belongs to `make test`.
    """
    every = [case if isinstance(case, tuple) else (case,) for case in cases]
    assert any(now(*case) for case in every)
    return [pytest.param(*case, marks=() if now(*case) else pytest.mark.slow) for case in every]
