"""Options, and calls that should be refused."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from .play import Row, refusal, replay
from .report import Verdict, failed, noted, passed, skipped
from .trees import batch_of, lanes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .play import Env
    from .subject import Subject

_NO_SUCH_OPTION = "an option that no environment knows"
_OPENING = 20  # rows that are played to see whether anything was disturbed


def _opens_alike(subject: Subject, options: dict[str, Any] | None) -> str | None:
    """What differs if a seeded reset is given these options, None if nothing does."""
    env = subject.fresh()
    observations, info = copy.deepcopy(env.reset(seed=subject.seed, options=options))
    opening = subject.base[:_OPENING]
    first = Row("reset", None, subject.seed, None, (observations,), info)
    return subject.difference(opening, [first, *replay(env, opening[1:])])


def _disturbed(subject: Subject, env: Env, rows: Sequence[Row]) -> str | None:
    """What differs when an environment plays on, None if nothing does."""
    played: list[Row] = []
    refused = refusal(lambda: played.extend(replay(env, rows)))
    return f"raised {refused}" if refused else subject.difference(rows, played)


def default_options(subject: Subject) -> Verdict:
    """A reset with `options=None` or `{}` is one without options."""
    nothing: tuple[dict[str, Any] | None, ...] = (None, {})
    for options in nothing:
        found = _opens_alike(subject, options)
        if found:
            return failed(f"options={options} is not a reset without options: {found}")
    return passed("None and {} are as no options")


def unknown_options(subject: Subject) -> Verdict:
    """An unknown option is refused or ignored, and disturbs nothing."""
    env, opening = subject.fresh(), subject.base[:_OPENING]
    refused = refusal(env.reset, seed=subject.seed, options={_NO_SUCH_OPTION: 1})
    if not refused:
        found = _opens_alike(subject, {_NO_SUCH_OPTION: 1})
        if found:
            return failed(f"an unknown option changes what is played: {found}")
    found = _disturbed(subject, env, opening)
    if found:
        return failed(f"after a reset with an unknown option, the next is not as ever: {found}")
    return passed(f"refused with {refused}" if refused else "ignored")


def options_kept(subject: Subject) -> Verdict:
    """No reset changes the options it is given."""
    env = subject.fresh()
    env.reset(seed=subject.seed)
    options: dict[str, Any] = {}
    if subject.mode == AutoresetMode.DISABLED:
        options["reset_mask"] = np.ones(subject.num_envs, dtype=np.bool_)
    given = copy.deepcopy(options)
    env.reset(seed=subject.seed, options=given)
    if given.keys() != options.keys():
        changed = ", ".join(map(str, given.keys() ^ options.keys()))
        return failed(f"a reset adds to the options it is given, or takes from them: {changed}")
    if any(not np.array_equal(given[key], value) for key, value in options.items()):
        return failed("a reset changes an option it is given")
    return passed("no reset changes them")


def reset_mask(subject: Subject) -> Verdict:
    """With autoreset disabled, a `reset_mask` of another shape or dtype is refused."""
    if subject.mode != AutoresetMode.DISABLED:
        return skipped("only with autoreset disabled")
    n = subject.num_envs
    env = subject.fresh()
    opening = subject.base[:_OPENING]
    replay(env, opening[:1])
    wrong = {
        f"of shape ({n + 1},)": np.ones(n + 1, dtype=np.bool_),
        "of dtype float64": np.ones(n),
        "of dtype int64": np.ones(n, dtype=np.int64),
    }
    for words, mask in wrong.items():
        if not refusal(env.reset, options={"reset_mask": mask}):
            return failed(f"a reset_mask {words} is accepted; it must be bool of shape ({n},)")
    found = _disturbed(subject, env, opening[1:])
    if found:
        return noted(f"wrong masks are refused, but something has been reset by then: {found}")
    return passed("another shape or dtype is refused")


def step_before_reset(subject: Subject) -> Verdict:
    """A step before the first reset is refused."""
    env = subject.fresh()
    actions = subject.base[1].actions
    refused = refusal(env.step, copy.deepcopy(actions))
    if refused:
        return passed(f"refused with {refused}")
    if subject.copied:
        return noted("not refused, but what was given may have been reset before it was copied")
    return failed("a step before the first reset is played")


def actions_out_of_range(subject: Subject) -> Verdict:
    """Actions outside the action space are refused, and nothing has been played then."""
    outside = _outside(subject.example.single_action_space)
    if not outside:
        return skipped("there is no action outside the action space that has its form")
    env, opening = subject.fresh(), subject.base[:_OPENING]
    replay(env, opening[:1])
    actions = lanes_of(subject.example.action_space, opening[1].actions)
    for wrong in outside:
        batch = batch_of(subject.example.single_action_space, [*actions[:-1], wrong])
        if refusal(env.step, batch):
            continue
        if isinstance(subject.example.single_action_space, spaces.Box):
            return noted(f"{wrong} is accepted; it may be clipped to the action space")
        return failed(f"{wrong} is no action, and is played in lane {subject.num_envs - 1}")
    found = _disturbed(subject, env, opening[1:])
    if found:
        return noted(f"refused, but something has been played by then: {found}")
    return passed("refused, and nothing has been played")


def _outside(space: spaces.Space[Any]) -> list[Any]:
    """Actions of the right form just outside a space."""
    if isinstance(space, spaces.Discrete):
        return [space.dtype.type(v) for v in (space.start - 1, space.start + space.n)]
    if isinstance(space, spaces.MultiDiscrete):
        return [space.start - 1, space.start + space.nvec]
    if isinstance(space, spaces.MultiBinary):
        return [np.full(space.shape, 2, dtype=space.dtype)]
    if isinstance(space, spaces.Box) and space.dtype.kind == "f" and space.is_bounded("above"):
        return [(space.high + 1).astype(space.dtype)]
    return []


def closing(subject: Subject) -> Verdict:
    """`close` can be called twice, and `closed` is true afterwards."""
    env = subject.fresh()
    env.reset(seed=subject.seed)
    env.close()
    env.close()
    if not env.closed:
        return noted("can be called twice, but closed is still false afterwards")
    return passed("can be called twice")
