"""What becomes of a router off its training distribution."""

from typing import NoReturn

from ..system.extras import missing
from .companions import beside
from .distance import Distance, distance
from .evaluate import Evaluation, evaluate

try:
    from .gaps import gaps
    from .shift_suite import ShiftResults, ShiftStudy, generalise
    from .summary import aggregated
except ModuleNotFoundError as _error:
    # one router on one population needs no tables of rows
    _missing = missing(_error, "a study of shifts")
    if _missing is _error:
        raise

    def __getattr__(name: str) -> NoReturn:
        if name in ("gaps", "generalise", "aggregated", "ShiftResults", "ShiftStudy"):
            raise _missing
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "Distance",
    "Evaluation",
    "ShiftResults",
    "ShiftStudy",
    "aggregated",
    "beside",
    "distance",
    "evaluate",
    "gaps",
    "generalise",
]
