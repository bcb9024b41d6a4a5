"""Routers: hand-written and learned, and what becomes of them off their training distribution.

The public API. What is not imported yet is imported when it is first used, so that nothing waits
for torch that does not need it.

    from carousel_agents import evaluate, make

    evaluate(make("loop", "Boredom"), "Boredom")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .system.lazily import exported

if TYPE_CHECKING:
    from .generalisation.companions import beside
    from .generalisation.distance import Distance, distance
    from .generalisation.evaluate import Evaluation, evaluate
    from .generalisation.shift_suite import ShiftStudy, generalise
    from .learning.learned_router import LearnedRouter, load
    from .learning.policy_file import PolicyFile
    from .learning.train import train
    from .probes import PROBES, Finding, probe
    from .router import ROUTERS, Router, RouterSpec, find_router, make
    from .router import register as register_router

__getattr__ = exported(
    __name__,
    "this part of carousel_agents",
    {
        "Distance": ".generalisation.distance",
        "Evaluation": ".generalisation.evaluate",
        "Finding": ".probes",
        "LearnedRouter": ".learning.learned_router",
        "PROBES": ".probes",
        "PolicyFile": ".learning.policy_file",
        "ROUTERS": ".router",
        "Router": ".router",
        "RouterSpec": ".router",
        "beside": ".generalisation.companions",
        "distance": ".generalisation.distance",
        "evaluate": ".generalisation.evaluate",
        "find_router": ".router",
        "ShiftStudy": ".generalisation.shift_suite",
        "generalise": ".generalisation.shift_suite",
        "load": ".learning.learned_router",
        "make": ".router",
        "probe": ".probes",
        "register_router": ".router:register",
        "train": ".learning.train",
    },
)

__all__ = [
    "PROBES",
    "ROUTERS",
    "Distance",
    "Evaluation",
    "Finding",
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
    "probe",
    "register_router",
    "train",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
