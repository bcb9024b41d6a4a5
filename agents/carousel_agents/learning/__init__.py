"""Learning routers with Stable-Baselines3, and keeping them in files that cannot run code.

Importing this package does not import torch; `train` does (`from carousel_agents.learning.train
import train`).
"""

from ..extras import needed_by

with needed_by("carousel_agents.learning"):
    from .policy_file import PolicyFile
    from .router import LearnedRouter

__all__ = ["LearnedRouter", "PolicyFile"]
