"""What becomes of a router off its training distribution."""

from .companions import beside
from .distance import Distance, distance
from .evaluate import Evaluation, evaluate
from .suite import generalise

__all__ = ["Distance", "Evaluation", "beside", "distance", "evaluate", "generalise"]
