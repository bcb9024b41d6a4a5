"""What stood between an environment and a model of Stable-Baselines3 while it was trained.

A caller says what it was (`Pipeline`), since a saved model does not; `pipeline_checks` compares
that with the model.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from gymnasium.wrappers import FlattenObservation, FrameStackObservation
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import one_of, whole_number
from carousel_envs.registry import scalar_env

from .parts import Normalisation
from .stacking import PaddedView
from .view import MAX_HISTORY, Scaling, View

if TYPE_CHECKING:
    from stable_baselines3.common.vec_env import VecEnv

    from carousel_envs.registry import AnyPopulation


@dataclass(frozen=True)
class FrameStack:
    """Observations side by side, the present one last.

    Attributes:
        n: how many, 2 to 64.
        padding: what stands for the turns before a session began: "zeros" (`VecFrameStack`, or
            Gymnasium's `FrameStackObservation(padding_type="zero")`), or "first", the session's
            first observation (`FrameStackObservation` by default).

    Raises:
        CarouselError: an argument is not allowed.
    """

    n: int
    padding: Literal["zeros", "first"] = "zeros"

    def __post_init__(self) -> None:
        whole_number("frame_stack", self.n, 2, MAX_HISTORY)
        one_of("padding", self.padding, ("zeros", "first"))


@dataclass(frozen=True, eq=False)
class Pipeline:
    """What a model is shown of these users.

    Attributes:
        population: the users it was trained on, or questions.
        view: history (newest first) and context.
        frame_stack: observations stacked newest last; None without.
        normalize: statistics that stood before the model; None without. Those over the columns of
            one observation stood before the stacking, others after it.

    Raises:
        CarouselError: parts that do not fit together.
    """

    population: AnyPopulation
    view: View
    frame_stack: FrameStack | None = None
    normalize: VecNormalize | None = None

    def __post_init__(self) -> None:
        if self.frame_stack and self.view.history > 1:
            raise CarouselError(
                f"history is {self.view.history} and frame_stack {self.frame_stack.n}; give one: "
                "history shows the newest observation first, a frame stack shows it last"
            )
        statistics = self.statistics
        zeros = self.frame_stack is not None and self.frame_stack.padding == "zeros"
        known = {self.width, self._present if zeros else self.width}
        if statistics is not None and np.shape(statistics.scaling.centre) not in {
            (width,) for width in known
        }:
            raise CarouselError(
                "the statistics of VecNormalize have shape "
                f"{np.shape(statistics.scaling.centre)}; this model reads {self.width} columns"
            )

    @property
    def _present(self) -> int:
        """Columns of one of the observations that are stacked, or of the only one."""
        return len(self.view.columns(self.population))

    @property
    def width(self) -> int:
        """Columns that the model reads."""
        return self._present * (self.frame_stack.n if self.frame_stack else 1)

    @property
    def normalised_first(self) -> bool:
        """Whether single observations were normalised, and then stacked."""
        statistics = self.statistics
        return statistics is not None and len(statistics.scaling.centre) < self.width

    @property
    def statistics(self) -> Normalisation | None:
        """Means and deviations of columns as `VecNormalize` saw them; None where it did not change
        them."""
        saved = self.normalize
        if saved is None or not saved.norm_obs:
            return None
        seen: Any = saved.obs_rms
        mean = np.asarray(seen.mean, dtype=np.float32)
        deviation = np.sqrt(np.asarray(seen.var) + saved.epsilon).astype(np.float32)
        return Normalisation(Scaling((), mean, deviation), float(saved.clip_obs))

    @property
    def statistics_of_all(self) -> Normalisation | None:
        """The same for every column that the model reads, in its order."""
        found = self.statistics
        if found is None or not self.normalised_first or not self.frame_stack:
            return found
        centre, scale = (
            np.tile(a, self.frame_stack.n) for a in (found.scaling.centre, found.scaling.scale)
        )
        return Normalisation(Scaling((), centre, scale), found.clip)

    @property
    def shown(self) -> View:
        """The view that shows the same, newest first."""
        stack, context = self.frame_stack, self.view.visible_context
        if stack is None:
            return self.view
        if stack.padding == "first":
            return View(stack.n, context)
        statistics = self.statistics
        # zeros after the scaling are means before it
        padding = (
            statistics.scaling.centre
            if self.normalised_first and statistics
            else np.zeros(self._present, np.float32)
        )
        return PaddedView(stack.n, context, tuple(padding.tolist()))

    def _normalised(self, lanes: VecEnv) -> VecEnv:
        """These lanes behind the same statistics, which no longer change."""
        saved: Any = self.normalize
        made = VecNormalize(
            lanes,
            training=False,
            norm_obs=saved.norm_obs,
            norm_reward=False,
            clip_obs=saved.clip_obs,
            epsilon=saved.epsilon,
        )
        if saved.norm_obs:
            made.obs_rms = saved.obs_rms
        return made

    def lanes(self, n: int) -> VecEnv:
        """N lanes of the scalar environment behind the wrappers of the two libraries themselves."""
        stack = self.frame_stack

        def one() -> Any:
            env: Any = self.view.wrap(scalar_env(self.population))
            if stack and stack.padding == "first":
                env = FlattenObservation(FrameStackObservation(env, stack.n, padding_type="reset"))
            return env

        lanes: VecEnv = DummyVecEnv([one] * n)
        first = self.normalised_first
        if first:
            lanes = self._normalised(lanes)
        if stack and stack.padding == "zeros":
            lanes = VecFrameStack(lanes, stack.n)
        if self.normalize is not None and not first:
            lanes = self._normalised(lanes)
        return lanes
