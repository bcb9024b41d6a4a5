"""What becomes of a router off its training distribution."""

from .companions import beside
from .evaluate import Evaluation, evaluate
from .gaps import gaps
from .suite import generalise
from .summary import aggregated

__all__ = ["Evaluation", "aggregated", "beside", "evaluate", "gaps", "generalise"]
