"""Learning routers with Stable-Baselines3, and keeping them in files that cannot run code.

Importing this package does not import torch; `train` does (`from carousel_agents.learning.train
import train`), and so do the names below that belong to Stable-Baselines3, once they are asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..system.extras import needed_by

with needed_by("carousel_agents.learning"):
    from .learned_router import LearnedRouter
    from .policy_file import PolicyFile

if TYPE_CHECKING:
    from .adapter import CarouselVecEnv
    from .importing import import_sb3
    from .pipeline import FrameStack
    from .sb3_router import SB3Router
    from .vec_env import VectorToVecEnv

_WITH_TORCH = {
    "CarouselVecEnv": "adapter",
    "FrameStack": "pipeline",
    "SB3Router": "sb3_router",
    "VectorToVecEnv": "vec_env",
    "import_sb3": "importing",
}

__all__ = [
    "CarouselVecEnv",
    "FrameStack",
    "LearnedRouter",
    "PolicyFile",
    "SB3Router",
    "VectorToVecEnv",
    "import_sb3",
]


def __getattr__(name: str) -> Any:
    if name not in _WITH_TORCH:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with needed_by(f"{__name__}.{name}"):
        return getattr(import_module(f".{_WITH_TORCH[name]}", __name__), name)
