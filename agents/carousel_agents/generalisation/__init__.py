"""What becomes of a router off its training distribution."""

from .evaluate import Evaluation, evaluate
from .suite import generalise

__all__ = ["Evaluation", "evaluate", "generalise"]
