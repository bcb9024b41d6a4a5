"""Playing an environment, and keeping a record that can be played again."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv

from .trees import batch_of, final_obs_of, lane_info, lanes_of, present_in, same, snapshot

if TYPE_CHECKING:
    from numpy.typing import NDArray

Env = VectorEnv[Any, Any, Any]
Choice = Callable[["Row", int], Any]
"""Actions, given the last row and the number of steps that have been played."""


@dataclass(frozen=True)
class Row:
    """One call of `reset` or `step`, and a snapshot of what it returned.

    Attributes:
        name: of the call in messages.
        actions: what was played, None if the call was a reset.
        seed: the seed of a reset.
        marked: the lanes that a partial reset marked, None if it was none.
        returned: the observations and, for a step, rewards, terminated and truncated.
        info: the info.
    """

    name: str
    actions: Any
    seed: int | None
    marked: NDArray[np.bool_] | None
    returned: tuple[Any, ...]
    info: Any

    @property
    def is_step(self) -> bool:
        """Whether the call was a step."""
        return self.actions is not None

    @property
    def observations(self) -> Any:
        """The batch of observations."""
        return self.returned[0]

    def over(self) -> NDArray[np.bool_]:
        """The lanes whose episode ended here."""
        if not self.is_step:
            return np.zeros(0, dtype=np.bool_)
        return np.asarray(np.logical_or(self.returned[2], self.returned[3]))


@dataclass(frozen=True)
class Event:
    """One lane's start of an episode or one turn of it, as a scalar environment has them."""

    name: str
    action: Any
    observation: Any
    reward: Any = None
    terminated: bool = False
    truncated: bool = False
    info: Any = None

    @property
    def is_start(self) -> bool:
        """Whether an episode starts here."""
        return self.action is None

    @property
    def over(self) -> bool:
        """Whether the episode ends here."""
        return self.terminated or self.truncated


def call(env: Env, row: Row) -> tuple[Any, ...]:
    """Repeat the call of a row and return its result unchanged."""
    if row.is_step:
        return tuple(env.step(snapshot(row.actions)))
    if row.marked is None:
        return tuple(env.reset(seed=row.seed))
    return tuple(env.reset(seed=row.seed, options={"reset_mask": row.marked.copy()}))


def record(
    env: Env,
    name: str,
    *,
    actions: Any = None,
    seed: int | None = None,
    marked: NDArray[np.bool_] | None = None,
) -> Row:
    """Make one call and keep what it returned."""
    wanted = Row(name, snapshot(actions), seed, marked, (), None)
    *returned, info = snapshot(call(env, wanted))
    return Row(name, wanted.actions, seed, marked, tuple(returned), info)


def replay(env: Env, rows: Sequence[Row]) -> list[Row]:
    """Make the same calls again."""
    return [
        record(env, row.name, actions=row.actions, seed=row.seed, marked=row.marked) for row in rows
    ]


def play(
    env: Env, steps: int, choose: Choice, *, seed: int | None, mode: AutoresetMode | None
) -> list[Row]:
    """Reset and play a number of steps; with autoreset disabled, lanes that end are reset."""
    row = record(env, "reset", seed=seed)
    rows = [row]
    for t in range(steps):
        row = record(env, f"step {t + 1}", actions=choose(row, t))
        rows.append(row)
        if mode == AutoresetMode.DISABLED and row.over().any():
            row = record(env, f"partial reset after step {t + 1}", marked=row.over())
            rows.append(row)
    return rows


def refusal(function: Callable[..., object], *args: Any, **kwargs: Any) -> str | None:
    """The exception of a call, on one line; None if it raises nothing.

    Environments raise different exceptions, so any of them counts as a refusal.
    """
    try:
        function(*args, **kwargs)
    except Exception as error:
        return described(error)
    return None


def described(error: Exception) -> str:
    """An exception on one line, and not too long."""
    text = " ".join(str(error).split())
    text = text if len(text) <= 120 else text[:117] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class Chooser:
    """Draws actions at random, allowed ones where an `action_mask` says which are.

    Args:
        env: that the actions are for.
        seed: of the draws.
        alike: give every lane the same action, as far as their masks are the same.
    """

    def __init__(self, env: Env, seed: int, *, alike: bool = False) -> None:
        self._space = copy.deepcopy(env.action_space)
        self._single = copy.deepcopy(env.single_action_space)
        (self._single if alike else self._space).seed(seed)
        self._rng = np.random.default_rng(seed)
        self._alike = alike
        self._n = env.num_envs
        discrete = isinstance(self._single, spaces.Discrete)
        k = int(self._single.n) if isinstance(self._single, spaces.Discrete) else 0
        self._allowed = np.ones((self._n, k), dtype=np.bool_) if discrete else None

    def __call__(self, row: Row, t: int) -> Any:
        """Actions for all lanes."""
        if self._allowed is None:
            if not self._alike:
                return self._space.sample()
            return batch_of(self._single, [self._single.sample()] * self._n)
        self._see(row.info, self._allowed)
        lanes, k = self._allowed.shape
        draws = np.broadcast_to(self._rng.random((1 if self._alike else lanes, k)), (lanes, k))
        best = np.where(self._allowed, draws, -1.0).argmax(axis=1)
        return (best + self._single.start).astype(self._single.dtype)  # type: ignore[attr-defined]

    def _see(self, info: Any, allowed: NDArray[np.bool_]) -> None:
        mask = info.get("action_mask") if isinstance(info, Mapping) else None
        if isinstance(mask, np.ndarray) and mask.shape == allowed.shape:
            # a reset of some lanes says nothing of the others
            present = info.get("_action_mask", np.ones(self._n, dtype=np.bool_))
            allowed[present] = mask[present] != 0


def mixed(env: Env, actions: Any, others: Any, lanes: NDArray[np.bool_]) -> Any:
    """`actions`, with those of `others` in the lanes that are marked."""
    pairs = zip(
        lanes_of(env.action_space, actions), lanes_of(env.action_space, others), strict=True
    )
    chosen = [pair[int(marked)] for pair, marked in zip(pairs, lanes, strict=True)]
    return batch_of(env.single_action_space, chosen)


def other_actions(env: Env, actions: Any, lanes: NDArray[np.bool_], seed: int) -> Any:
    """`actions`, with something else in the lanes that are marked."""
    single = env.single_action_space
    if isinstance(single, spaces.Discrete):
        shifted = (np.asarray(actions) - single.start + 1) % single.n + single.start
        return np.where(lanes, shifted, actions)
    space = copy.deepcopy(env.action_space)
    space.seed(seed)
    return mixed(env, actions, space.sample(), lanes)


def difference(one: Sequence[Row], other: Sequence[Row], *, infos: bool) -> str | None:
    """Where two records first differ, None if they do not.

    Args:
        one: a record.
        other: a record of the same calls, or of play with the same choices.
        infos: compare infos too.
    """
    names = ("observations", "rewards", "terminated", "truncated")
    for a, b in zip(one, other, strict=False):
        if a.is_step != b.is_step:
            return f"one has {a.name} where the other has {b.name}"
        for name, x, y in zip(names, a.returned, b.returned, strict=False):
            if not same(x, y):
                return f"{name} differ in {a.name}"
        if infos and not same(present_in(a.info), present_in(b.info)):
            return f"infos differ in {a.name}"
    return None if len(one) == len(other) else "one goes on longer"


def events(rows: Sequence[Row], env: Env, mode: AutoresetMode | None) -> list[list[Event]]:
    """The events of each lane: a record in the order of a scalar environment."""
    n = env.num_envs
    lanes: list[list[Event]] = [[] for _ in range(n)]
    over = np.zeros(n, dtype=np.bool_)
    for row in rows:
        seen = lanes_of(env.observation_space, row.observations)
        if not row.is_step:
            marked = np.ones(n, dtype=np.bool_) if row.marked is None else row.marked
            # a lane that was waiting for its reset row has been reset, and plays a turn next
            over = over & ~marked
            for i in np.flatnonzero(marked).tolist():
                lanes[i].append(Event(row.name, None, seen[i], info=lane_info(row.info, i)))
            continue
        actions = lanes_of(env.action_space, row.actions)
        _, reward, terminated, truncated = row.returned
        ended = row.over()
        for i in range(n):
            start = Event(row.name, None, seen[i], info=lane_info(row.info, i))
            if mode == AutoresetMode.NEXT_STEP and over[i]:
                lanes[i].append(start)
                continue
            anew = mode == AutoresetMode.SAME_STEP and ended[i]
            observation, info = _end(row.info, env, i) if anew else (seen[i], start.info)
            flags = bool(terminated[i]), bool(truncated[i])
            lanes[i].append(Event(row.name, actions[i], observation, reward[i], *flags, info))
            if anew:
                lanes[i].append(start)
        # a reset row is a start whatever its flags say, which another check looks at
        over = ended & np.array([not lane[-1].is_start for lane in lanes])
    return lanes


def _end(info: Any, env: Env, lane: int) -> tuple[Any, dict[str, Any]]:
    """Last observation and info of an episode that same-step mode has already followed up."""
    final = info.get("final_obs")
    observation = None if final is None else final_obs_of(env.observation_space, final, lane)
    return observation, lane_info(info.get("final_info"), lane)


def lengths(lane: Sequence[Event]) -> list[tuple[int, bool]]:
    """Turns of every episode that ended in a lane, and whether it was truncated only."""
    found, turns = [], 0
    for event in lane:
        turns = 0 if event.is_start else turns + 1
        if event.over:
            found.append((turns, event.truncated and not event.terminated))
    return found
