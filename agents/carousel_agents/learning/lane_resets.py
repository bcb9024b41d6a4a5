"""Starting the next episode of a lane within the step that ended the last, as Stable-Baselines3
expects it, in each of Gymnasium's autoreset modes.

- Same-step: the environment does so itself.
- Disabled: lanes whose episode ended are reset by `options={"reset_mask": ...}`.
- Next-step: `SyncVectorEnv` and `AsyncVectorEnv` understand `reset_mask` in this mode, too. A
  native environment does not. Its step after an end takes no action in that lane, and there is no
  such row in the interface of Stable-Baselines3. It can be shown as one more turn of the episode
  that ended (`Padding`), which is not the same task where episodes are truncated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown

from .lane_rows import lane_infos, lane_rows, merged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    # environment, and what its step returned: observation, info, done; whether infos are wanted
    Reset = Callable[[Any, Any, dict[str, Any], NDArray[np.bool_], bool], "Begun"]

_FINAL = ("final_info", "final_obs", "_final_info", "_final_obs")


class Begun(NamedTuple):
    """Lanes in which an episode ended and the next has begun; lists have an entry per such lane.

    Attributes:
        observation: of all N lanes; where an episode has begun, its first.
        lanes: indices of those lanes.
        last: the last observation of each episode that ended.
        final: info of the step that ended it, if infos are wanted.
        first: info of the reset that began the next, likewise.
    """

    observation: Any
    lanes: NDArray[np.intp]
    last: list[Any]
    final: Sequence[dict[str, Any]] = ()
    first: Sequence[dict[str, Any]] = ()


def autoreset_mode(env: Any) -> AutoresetMode:
    """The autoreset mode of a vector environment.

    Raises:
        CarouselError: its metadata does not say.
    """
    given = env.metadata.get("autoreset_mode")
    try:
        return AutoresetMode(given)
    except ValueError:
        raise CarouselError(
            f"env.metadata has autoreset_mode {shown(given)}; it must be one of "
            f"{', '.join(mode.value for mode in AutoresetMode)}"
        ) from None


def reset_of(env: Any, *, pad: bool) -> Reset | None:
    """How lanes are reset; None where ends are padded.

    Raises:
        CarouselError: it cannot be done in this mode, or there is nothing to be padded.
    """
    mode = autoreset_mode(env)
    native = not isinstance(env.unwrapped, (SyncVectorEnv, AsyncVectorEnv))
    if mode == AutoresetMode.NEXT_STEP and native:
        if pad:
            return None
        raise CarouselError(
            f"env is a {type(env.unwrapped).__name__} in autoreset mode {mode.value}, in which the "
            "step after an end takes no action: a VecEnv has no such step; make the environment "
            f"in mode {AutoresetMode.SAME_STEP.value} or {AutoresetMode.DISABLED.value}, or as a "
            "SyncVectorEnv, or give reset_rows='pad', which adds one unpaid turn to every episode"
        )
    if pad:
        raise CarouselError(
            "reset_rows is 'pad'; that is for native vector environments in mode "
            f"{AutoresetMode.NEXT_STEP.value} alone, and the episodes of this one need no more turn"
        )
    return _same_step if mode == AutoresetMode.SAME_STEP else _by_mask


def _same_step(
    env: Any, observation: Any, info: dict[str, Any], done: NDArray[np.bool_], with_infos: bool
) -> Begun:
    lanes = np.flatnonzero(done)
    last = lane_rows(info["final_obs"], lanes)
    if not with_infos:
        return Begun(observation, lanes, last)
    final = lane_infos(info.get("final_info", {}), lanes, len(done))
    rest = {name: value for name, value in info.items() if name not in _FINAL}
    first = lane_infos(rest, lanes, len(done))
    for ended, began in zip(final, first, strict=True):
        if "episode" in began:
            # Gymnasium's RecordEpisodeStatistics writes beside the info of the next episode
            ended.setdefault("episode", began.pop("episode"))
    return Begun(observation, lanes, last, final, first)


def _by_mask(
    env: Any, observation: Any, info: dict[str, Any], done: NDArray[np.bool_], with_infos: bool
) -> Begun:
    lanes = np.flatnonzero(done)
    last = lane_rows(observation, lanes)
    final = lane_infos(info, lanes, len(done)) if with_infos else []
    first, begun = env.reset(options={"reset_mask": done.copy()})
    # the rows of lanes that a reset leaves alone are not relied on
    observation = merged(observation, first, lanes)
    return Begun(
        observation, lanes, last, final, lane_infos(begun, lanes, len(done)) if with_infos else []
    )


class Padding:
    """Delays the end of every episode to the row that resets its lane."""

    def __init__(self, num_envs: int) -> None:
        self._over = np.zeros(num_envs, dtype=np.bool_)
        self._truncated = np.zeros(num_envs, dtype=np.bool_)
        self._observation: Any = None

    def begin(self) -> None:
        """Forget which lanes were waiting for their reset."""
        self._over[:] = False

    def delay(
        self,
        observation: Any,
        info: dict[str, Any],
        done: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Begun | None]:
        """Which lanes end now, which of them by truncation, and what has begun in them."""
        over, was_truncated, before = self._over, self._truncated, self._observation
        self._over, self._truncated, self._observation = done, truncated, observation
        lanes = np.flatnonzero(over)
        if not len(lanes):
            return over, was_truncated, None
        last, first = lane_rows(before, lanes), lane_infos(info, lanes, len(over))
        return over, was_truncated, Begun(observation, lanes, last, [{} for _ in lanes], first)
