"""What seeds decide: the same again, something else, and each lane for itself."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from .play import Chooser, Event, Row, difference, events, mixed, play, replay
from .report import Verdict, failed, noted, passed, skipped
from .trees import batch_of, lanes_of, same

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .subject import Subject

_APART, _SEVERAL = 7919, 9  # so far apart seeds share no lane
_NOTHING_RANDOM = "nothing random was seen: not between seeds, lanes or episodes"


def same_seed(subject: Subject) -> Verdict:
    """The same seed and actions give the same again, in a new environment and in a used one."""
    env = subject.fresh()
    for which in ("another", "the same, used,"):
        again = replay(env, subject.base)
        found = difference(subject.base, again, infos=False)
        if found:
            return failed(f"{which} environment with the same seed and actions: {found}")
        found = difference(subject.base, again, infos=True)
        if found:
            return noted(f"{which} environment with the same seed and actions: {found}")
    return passed(f"{subject.steps} steps come again")


def different_seeds(subject: Subject) -> Verdict:
    """Different seeds give different play."""
    if _by_seed(subject):
        return passed("seeds differ")
    if _by_lane(subject) or _by_episode(subject):
        return failed(
            f"seed {subject.seed} and {_SEVERAL - 1} others give the same play, though lanes or "
            "episodes of one seed differ"
        )
    return noted(_NOTHING_RANDOM)


def different_lanes(subject: Subject) -> Verdict:
    """Seeded with one integer, lanes that play the same actions differ from each other."""
    if subject.num_envs == 1:
        return skipped("there is one lane only")
    if _by_lane(subject):
        return passed("lanes that play the same actions differ")
    if _by_seed(subject):
        return failed("all lanes play the same, though seeds differ: they share one seed")
    return noted(_NOTHING_RANDOM)


def unseeded_reset(subject: Subject) -> Verdict:
    """After a seeded reset, one without a seed goes on: determined by the seed, and not again."""
    first, second = (_two_plays(subject, subject.seed) for _ in range(2))
    found = subject.difference(first[0] + first[1], second[0] + second[1])
    if found:
        return failed(f"a reset without seed after one with a seed is not determined: {found}")
    if _by_episode(subject):
        return passed("goes on with other episodes, which the first seed determines")
    if _by_seed(subject):
        return failed("a reset without seed plays the seeded episodes again")
    return noted(_NOTHING_RANDOM)


def lane_independence(subject: Subject) -> Verdict:
    """What is played in one lane changes nothing in another."""
    if subject.num_envs == 1:
        return skipped("there is one lane only")
    odd = np.arange(subject.num_envs) % 2 == 1
    scripted = [row.actions for row in subject.base if row.is_step]
    others = subject.chooser(1)
    env = subject.fresh()
    rows = play(
        env,
        subject.steps,
        lambda row, t: mixed(env, scripted[t], others(row, t), odd),
        seed=subject.seed,
        mode=subject.mode,
    )
    lanes = events(rows, env, subject.mode)
    for i in np.flatnonzero(~odd):
        found = _first_difference(subject.lanes[i], lanes[i])
        if found:
            return failed(f"lane {i} plays otherwise when other lanes get other actions: {found}")
    return passed("lanes do not notice what is played in others")


def batch_size(subject: Subject) -> Verdict:
    """A lane plays the same whatever the number of lanes."""
    n = subject.num_envs
    env = subject.larger(n + 3)
    if isinstance(env, str):
        return skipped(env)
    scripted = [row.actions for row in subject.base if row.is_step]
    single = [lanes_of(subject.example.action_space, actions) for actions in scripted]

    others = Chooser(env, subject.seed)

    def choose(row: Row, t: int) -> Any:
        beyond = lanes_of(env.action_space, others(row, t))[n:]
        return batch_of(env.single_action_space, [*single[t], *beyond])

    rows = play(env, subject.steps, choose, seed=subject.seed, mode=subject.mode)
    lanes = events(rows, env, subject.mode)
    for i in range(n):
        found = _first_difference(subject.lanes[i], lanes[i])
        if found:
            return failed(f"lane {i} of {n} is not lane {i} of {n + 3}: {found}")
    return passed(f"{n} lanes are the first of {n + 3}")


def _first_difference(one: Sequence[Event], other: Sequence[Event]) -> str | None:
    for a, b in zip(one, other, strict=False):
        parts = ((a.observation, b.observation), (a.reward, b.reward), (a.over, b.over))
        if a.is_start != b.is_start or not all(same(x, y) for x, y in parts):
            return f"first in {a.name}"
    return None


def _two_plays(subject: Subject, seed: int) -> tuple[list[Row], list[Row]]:
    """What is played after a reset with this seed, and after another without one."""
    env = subject.fresh()
    return subject.play(seed, env=env), subject.play(None, env=env)


def _outputs_differ(one: Sequence[Row], other: Sequence[Row]) -> bool:
    return difference(one, other, infos=False) is not None


# Each looks at several seeds until it sees a difference: what is rarely random may come out the
# same twice.


def _several_seeds(subject: Subject) -> Iterator[int]:
    return (subject.seed + _APART * i for i in range(_SEVERAL))


def _by_seed(subject: Subject) -> bool:
    others = islice(_several_seeds(subject), 1, None)
    return any(_outputs_differ(subject.base, subject.play(seed)) for seed in others)


def _by_episode(subject: Subject) -> bool:
    return any(_outputs_differ(*_two_plays(subject, seed)) for seed in _several_seeds(subject))


def _by_lane(subject: Subject) -> bool:
    return any(_lanes_differ(subject, seed) for seed in _several_seeds(subject))


def _lanes_differ(subject: Subject, seed: int) -> bool:
    rows = subject.play(seed, alike=True)
    first, *rest = events(rows, subject.example, subject.mode)
    return any(_first_difference(first, lane) is not None for lane in rest)
