"""Lanes that are divided among the levels of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.vec_env import VecEnv

from carousel_envs import CarouselError
from carousel_envs.foundation.errors import shown
from carousel_envs.lanes.snapshots import refuse_unfit, take_back

from ..adapter import CarouselVecEnv
from .division import divided, divided_by_regret

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from carousel_envs.registry import AnyPopulation

SESSIONS_PER_DIVISION = 4
"""Longest sessions that a lane plays between two divisions. So many sessions of every lane end by
then, and regret is measured by these: of later ones, those that last are cut short."""
_EPISODES = 2**32
"""Indices of sessions between two divisions, more than any lane plays."""
_KEPT = 0.5
"""How much of its last estimate a level's regret keeps."""


class LevelsVecEnv(VecEnv):
    """N lanes, each of which plays one of L populations.

    The lanes of a level stand side by side, in the order of the levels. Lane i is seeded seed + i
    whatever it plays, and never plays a session twice: a division goes on to indices of sessions
    that no earlier one has reached.

    Args:
        populations: the levels; all show the same columns.
        lanes: N, at least L.
        seed: lane i is the scalar environment seeded seed + i.
        values: what the reference earns per session on each level, shape (L,); None: lanes are
            divided equally, once.
        options: arguments of `CarouselVecEnv.of`.

    Raises:
        CarouselError: an argument is not allowed.
    """

    def __init__(
        self,
        populations: Sequence[AnyPopulation],
        lanes: int,
        seed: int,
        *,
        values: ArrayLike | None = None,
        **options: Any,
    ) -> None:
        self.populations = tuple(populations)
        self._seed, self._options_of_parts = seed, options
        self.values = None if values is None else np.asarray(values, dtype=np.float64)
        self.division = 0
        self.counts: NDArray[np.int64] = divided(lanes, np.ones(len(self.populations)))
        self.regret = np.full(len(self.populations), np.nan)
        self._turns = 0
        self._divided = False
        # the return and the number of each lane's sessions since the division, as far as they count
        self._returns = np.zeros(lanes)
        self._ended = np.zeros(lanes, dtype=np.int64)
        self._longest = max(population.session_length for population in self.populations)
        self._parts = self._made()
        space = self._parts[0].observation_space
        super().__init__(lanes, space, self._parts[0].action_space)

    # -- division -----------------------------------------------------------------------------

    def divide(self) -> bool:
        """Divide the lanes anew, if that is due; then all lanes must be reset.

        Returns:
            Whether they were divided.
        """
        if self.values is None or self._turns < SESSIONS_PER_DIVISION * self._longest:
            return False
        ended = SESSIONS_PER_DIVISION * self.counts
        found = self.values - np.add.reduceat(self._returns, self._starts) / ended
        known = np.where(np.isnan(self.regret), found, self.regret)
        self.regret = _KEPT * known + (1.0 - _KEPT) * found
        self._divide_into(divided_by_regret(self.num_envs, self.regret), self.division + 1)
        return True

    def _divide_into(self, counts: NDArray[np.int64], division: int) -> None:
        self.close()
        self.counts, self.division, self._divided = counts, division, True
        self._parts = self._made()

    def _made(self) -> list[CarouselVecEnv]:
        self._starts = np.concatenate([[0], np.cumsum(self.counts)[:-1]]).tolist()
        return [
            CarouselVecEnv.of(population, int(lanes), self._seed + start, **self._options_of_parts)
            for population, lanes, start in zip(
                self.populations, self.counts, self._starts, strict=True
            )
        ]

    # -- sessions -----------------------------------------------------------------------------

    def reset(self) -> NDArray[np.float32]:
        """Start a session in every lane; their first observations, float32, shape (N, D)."""
        self._turns = 0
        self._returns[:] = 0.0
        self._ended[:] = 0
        rows = [part.reset() for part in self._parts]
        if self._divided:
            self._divided = False
            for part in self._parts:
                _skip_to(part, self.division * _EPISODES)
            rows = [part.reset() for part in self._parts]
        self.reset_infos = [info for part in self._parts for info in part.reset_infos]
        return np.concatenate(rows)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take one action per lane, shape (N,), which `step_wait` plays."""
        for part, picks in zip(
            self._parts, np.split(np.asarray(actions), self._starts[1:]), strict=True
        ):
            part.step_async(picks)

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Observations, rewards (float32), dones, infos; see `CarouselVecEnv`."""
        played = [part.step_wait() for part in self._parts]
        observation, reward, done = (
            np.concatenate(arrays) for arrays in list(zip(*played, strict=True))[:3]
        )
        infos = [info for _, _, _, told in played for info in told]
        self._turns += 1
        for lane in np.flatnonzero(done & (self._ended < SESSIONS_PER_DIVISION)):
            self._returns[lane] += infos[lane]["episode"]["r"]
            self._ended[lane] += 1
        return observation, reward, done, infos

    # -- state --------------------------------------------------------------------------------

    def snapshot(self) -> dict[str, NDArray[Any]]:
        """The state of every session and of the division (copies)."""
        own = {
            "counts": self.counts.copy(),
            "regret": self.regret.copy(),
            "returns": self._returns.copy(),
            "ended": self._ended.copy(),
            "division": np.array([self.division, self._turns]),
        }
        parts = {
            f"level{i}.{name}": array
            for i, part in enumerate(self._parts)
            for name, array in part.snapshot().items()
        }
        return own | parts

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a snapshot of lanes made in the same way.

        Raises:
            CarouselError: an array is missing, or has another type or shape, or the parts do not
                add up.
        """
        sessions = {"returns": self._returns, "ended": self._ended}
        division = {"counts": self.counts, "division": np.zeros(2, dtype=np.int64)}
        refuse_unfit({**sessions, **division, "regret": self.regret}, snapshot)
        counts = snapshot["counts"]
        number, turns = map(int, snapshot["division"])
        if (counts < 1).any() or counts.sum() != self.num_envs or min(number, turns) < 0:
            raise CarouselError(
                f"the snapshot divides lanes into {shown(counts.tolist())}, division {number}; "
                f"parts must be 1 at least and add up to {self.num_envs}"
            )
        self._divide_into(counts.copy(), number)
        self.reset()
        for i, part in enumerate(self._parts):
            start = f"level{i}."
            part.restore(
                {
                    name.removeprefix(start): array
                    for name, array in snapshot.items()
                    if name.startswith(start)
                }
            )
        self.regret, self._turns = snapshot["regret"].copy(), turns
        take_back(sessions, snapshot)

    # -- the rest -----------------------------------------------------------------------------

    def close(self) -> None:
        """Close the environments of all levels."""
        for part in self._parts:
            part.close()

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Refused: training seeds its lanes when it makes them.

        Raises:
            CarouselError: always.
        """
        raise CarouselError(f"lanes of levels cannot be seeded anew (seed is {shown(seed)})")

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of every lane; see `CarouselVecEnv`."""
        return self._ask(indices, lambda part, lanes: part.get_attr(attr_name, lanes))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of lanes; see `CarouselVecEnv`."""
        for part, start, lanes in self._meant(self._indices(indices)):
            part.set_attr(attr_name, value, [lane - start for lane in lanes])

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of every lane; see `CarouselVecEnv`."""
        return self._ask(
            indices,
            lambda part, lanes: part.env_method(
                method_name, *method_args, indices=lanes, **method_kwargs
            ),
        )

    def env_is_wrapped(self, wrapper_class: type[Any], indices: Any = None) -> list[bool]:
        """Whether each lane is known to be wrapped in this class."""
        return self._ask(indices, lambda part, lanes: part.env_is_wrapped(wrapper_class, lanes))

    def _ask(
        self, indices: Any, ask: Callable[[CarouselVecEnv, list[int]], Sequence[Any]]
    ) -> list[Any]:
        """The answer of each of these lanes, in their order."""
        asked = self._indices(indices)
        answers: dict[int, Any] = {}
        for part, start, lanes in self._meant(asked):
            told = ask(part, [lane - start for lane in lanes])
            answers.update(zip(lanes, told, strict=True))
        return [answers[lane] for lane in asked]

    def _indices(self, indices: Any) -> list[int]:
        return [int(lane) % self.num_envs for lane in self._get_indices(indices)]

    def _meant(self, lanes: Sequence[int]) -> Iterator[tuple[CarouselVecEnv, int, list[int]]]:
        """The parts that play some of these lanes, where each begins, and which lanes those are."""
        for part, start in zip(self._parts, self._starts, strict=True):
            meant = [lane for lane in lanes if start <= lane < start + part.num_envs]
            if meant:
                yield part, start, meant


def _skip_to(part: CarouselVecEnv, episode: int) -> None:
    """Have the next reset begin the session after this one in every lane."""
    lanes: Any = part.env.unwrapped
    state = lanes.snapshot()
    lanes.restore({**state, "episode": np.full_like(state["episode"], episode)})
