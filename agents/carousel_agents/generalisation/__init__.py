"""What becomes of a router off its training distribution."""

from .companions import beside
from .evaluate import Evaluation, evaluate
from .suite import generalise

__all__ = ["Evaluation", "beside", "evaluate", "generalise"]
