"""Lane i of the environment seeded s is the scalar environment seeded s + i."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .play import Event, lengths
from .report import Verdict, failed, noted, passed, skipped
from .trees import same

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import gymnasium as gym

    from .subject import Subject


def scalar_spaces(subject: Subject) -> Verdict:
    """The spaces of a single lane are those of the scalar environment."""
    scalar = subject.scalar()
    if isinstance(scalar, str):
        return skipped(scalar)
    for name in ("observation_space", "action_space"):
        one, other = getattr(subject.example, f"single_{name}"), getattr(scalar, name)
        if one != other:
            return failed(f"single_{name} is {one}; the scalar environment's is {other}")
    return passed("are those of the scalar environment")


def scalar_lanes(subject: Subject) -> Verdict:
    """Observations, rewards and ends of lane i seeded s are the scalar's seeded s + i."""
    scalar = subject.scalar()
    if isinstance(scalar, str):
        return skipped(scalar)
    rounded, episodes = None, 0
    for lane in subject.compared:
        for ours, theirs in _paired(scalar, subject.lanes[lane], subject.seed + lane):
            place = f"lane {lane}, {ours.name}"
            if not same(_outcome(ours), _outcome(theirs), rounding=True):
                return failed(f"{place}: {_what_differs(ours, theirs)}")
            if rounded is None and not same(_outcome(ours), _outcome(theirs)):
                rounded = place
            episodes += ours.over
    if rounded:
        return noted(f"equal to the scalar environment up to rounding, first in {rounded}")
    return passed(
        f"{len(subject.compared)} lanes equal the scalar environment, over {episodes} whole "
        "episodes and the begun ones"
    )


def scalar_infos(subject: Subject) -> Verdict:
    """Infos of lane i seeded s are the scalar's seeded s + i."""
    scalar = subject.scalar()
    if isinstance(scalar, str):
        return skipped(scalar)
    if not subject.infos_repeat:
        return skipped("the same seed does not give the same infos again")
    for lane in subject.compared:
        for ours, theirs in _paired(scalar, subject.lanes[lane], subject.seed + lane):
            if not same(_outcome(ours), _outcome(theirs), rounding=True):
                return skipped("the lanes differ from the scalar environment in more than infos")
            if not same(ours.info, theirs.info, rounding=True):
                keys = sorted(
                    key
                    for key in ours.info.keys() | theirs.info.keys()
                    if key not in ours.info
                    or key not in theirs.info
                    or not same(ours.info[key], theirs.info[key], rounding=True)
                )
                return failed(f"lane {lane}, {ours.name}: info differs in {', '.join(keys)}")
    return passed("are those of the scalar environment")


def episode_lengths(subject: Subject) -> Verdict:
    """Episodes have the scalar's lengths: a step that only resets is not counted as a turn."""
    scalar = subject.scalar()
    if isinstance(scalar, str):
        return skipped(scalar)
    counted = 0
    for lane in subject.compared:
        turns = 0
        for ours, theirs in _paired(scalar, subject.lanes[lane], subject.seed + lane):
            if not same(ours.observation, theirs.observation, rounding=True):
                # lanes with other luck can still be held against the time limit
                return _limits_alike(subject, scalar)
            turns = 0 if ours.is_start else turns + 1
            if ours.over != theirs.over:
                which = "an episode ends" if ours.over else "an episode goes on"
                return failed(
                    f"lane {lane}, {ours.name}: {which} after {turns} turns, unlike in the scalar "
                    "environment"
                )
            counted += ours.over
    if not counted:
        return skipped(subject.no_end)
    return passed(f"{counted} episodes are as long as in the scalar environment")


def _limits_alike(subject: Subject, scalar: gym.Env[Any, Any]) -> Verdict:
    limit = scalar.spec.max_episode_steps if scalar.spec is not None else None
    ours = {turns for lane in subject.lanes for turns, truncated in lengths(lane) if truncated}
    if limit is None or not ours:
        what = "there is no time limit" if limit is None else "no episode reached the time limit"
        return skipped(f"lanes do not play as the scalar environment does, and {what}")
    if ours == {limit}:
        return passed(f"episodes are truncated after {limit} turns, the time limit")
    found = ", ".join(map(str, sorted(ours)))
    return failed(f"episodes are truncated after {found} turns; the time limit is {limit}")


def _paired(
    scalar: gym.Env[Any, Any], lane: Sequence[Event], seed: int
) -> Iterator[tuple[Event, Event]]:
    """A lane's events next to what the scalar environment makes of the same actions."""
    for i, ours in enumerate(lane):
        if ours.is_start:
            observation, info = scalar.reset(seed=seed if i == 0 else None)
            yield ours, Event(ours.name, None, observation, info=info)
        else:
            observation, reward, terminated, truncated, info = scalar.step(ours.action)
            if terminated and truncated:
                # Gymnasium's TimeLimit says both of an episode that ends by itself in its last turn
                truncated = ours.truncated
            told = (observation, reward, terminated, truncated, info)
            yield ours, Event(ours.name, ours.action, *told)


def _outcome(event: Event) -> tuple[Any, ...]:
    if event.is_start:
        return (event.observation,)
    return event.observation, event.reward, event.terminated, event.truncated


def _what_differs(ours: Event, theirs: Event) -> str:
    if not same(ours.observation, theirs.observation, rounding=True):
        return "the observation is not the scalar environment's"
    for name in ("reward", "terminated", "truncated"):
        one, other = getattr(ours, name), getattr(theirs, name)
        if not same(one, other, rounding=True):
            return f"{name} is {np.asarray(one)}, in the scalar environment {np.asarray(other)}"
    raise AssertionError("nothing differs")
