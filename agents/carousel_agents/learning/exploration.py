"""Exploration lane by lane, for algorithms that learn action values."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from stable_baselines3.common.base_class import BaseAlgorithm


class LanewiseExploration:
    """Every lane decides for itself whether it picks at random.

    The library draws once for all lanes, and then asks the action space once for each; what the
    action space draws from is neither seeded by training nor kept in a checkpoint.
    """

    def _sample_action(
        self: Any, learning_starts: int, action_noise: Any = None, n_envs: int = 1
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        n_actions = int(self.action_space.n)
        # from the generators that `set_random_seed` seeds and a checkpoint keeps
        picks: NDArray[np.int64] = np.random.randint(n_actions, size=n_envs)  # noqa: NPY002
        if self.num_timesteps >= learning_starts:
            greedy, _ = self.policy.predict(self._last_obs, deterministic=True)
            explores = np.random.random(n_envs) < self.exploration_rate  # noqa: NPY002
            picks = np.where(explores, picks, greedy)
        return picks, picks


@cache
def lanewise(model: type[BaseAlgorithm]) -> type[BaseAlgorithm]:
    """A subclass whose lanes explore one by one. Classes that do not explore as the library's
    off-policy algorithms do are left as they are."""
    if getattr(model, "_sample_action", None) is not OffPolicyAlgorithm._sample_action:
        return model
    namespace = {"__doc__": f"{model.__name__} whose lanes explore one by one."}
    return type(f"Lane{model.__name__}", (LanewiseExploration, model), namespace)
