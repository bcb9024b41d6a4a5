"""One record per learning algorithm: preset, settings, classes, search space, packages.

Each file registers its records in `ALGORITHMS`; none imports torch, Stable-Baselines3 or JAX before
a model is built. May import `learning`, and nothing above it. Begin with `record`, then read `ppo`.
"""

from .families import OffPolicySettings, OnPolicySettings, Settings
from .record import ALGORITHMS, Algorithm, Budget, Extra

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "Budget",
    "Extra",
    "OffPolicySettings",
    "OnPolicySettings",
    "Settings",
]
