"""`reset` and `step` return the form that Gymnasium prescribes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.spaces.utils import is_space_dtype_shape_equiv
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

from .report import Verdict, failed, noted, passed
from .trees import final_obs_of, problem_in

if TYPE_CHECKING:
    from .subject import Subject


def metadata(subject: Subject) -> Verdict:
    """The metadata declares an autoreset mode, as a member of Gymnasium's enum."""
    declared = subject.declared
    if isinstance(declared, AutoresetMode):
        return passed(f"autoreset_mode is {declared.value}")
    return failed(f"metadata['autoreset_mode'] is {declared!r}; it must be an AutoresetMode")


def batched_spaces(subject: Subject) -> Verdict:
    """The spaces of a batch are those of a single lane, batched."""
    env, n = subject.example, subject.num_envs
    for name in ("observation_space", "action_space"):
        expected = batch_space(getattr(env, f"single_{name}"), n)
        given = getattr(env, name)
        if given == expected:
            continue
        if name == "observation_space" and is_space_dtype_shape_equiv(given, expected):
            return noted(f"{name} has other bounds than {n} times single_{name}")
        return failed(f"{name} is {given}; single_{name} batched {n} times is {expected}")
    return passed(f"both are those of one lane, {n} times")


def observations(subject: Subject) -> Verdict:
    """Every observation lies in its space, in dtype too: first, later and final ones; no NaN."""
    env, finals = subject.example, 0
    for row in subject.base:
        problem = problem_in(env.observation_space, row.observations, "the observation")
        if problem:
            return failed(f"in {row.name} {problem}")
        if not isinstance(row.info, Mapping) or row.info.get("final_obs") is None:
            continue
        for lane in np.flatnonzero(row.info.get("_final_obs", row.over())).tolist():
            final = final_obs_of(env.observation_space, row.info["final_obs"], lane)
            problem = problem_in(env.single_observation_space, final, f"final_obs of lane {lane}")
            if problem:
                return failed(f"in {row.name} {problem}")
            finals += 1
    also = f" and {finals} final ones" if finals else ""
    return passed(f"{len(subject.base)} batches{also} lie in their space")


def rewards(subject: Subject) -> Verdict:
    """Rewards are finite floats in an array of shape (N,)."""
    steps = [row for row in subject.base if row.is_step]
    for row in steps:
        given = row.returned[1]
        problem = _array_problem(given, "f", (subject.num_envs,), "a float")
        if not problem and not np.isfinite(given).all():
            problem = f"hold {given[~np.isfinite(given)][0]}"
        if problem:
            return failed(f"rewards {problem} in {row.name}")
    return passed(f"{steps[-1].returned[1].dtype} of shape ({subject.num_envs},)")


def flags(subject: Subject) -> Verdict:
    """`terminated` and `truncated` are bool arrays of shape (N,)."""
    for row in subject.base:
        for name, given in zip(("terminated", "truncated"), row.returned[2:], strict=False):
            problem = _array_problem(given, "b", (subject.num_envs,), "a bool")
            if problem:
                return failed(f"flags in {name} {problem} in {row.name}")
    return passed(f"bool of shape ({subject.num_envs},)")


def _array_problem(value: Any, kind: str, shape: tuple[int, ...], words: str) -> str | None:
    if not isinstance(value, np.ndarray):
        return f"come as a {type(value).__name__}, not as an array"
    if value.dtype.kind != kind:
        return f"have dtype {value.dtype}, not {words}"
    return None if value.shape == shape else f"have shape {value.shape}, not {shape}"


def infos(subject: Subject) -> Verdict:
    """Infos are dicts of arrays over lanes, each `key` with a bool mask `_key` of shape (N,)."""
    keys: set[str] = set()
    for row in subject.base:
        if not isinstance(row.info, Mapping):
            return failed(f"in {row.name} info is a {type(row.info).__name__}, not a dict")
        problem = _info_problem(row.info, subject.num_envs, "info", masks=True)
        if problem:
            return failed(f"in {row.name} {problem}")
        keys |= row.info.keys()
    named = sorted(key for key in keys if not key.startswith("_"))
    return passed(f"hold {', '.join(named)}" if named else "hold nothing")


def _info_problem(info: Mapping[Any, Any], lanes: int, name: str, *, masks: bool) -> str | None:
    for key, value in info.items():
        place = f"{name}[{key!r}]"
        if not isinstance(key, str):
            return f"{name} has the key {key!r}, which is no string"
        if key.startswith("_"):
            if key[1:] not in info:
                return f"{place} masks nothing: there is no {key[1:]!r}"
            if (
                not isinstance(value, np.ndarray)
                or value.dtype != np.bool_
                or value.shape != (lanes,)
            ):
                return f"{place} is no bool array of shape ({lanes},)"
            continue
        # Gymnasium's own wrappers give the dicts inside an info one mask for all that they hold
        if masks and f"_{key}" not in info:
            return f"{place} has no mask {'_' + key!r}"
        if isinstance(value, Mapping):
            problem = (
                None if key == "final_obs" else _info_problem(value, lanes, place, masks=False)
            )
        elif key == "final_obs" and isinstance(value, tuple):
            problem = None
        elif not isinstance(value, np.ndarray):
            problem = f"{place} is a {type(value).__name__}, not an array over lanes"
        elif value.shape[:1] != (lanes,):
            problem = f"{place} has shape {value.shape}; its first axis must be {lanes} lanes"
        else:
            problem = None
        if problem:
            return problem
    return None
