"""Wrappers: a content filter, the context in view, history, the exact posterior as features,
another user's feedback, and (for upper bounds alone) the hidden state.

Each is one public name for a scalar and for a vector environment: wrapping a `CarouselEnv` (or what
`gym.make` returns) gives a `gymnasium.Wrapper`, wrapping a `CarouselVectorEnv` gives a
`gymnasium.vector.VectorWrapper`. Lane i of the vector form seeded s stays bit for bit the scalar
form seeded s + i. They stack in any order.

Added columns come last: the first D columns remain the environment's own,
so `Columns` and every policy that reads from the left work unchanged. (`BeliefFeatures` with
`replace=True` is the one exception.) `column_names` of a wrapped environment names every column.
`Yoked` adds none, and stands below all others.
"""

from __future__ import annotations

from .belief_features import BeliefFeatures
from .clairvoyance import Clairvoyance
from .content_filter import ContentFilter
from .forms import LaneWrapper
from .history import History
from .visible_context import VisibleContext
from .yoked import Yoked

__all__ = [
    "BeliefFeatures",
    "Clairvoyance",
    "ContentFilter",
    "History",
    "LaneWrapper",
    "VisibleContext",
    "Yoked",
]
