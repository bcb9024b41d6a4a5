"""Which actions are allowed is said in one way, and there always is one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from .play import call
from .report import Verdict, failed, passed, skipped
from .trees import same

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .play import Row
    from .subject import Subject

_NOT_DISCRETE = "masks are checked for Discrete actions only"


def action_masks(subject: Subject) -> Verdict:
    """`info["action_mask"]` has one row per lane, allows something, and samples as it says."""
    single = subject.example.single_action_space
    if not isinstance(single, spaces.Discrete):
        return skipped(_NOT_DISCRETE)
    if not any("action_mask" in row.info for row in subject.base):
        return skipped("info has no action_mask")
    single.seed(subject.seed)
    for row in subject.base:
        if "action_mask" not in row.info:
            continue
        mask = row.info["action_mask"]
        problem = _mask_problem(mask, subject.num_envs, single)
        if problem:
            return failed(f"in {row.name} action_mask {problem}")
        for lane in np.flatnonzero(_needed(subject, row)):
            if not mask[lane].any():
                return failed(f"in {row.name} lane {lane} is allowed no action")
            sampled = single.sample(mask=mask[lane].astype(np.int8))
            if not mask[lane][sampled - single.start]:
                return failed(f"in {row.name} lane {lane} samples {sampled}, not allowed")
    return passed("one row per lane, of which at least one action is allowed")


def _needed(subject: Subject, row: Row) -> NDArray[np.bool_]:
    """The lanes that play an action next, and of which the info speaks."""
    present = row.info.get("_action_mask")
    needed = np.ones(subject.num_envs, dtype=np.bool_) if present is None else present.copy()
    if row.is_step and subject.mode != AutoresetMode.SAME_STEP:
        needed &= ~row.over()
    return np.asarray(needed)


def _mask_problem(mask: Any, lanes: int, single: spaces.Discrete[Any]) -> str | None:
    shape = (lanes, int(single.n))
    if not isinstance(mask, np.ndarray) or mask.shape != shape:
        return f"has shape {np.shape(mask)}, not {shape}"
    if mask.dtype not in (np.int8, np.bool_):
        return f"has dtype {mask.dtype}; it must be int8, as samples are drawn with, or bool"
    return None if np.isin(mask, (0, 1)).all() else "holds something other than 0 and 1"


def action_masks_method(subject: Subject) -> Verdict:
    """The method `action_masks()` gives bools, equal to `info["action_mask"]` if there is one."""
    single = subject.example.single_action_space
    if not isinstance(single, spaces.Discrete):
        return skipped(_NOT_DISCRETE)
    env = subject.fresh()
    method = getattr(env, "action_masks", None) or getattr(env.unwrapped, "action_masks", None)
    if method is None:
        return skipped("there is no method action_masks")
    for row in subject.base:
        call(env, row)
        mask = method()
        problem = _mask_problem(mask, subject.num_envs, single)
        if not problem and mask.dtype != np.bool_:
            problem = f"has dtype {mask.dtype}, not bool"
        if problem:
            return failed(f"after {row.name} what action_masks() returns {problem}")
        needed = _needed(subject, row)
        if not mask[needed].any(axis=1).all():
            return failed(f"after {row.name} action_masks() allows a lane no action")
        stated = row.info.get("action_mask")
        if stated is not None and not same(mask[needed], stated[needed] != 0):
            return failed(f"after {row.name} action_masks() is not info['action_mask']")
    return passed("bools, in agreement with info")


def final_action_masks(subject: Subject) -> Verdict:
    """In same-step mode, `final_info` has an `action_mask` of the same form for ended lanes."""
    single = subject.example.single_action_space
    if not isinstance(single, spaces.Discrete):
        return skipped(_NOT_DISCRETE)
    if subject.mode != AutoresetMode.SAME_STEP:
        return skipped("only in same-step mode")
    if not any("action_mask" in row.info for row in subject.base):
        return skipped("info has no action_mask")
    ends = [row for row in subject.base if row.is_step and row.over().any()]
    if not ends:
        return skipped(subject.no_end)
    for row in ends:
        final = row.info.get("final_info")
        if not isinstance(final, Mapping) or "action_mask" not in final:
            return failed(f"in {row.name} final_info has no action_mask")
        problem = _mask_problem(final["action_mask"], subject.num_envs, single)
        if problem:
            return failed(f"in {row.name} the action_mask of final_info {problem}")
        if not same(final.get("_action_mask", row.over()), row.over()):
            return failed(f"in {row.name} final_info marks action_mask for lanes that did not end")
    return passed(f"has one at all {len(ends)} steps at which an episode ended")
