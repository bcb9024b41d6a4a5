"""What is returned belongs to the caller, and a copy of an environment stands alone."""

from __future__ import annotations

import copy
import pickle
from collections import deque
from typing import TYPE_CHECKING, Any

from .play import Env, call, refusal, replay
from .report import Verdict, failed, noted, passed
from .trees import arrays_of, same, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from .subject import Subject

_LATER = 8  # calls after which an array is looked at again; buffers are used in turn
_NAMES = ("observations", "rewards", "terminated", "truncated")


def returned_arrays_kept(subject: Subject) -> Verdict:
    """No later call changes an array that was returned."""
    env = subject.fresh()
    waiting: deque[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = deque()
    rows = [*subject.base, *[None] * _LATER]
    for row in rows:
        if row is not None:
            returned = call(env, row)
            waiting.append((row.name, returned, snapshot(returned)))
            if len(waiting) <= _LATER:
                continue
        if not waiting:
            break
        name, returned, value = waiting.popleft()
        names = (*_NAMES[: len(value) - 1], "infos")
        changed = [n for n, x, y in zip(names, returned, value, strict=True) if not same(x, y)]
        if changed:
            return _of_the_env(env, f"a later call changed the {changed[0]} returned by {name}")
    return passed("no later call changes them")


def returned_arrays_written(subject: Subject) -> Verdict:
    """Writing into returned arrays changes nothing in the environment."""
    env = subject.fresh()
    for row in subject.base:
        returned = call(env, row)
        if not same(returned[:-1], row.returned):
            return _of_the_env(env, f"writing into returned arrays changed {row.name}")
        for array in arrays_of(returned):
            if array.flags.writeable and array.dtype != object:
                array[...] = 0
    return passed("writing into them changes nothing")


def _of_the_env(env: Env, message: str) -> Verdict:
    """A failure, unless the environment says that it returns its own arrays."""
    if getattr(env.unwrapped, "copy", True) is False:
        return noted(f"{message}, as copy=False says")
    return failed(message)


def actions_kept(subject: Subject) -> Verdict:
    """No step changes the actions it is given."""
    env = subject.fresh()
    for row in subject.base:
        if not row.is_step:
            call(env, row)
            continue
        given = snapshot(row.actions)
        env.step(given)
        if not same(given, row.actions):
            return failed(f"{row.name} changed the actions it was given")
    return passed("no step changes them")


def deep_copy(subject: Subject) -> Verdict:
    """A deep copy goes on exactly as the original, and shares nothing with it."""
    return _duplicate(subject, copy.deepcopy, "deep copy")


def pickling(subject: Subject) -> Verdict:
    """Pickled and read again, it goes on exactly as the original, and shares nothing with it."""
    # what is read was written a moment before, and by nobody else
    return _duplicate(subject, lambda env: pickle.loads(pickle.dumps(env)), "pickled copy")  # noqa: S301


def _duplicate(subject: Subject, duplicate: Callable[[Env], Env], words: str) -> Verdict:
    half = len(subject.base) // 2
    env = subject.fresh()
    replay(env, subject.base[:half])
    refused = refusal(duplicate, env)
    if refused:
        return noted(f"refused with {refused}")
    other = duplicate(env)
    rest = subject.base[half:]
    # the copy first, and all of it: if it shares state, the original then goes on from elsewhere
    found = subject.difference(rest, replay(other, rest))
    if found:
        return failed(f"a {words} does not go on as the original: {found}")
    found = subject.difference(rest, replay(env, rest))
    if found:
        return failed(f"a {words} shares state with the original: {found}")
    return passed(f"a {words} goes on as the original, and alone")
