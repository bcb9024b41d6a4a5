"""A reset is a reset whatever went before: also right after an episode ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.vector import AutoresetMode

from .play import other_actions, record, replay
from .report import Verdict, failed, noted, passed, skipped
from .trees import lanes_of, same

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .play import Env, Row
    from .subject import Subject

_ENDS = 4  # ends after which a reset is tried
_TURNS = 3  # turns after the reset in which an action may show
_OPENING = 20  # rows that are played after a seeded reset


def reset_after_end(subject: Subject) -> Verdict:
    """A reset right after an end, seeded or not, swallows no turn of the lanes that had ended."""
    if not subject.has_ends:
        return skipped(subject.no_end)
    ends = [k for k, row in enumerate(subject.base) if row.over().any()][:_ENDS]
    found = _seeded(subject, ends[0])
    if found:
        return failed(found)
    partial = (False, True) if subject.mode == AutoresetMode.DISABLED else (False,)
    unsure = ""
    for masked in partial:
        if any(_heard_after(subject, end, masked=masked) for end in ends):
            continue
        what = "a reset of the lanes that ended" if masked else "a reset without seed"
        if all(_heard_at_first(subject, subject.base[end].over()) for end in ends):
            return failed(f"the step after {what} ignores their actions: it resets them once more")
        unsure = f"no first action was seen to matter in the lanes that ended, nor after {what}"
    return noted(unsure) if unsure else passed("the next step plays a turn in every lane")


def _seeded(subject: Subject, end: int) -> str | None:
    """What differs from the opening when a seeded reset follows an end, None if nothing does."""
    opening, over = subject.base[:_OPENING], subject.base[end].over()
    env = subject.fresh()
    replay(env, subject.base[: end + 1])
    found = subject.difference(opening, replay(env, opening))
    if found:
        return f"a seeded reset right after an end does not begin as a first one: {found}"
    if subject.mode != AutoresetMode.DISABLED:
        return None
    env = subject.fresh()
    replay(env, subject.base[: end + 1])
    rows = [record(env, "the partial reset", seed=subject.seed, marked=over)]
    for row in opening[1:]:
        if not row.is_step or rows[-1].over().any():
            break
        rows.append(record(env, row.name, actions=row.actions))
    for one, other in zip(opening, rows, strict=False):
        if not same(_of_lanes(subject.example, one, over), _of_lanes(subject.example, other, over)):
            return (
                "a seeded partial reset of lanes that ended does not begin as a first one: they "
                f"differ in {other.name}"
            )
    return None


def _heard_after(subject: Subject, end: int, *, masked: bool) -> bool:
    """Whether the first action after an unseeded reset has an effect in the lanes that ended."""
    over = subject.base[end].over()

    def begin(env: Env) -> Row:
        replay(env, subject.base[: end + 1])
        return record(env, "a reset without seed", marked=over if masked else None)

    return _heard(subject, begin, over)


def _heard_at_first(subject: Subject, lanes: NDArray[np.bool_]) -> bool:
    """Whether the first action after the very first reset has an effect in these lanes."""
    return _heard(subject, lambda env: replay(env, subject.base[:1])[0], lanes)


def _heard(subject: Subject, begin: Any, lanes: NDArray[np.bool_]) -> bool:
    """Whether another first action in these lanes changes what they return in the next turns."""
    played: list[list[Any]] = []
    for another in (False, True):
        env, choose = subject.fresh(), subject.chooser(4)
        row = begin(env)
        shown = []
        for t in range(_TURNS):
            actions = choose(row, t)
            if another and t == 0:
                actions = other_actions(env, actions, lanes, subject.seed)
            row = record(env, f"turn {t + 1} after the reset", actions=actions)
            shown.append(_of_lanes(subject.example, row, lanes))
            if row.over().any():
                break
        played.append(shown)
    return not same(*played)


def _of_lanes(env: Env, row: Row, lanes: NDArray[np.bool_]) -> Sequence[Any]:
    """What a row returned in these lanes."""
    seen = lanes_of(env.observation_space, row.observations)
    return [
        [seen[i] for i in np.flatnonzero(lanes)],
        *(np.asarray(part)[lanes] for part in row.returned[1:]),
    ]
