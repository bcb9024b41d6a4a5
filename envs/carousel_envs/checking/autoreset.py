"""What happens when an episode ends is what the metadata declares."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode

from .play import Env, Row, mixed, other_actions, record, refusal, replay
from .report import Verdict, failed, noted, passed, skipped
from .trees import final_obs_of, lanes_of, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .subject import Subject

_UNDECLARED = "the metadata declares no autoreset mode"


def autoreset(subject: Subject) -> Verdict:
    """The declared mode is the one that is seen when an episode ends."""
    if subject.mode is None:
        return skipped(_UNDECLARED)
    if not subject.has_ends:
        return skipped(subject.no_end)
    finals = [row.name for row in subject.base if "final_obs" in row.info]
    if subject.mode == AutoresetMode.SAME_STEP:
        return _same_step(subject, seen=bool(finals))
    if finals and _any_final(subject.base):
        return failed(
            f"{subject.mode.value} is declared, but there is final_obs in {finals[0]}, as in "
            "same-step mode"
        )
    if subject.mode == AutoresetMode.NEXT_STEP:
        return _next_step(subject)
    return _disabled(subject)


def _any_final(rows: Sequence[Row]) -> bool:
    return any(np.any(row.info.get("_final_obs", True)) for row in rows if "final_obs" in row.info)


def _same_step(subject: Subject, *, seen: bool) -> Verdict:
    if not seen:
        return failed("SameStep is declared, but an episode ended and there was no final_obs")
    for lane in subject.lanes:
        # an end, and the start that came with it
        pairs = pairwise(lane)
        if any(a.over and not same(a.observation, b.observation) for a, b in pairs):
            return passed("a step that ends an episode returns the next one's first observation")
    return failed("a step that ends an episode returns its last observation, not the next's first")


def _next_step(subject: Subject) -> Verdict:
    env, before = subject.fresh(), np.zeros(subject.num_envs, dtype=np.bool_)
    rows = []
    for t, row in enumerate(subject.base):
        actions = row.actions
        if before.any():
            actions = other_actions(env, actions, before, subject.seed + t)
        rows.append(record(env, row.name, actions=actions, seed=row.seed))
        if row.is_step:
            # a reset row that claims to be an end is another check's
            before = row.over() & ~before
    found = subject.difference(subject.base, rows)
    if found:
        return failed(f"the step after an end does not ignore its action: {found}")
    return passed("the step after an end ignores its action")


def _disabled(subject: Subject) -> Verdict:
    at = next(k for k, row in enumerate(subject.base) if row.over().any())
    over = subject.base[at].over()
    actions = subject.chooser(2)(subject.base[at], 0)
    stepped: list[Row] = []

    def step(env: Env, given: Any) -> None:
        stepped.append(record(env, "a step after an end", actions=given))

    for given in (actions, other_actions(subject.example, actions, over, subject.seed)):
        env = subject.fresh()
        replay(env, subject.base[: at + 1])
        refused = refusal(step, env, given)
        if refused:
            return passed(f"a step after an end is refused with {refused}")
    one, other = stepped
    if not (one.over() & over).any() and _same_lanes(env, one, other, over):
        return failed("Disabled is declared, but the step after an end begins an episode by itself")
    return noted("a step after an end is neither refused nor a reset")


def _same_lanes(env: Env, one: Row, other: Row, lanes: NDArray[np.bool_]) -> bool:
    pairs: Any = zip(
        lanes_of(env.observation_space, one.observations),
        lanes_of(env.observation_space, other.observations),
        lanes,
        strict=True,
    )
    return all(same(a, b) for a, b, marked in pairs if marked)


def reset_row(subject: Subject) -> Verdict:
    """In next-step mode, the step after an end has reward 0 and both flags false."""
    if subject.mode != AutoresetMode.NEXT_STEP:
        return skipped("only in next-step mode")
    if not subject.has_ends:
        return skipped(subject.no_end)
    before, seen = np.zeros(subject.num_envs, dtype=np.bool_), 0
    for row in subject.base[1:]:
        rewards = np.asarray(row.returned[1])
        if (rewards[before] != 0).any():
            return failed(f"the step after an end has reward {rewards[before].max()} in {row.name}")
        if row.over()[before].any():
            return failed(f"the step after an end is flagged as an end again in {row.name}")
        seen += int(before.sum())
        before = row.over()
    return passed(f"{seen} of them have reward 0 and no flag")


def final_values(subject: Subject) -> Verdict:
    """In same-step mode, `final_obs` and `final_info` are there for the lanes that ended only."""
    if subject.mode != AutoresetMode.SAME_STEP:
        return skipped("only in same-step mode")
    if not subject.has_ends:
        return skipped(subject.no_end)
    seen = 0
    for row in subject.base:
        over = row.over() if row.is_step else np.zeros(subject.num_envs, dtype=np.bool_)
        for key in ("final_obs", "final_info"):
            mask = row.info.get(f"_{key}", np.zeros(subject.num_envs, dtype=np.bool_))
            if key not in row.info and over.any():
                return failed(f"an episode ended in {row.name}, and there is no {key}")
            if not same(mask, over):
                return failed(
                    f"_{key} marks lanes {_lanes(mask)} in {row.name}; the lanes that ended are "
                    f"{_lanes(over)}"
                )
        for lane in np.flatnonzero(over):
            final = final_obs_of(
                subject.example.observation_space, row.info["final_obs"], int(lane)
            )
            if final is None:
                return failed(f"final_obs of lane {lane} is None in {row.name}, where it ended")
        seen += int(over.sum())
    return passed(f"are there for the {seen} episodes that ended, and for no other lane")


def _lanes(mask: Any) -> str:
    return str(np.flatnonzero(mask).tolist())


def partial_reset(subject: Subject) -> Verdict:
    """With autoreset disabled, `reset_mask` resets the marked lanes and touches no other."""
    if subject.mode != AutoresetMode.DISABLED:
        return skipped("only with autoreset disabled")
    if subject.num_envs == 1:
        return skipped("there is one lane only")
    space = subject.example.observation_space
    for before, row in pairwise(subject.base):
        if row.marked is not None and not _same_lanes(subject.example, before, row, ~row.marked):
            return failed(f"the observation of an unmarked lane changes in {row.name}")
    opening = subject.base[:2]
    if opening[1].over().any():
        return skipped("an episode ended in the first step")
    marked = np.arange(subject.num_envs) == 0
    touched, untouched = subject.fresh(), subject.fresh()
    for env in (touched, untouched):
        replay(env, opening)
    reset = record(touched, "the partial reset", marked=marked)
    if not _same_lanes(touched, opening[1], reset, ~marked):
        return failed("the observation of an unmarked lane changes in a partial reset")
    first, last = (lanes_of(space, row.observations)[0] for row in (reset, opening[1]))
    if same(first, last):
        return failed("a marked lane still shows what it showed before the partial reset")
    choose, also = subject.chooser(3), subject.chooser(3)
    row, other = opening[1], reset
    for t in range(subject.steps):
        actions = choose(row, t)
        row = record(untouched, f"turn {t + 1} after it", actions=actions)
        actions = mixed(touched, actions, also(other, t), marked)
        other = record(touched, row.name, actions=actions)
        pairs = [(row.returned[k][1:], other.returned[k][1:]) for k in (1, 2, 3)]
        if not _same_lanes(touched, row, other, ~marked) or not same(*zip(*pairs, strict=True)):
            return failed(f"an unmarked lane plays otherwise for a partial reset, {row.name}")
        if row.over().any() or other.over().any():
            break
    return passed("unmarked lanes do not notice a partial reset")
