"""A live model of Stable-Baselines3 or sb3-contrib as a router."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from sb3_contrib import MaskablePPO

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.registry import any_population

from .maskable_recurrent import MaskableRecurrentPPO
from .pipeline import Pipeline
from .pipeline_checks import refuse_other_bounds, refuse_other_memories
from .policy_file import BEGINS
from .view import View, refuse_other_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from stable_baselines3.common.vec_env import VecNormalize

    from carousel_envs.registry import AnyPopulation

    from .pipeline import FrameStack


class SB3Router:
    """Picks what a model picks deterministically; memory and action masks included.

    The model is used as it is, torch and all. What plays often, or is to be passed on, is better
    made a policy file (`import_sb3`).

    Args:
        model: anything with the `predict` of Stable-Baselines3: A2C, PPO, DQN, RecurrentPPO,
            MaskablePPO, MaskableRecurrentPPO, QR-DQN, TRPO, ...
        population: the users it was trained on, or questions; or the name of a preset.
        name: how it is called in tables.
        view: what it was shown: history with the newest observation first, context.
        frame_stack: observations stacked with the newest last.
        vecnormalize: statistics that stood before it; default: those of the model's own
            environment, if it has one behind `VecNormalize`.

    Raises:
        CarouselError: the model acts in another space, or was shown something else.
    """

    def __init__(
        self,
        model: Any,
        population: AnyPopulation | str,
        *,
        name: str = "sb3",
        view: View | None = None,
        frame_stack: FrameStack | None = None,
        vecnormalize: VecNormalize | None = None,
    ) -> None:
        if not hasattr(model, "predict"):
            raise CarouselError(
                f"model is {shown(model)}; it must be a model of Stable-Baselines3, loaded by the "
                "`load` of its class"
            )
        population = any_population(population)
        if vecnormalize is None and hasattr(model, "get_vec_normalize_env"):
            vecnormalize = model.get_vec_normalize_env()
        self._pipeline = Pipeline(population, view or View(), frame_stack, vecnormalize)
        self._shown = self._pipeline.shown
        columns = self._shown.columns(population)
        actions, seen = model.action_space, model.observation_space
        if not isinstance(actions, spaces.Discrete) or actions.n != population.n_actions:
            raise CarouselError(
                f"the model acts in {shown(actions)}; these users are offered "
                f"{population.n_actions} personas"
            )
        if not isinstance(seen, spaces.Box) or seen.shape != (len(columns),):
            raise CarouselError(
                f"the model reads observations of form {seen.shape}; these users show "
                f"{len(columns)} columns (see view and frame_stack)"
            )
        refuse_other_bounds(model, self._pipeline)
        refuse_other_memories(model, self._pipeline)
        self.model = model
        self.name = name
        self.trained_on = population.fingerprint
        self._population = population
        self._begins = next(columns.index(c) for c in BEGINS if c in columns)
        wanted = [f"available_{action}" for action in population.actions]
        self._available = [columns.index(c) for c in wanted if c in columns]

    @property
    def description(self) -> str:
        """One sentence."""
        return f"a live {type(self.model).__name__} of {self.model.num_timesteps} steps"

    def view(self, env: Any) -> Any:
        """The environment, scalar or vector, as the model is shown it, newest observation first.

        Raises:
            CarouselError: it cannot be shown so.
        """
        return self._shown.wrap(env)

    def check_fits(self, population: AnyPopulation) -> None:
        """As `LearnedRouter.check_fits`."""
        refuse_other_columns(self.name, self._shown, self._population, population)

    def initial_state(self, lanes: int, seed: int) -> Any:
        """Nothing: models with memory make their own zeros."""
        return None

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        """Personas, shape (N,), and the memory after them, or None."""
        extra: dict[str, Any] = {}
        masked = isinstance(self.model, MaskablePPO | MaskableRecurrentPPO)
        if masked and self._available:
            may = observation[:, self._available] > 0.5
            # where no persona is available, every pick is refused
            extra["action_masks"] = may | ~may.any(axis=1, keepdims=True)
        picks, after = self.model.predict(
            self._as_trained(observation),
            state=state,
            episode_start=observation[:, self._begins] == 0.0,
            deterministic=True,
            **extra,
        )
        return np.asarray(picks, dtype=np.int64), after

    def _as_trained(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        n = len(observation)
        pipeline = self._pipeline
        if pipeline.frame_stack:
            frames = observation.reshape(n, pipeline.frame_stack.n, -1)[:, ::-1]
            observation = np.ascontiguousarray(frames).reshape(n, -1)
        statistics = pipeline.statistics
        if statistics is None or pipeline.normalize is None:
            return observation
        rows = observation.reshape(-1, len(statistics.scaling.centre))
        scaled: Any = pipeline.normalize.normalize_obs(rows)
        return np.asarray(scaled, dtype=np.float32).reshape(n, -1)
