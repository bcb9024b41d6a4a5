"""What becomes of a router off its training distribution."""

from typing import TYPE_CHECKING

from ..system.lazily import exported
from .companions import beside
from .distance import Distance, distance
from .evaluate import Evaluation, evaluate

if TYPE_CHECKING:
    from .gap_parts import gaps
    from .shift_suite import ShiftResults, ShiftStudy, generalise
    from .summary import aggregated

# one router on one population needs no tables of rows
__getattr__ = exported(
    __name__,
    "a study of shifts",
    {
        "ShiftResults": ".shift_suite",
        "ShiftStudy": ".shift_suite",
        "aggregated": ".summary",
        "gaps": ".gap_parts",
        "generalise": ".shift_suite",
    },
)

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
