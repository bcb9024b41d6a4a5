"""Whether a saved model agrees with what its caller says stood before it.

A saved model keeps the bounds of its observations and the observations that it saw last. Beyond
these, the model behind the wrappers themselves and the policy made of it are played side by side.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode

from carousel_envs import CarouselError
from carousel_envs.registry import scalar_env, vector_env
from carousel_envs.wrappers.forms import single_space

from .learned_router import LearnedRouter

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .pipeline import Pipeline
    from .policy_file import PolicyFile

_LANES, _TURNS, _SEED = 8, 120, 2**61
_ROUNDING = 1e-3
_SLACK = 1e-4
_GONE = "session_gone"


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
    ours, theirs = file.view.wrap(own), pipeline.lanes(_LANES)
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
