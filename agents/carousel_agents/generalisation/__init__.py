"""What becomes of a router off its training distribution."""

from .companions import beside
from .distance import Distance, distance
from .evaluate import Evaluation, evaluate
from .gaps import gaps
from .suite import generalise
from .summary import aggregated

__all__ = [
    "Distance",
    "Evaluation",
    "aggregated",
    "beside",
    "distance",
    "evaluate",
    "gaps",
    "generalise",
]
