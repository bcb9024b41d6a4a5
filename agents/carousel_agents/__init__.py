"""Routers: hand-written and learned, and what becomes of them off their training distribution.

The public API. What is not imported yet is imported when it is first used, so that nothing waits
for torch that does not need it.

    from carousel_agents import evaluate, make

    evaluate(make("loop", "Boredom"), "Boredom")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .generalisation.companions import beside
    from .generalisation.distance import Distance, distance
    from .generalisation.evaluate import Evaluation, evaluate
    from .generalisation.shift_suite import ShiftStudy, generalise
    from .learning.learned_router import LearnedRouter, load
    from .learning.policy_file import PolicyFile
    from .learning.train import train
    from .router import ROUTERS, Router, RouterSpec, find_router, make
    from .router import register as register_router

_PLACES = {
    "Distance": "generalisation.distance:Distance",
    "Evaluation": "generalisation.evaluate:Evaluation",
    "LearnedRouter": "learning.learned_router:LearnedRouter",
    "PolicyFile": "learning.policy_file:PolicyFile",
    "ROUTERS": "router:ROUTERS",
    "Router": "router:Router",
    "RouterSpec": "router:RouterSpec",
    "beside": "generalisation.companions:beside",
    "distance": "generalisation.distance:distance",
    "evaluate": "generalisation.evaluate:evaluate",
    "find_router": "router:find_router",
    "ShiftStudy": "generalisation.shift_suite:ShiftStudy",
    "generalise": "generalisation.shift_suite:generalise",
    "load": "learning.learned_router:load",
    "make": "router:make",
    "register_router": "router:register",
    "train": "learning.train:train",
}

__all__ = [
    "ROUTERS",
    "Distance",
    "Evaluation",
    "LearnedRouter",
    "PolicyFile",
    "Router",
    "RouterSpec",
    "ShiftStudy",
    "beside",
    "distance",
    "evaluate",
    "find_router",
    "generalise",
    "load",
    "make",
    "register_router",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = _PLACES[name].partition(":")
    return getattr(import_module(f".{module}", __name__), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
