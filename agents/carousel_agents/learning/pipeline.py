"""What stood between an environment and a model of Stable-Baselines3 while it was trained.

A caller says what it was (`Pipeline`); a saved model does not. What it says by the way is held
against that: the bounds of its observations, and the observations that it saw last. Then both are
played side by side, the model behind the wrappers themselves, and the policy that was made of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import FlattenObservation, FrameStackObservation
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecNormalize

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import one_of, whole_number
from carousel_envs.registry import scalar_env, vector_env
from carousel_envs.wrappers.forms import single_space

from .extract import Normalisation
from .learned_router import LearnedRouter
from .stacking import PaddedView
from .view import MAX_HISTORY, Scaling, View

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from stable_baselines3.common.vec_env import VecEnv

    from carousel_envs.registry import AnyPopulation

    from .policy_file import PolicyFile

_LANES, _TURNS, _SEED = 8, 120, 2**61
_ROUNDING = 1e-3
_SLACK = 1e-4
_GONE = "session_gone"


@dataclass(frozen=True)
class FrameStack:
    """Observations side by side, the present one last.

    Attributes:
        n: how many, 2 to 64.
        padding: what stands for the turns before a session began: "zeros" (`VecFrameStack`, or
            Gymnasium's `FrameStackObservation(padding_type="zero")`), or "first", the session's
            first observation (`FrameStackObservation` unless told otherwise).

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
        normalize: statistics that stood before the model; None without.
            Over the columns of one observation they stood before the stacking, else after it.

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
        """Columns of what is stacked, or of everything."""
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
        """Means and deviations of columns as `VecNormalize` saw them; None where it left them."""
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

    def lanes(self, n: int = _LANES) -> VecEnv:
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


# -- what a model says by the way -----------------------------------------------------------------


def refuse_other_bounds(model: Any, pipeline: Pipeline) -> None:
    """Refuse a model whose observations were bounded otherwise: something else stood before it.

    Raises:
        CarouselError: they were.
    """
    names = pipeline.view.columns(pipeline.population)
    space = single_space(pipeline.view.wrap(scalar_env(pipeline.population)))
    bounds = np.stack([space.low, space.high])
    frames = pipeline.frame_stack.n if pipeline.frame_stack else 1
    given = np.stack([model.observation_space.low, model.observation_space.high])
    # VecFrameStack repeats each bound in place, where Gymnasium repeats the row of them
    side_by_side, in_place = np.tile(bounds, frames), np.repeat(bounds, frames, axis=1)
    zeros = pipeline.frame_stack is not None and pipeline.frame_stack.padding == "zeros"
    if np.allclose(given, side_by_side) or (zeros and np.allclose(given, in_place)):
        return
    n = pipeline.shown.history
    present = bounds if frames > 1 else bounds[:, : bounds.shape[1] // n]
    if n > 1 and np.allclose(given, np.repeat(present, n, axis=1)):
        raise CarouselError(
            "the model was trained behind VecFrameStack, which puts the newest observation last: "
            f"give a frame stack of {n} padded with zeros instead (--frame-stack {n})"
        )
    place = int(np.flatnonzero(~np.isclose(given, side_by_side).all(axis=0))[0])
    (low, high), (ours_low, ours_high) = given[:, place], side_by_side[:, place]
    raise CarouselError(
        f"the model reads {names[place % len(names)]} from {low:g} to {high:g}; these users show "
        f"{ours_low:g} to {ours_high:g}: it was trained on others (--set), or behind a wrapper "
        "that changes observations, of which only VecNormalize (--vecnormalize) and frame stacks "
        "(--frame-stack) can be imported"
    )


def refuse_other_memories(model: Any, pipeline: Pipeline) -> None:
    """Refuse a model that last saw observations which this pipeline does not show.

    Raises:
        CarouselError: it did.
    """
    seen = _rows(model, "_last_obs", pipeline.width)
    if seen is None:
        return
    # VecFrameStack says one column's bounds of another, so they are worked out anew
    space = single_space(pipeline.view.wrap(scalar_env(pipeline.population)))
    frames = seen.reshape(len(seen), -1, space.shape[0])
    low, high = np.minimum(space.low, 0.0) - _SLACK, np.maximum(space.high, 0.0) + _SLACK
    inside = bool(((frames >= low) & (frames <= high)).all())
    if inside and pipeline.statistics is not None:
        raise CarouselError(
            "the observations that the model last saw are not normalised: it was not trained "
            "behind VecNormalize; leave its statistics out (--vecnormalize)"
        )
    if not inside and pipeline.statistics is None:
        raise CarouselError(
            "the observations that the model last saw lie outside what these users show: it was "
            "trained behind VecNormalize, whose statistics are needed (--vecnormalize), or behind "
            "another wrapper, and then it cannot be imported"
        )
    raw = seen if inside else _rows(model, "_last_original_obs", pipeline.width)
    if raw is not None and pipeline.shown.history > 1:
        _refuse_other_order(raw, pipeline)


def _rows(model: Any, name: str, width: int) -> NDArray[np.float64] | None:
    """Observations that a model remembers, (N, width); None where it remembers none."""
    found = getattr(model, name, None)
    if not isinstance(found, np.ndarray) or found.ndim != 2 or found.shape[1] != width:
        return None
    return found.astype(np.float64) if found.dtype.kind == "f" else None


def _refuse_other_order(raw: NDArray[np.float64], pipeline: Pipeline) -> None:
    """A session's share that is gone only grows, and is 0 at its start alone."""
    stack, n = pipeline.frame_stack, pipeline.shown.history
    frames = raw.reshape(len(raw), n, -1)
    oldest_first = frames if stack else frames[:, ::-1]
    gone = oldest_first[:, :, pipeline.view.columns(pipeline.population).index(_GONE)]
    steps = np.diff(gone, axis=1)
    if steps.min() < 0:
        last, first = "the newest observation last", "the newest observation first"
        raise CarouselError(
            f"the observations that the model last saw have {first if stack else last}, not "
            f"{last if stack else first}: give "
            + (f"a history (--history {n})" if stack else f"a frame stack (--frame-stack {n})")
        )
    blank = np.abs(oldest_first).max(axis=2) == 0
    padded = (gone[:, :-1] == 0) & (steps == 0)
    zeros = bool(stack and stack.padding == "zeros")
    if padded.any() and zeros != bool(blank[:, :-1][padded].any()):
        now, needed = ("zeros", "first") if zeros else ("first", "zeros")
        raise CarouselError(
            f"the observations that the model last saw are not padded with {now}, but with "
            f"{needed}: give a frame stack that is (--frame-stack {n} --padding {needed})"
        )


# -- side by side ---------------------------------------------------------------------------------


def refuse_difference(model: Any, file: PolicyFile, pipeline: Pipeline) -> None:
    """Play the model behind its wrappers and the policy side by side, and refuse a policy that
    picks otherwise by more than rounding.

    Raises:
        CarouselError: it does.
    """
    router = LearnedRouter(file, "imported")
    own = vector_env(pipeline.population, _LANES, autoreset_mode=AutoresetMode.SAME_STEP)
    ours, theirs = file.view.wrap(own), pipeline.lanes()
    theirs.seed(_SEED)
    seen, (shown, _) = theirs.reset(), ours.reset(seed=_SEED)
    state, memory = router.initial_state(_LANES, 0), None
    begins = np.ones(_LANES, dtype=np.bool_)
    differ = 0
    for _ in range(_TURNS):
        outputs, state = router.outputs(shown, state)
        picks = outputs.argmax(axis=1)
        masks = {"action_masks": own.action_masks()} if file.network.masked else {}
        expected, memory = model.predict(
            seen, state=memory, episode_start=begins, deterministic=True, **masks
        )
        best, other = (
            np.take_along_axis(outputs, np.asarray(a, dtype=np.int64)[:, None], axis=1)
            for a in (picks, expected)
        )
        slack = _ROUNDING * (1.0 + np.abs(best))
        differ += int((best - other > slack).sum())
        seen, _, begins, _ = theirs.step(picks)
        shown, *_ = ours.step(picks)
    if differ:
        raise CarouselError(
            f"the policy picks otherwise than the model in {differ} of {_LANES * _TURNS} "
            "decisions: something stood between environment and model that was not named"
        )
