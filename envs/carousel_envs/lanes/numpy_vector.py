"""`NumpyVectorEnv`: write the dynamics in plain NumPy and inherit everything else.

A subclass defines its state, how a session begins, what a turn does and what is observed. Lanes,
seeds, options, autoreset, limits of turns, snapshots and info work as in every other environment,
so it passes `carousel_envs.checking`, and every router and tool can play it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode

from ..compiled import codes, rng
from ..compiled.blocks import BLOCK
from ..foundation.errors import CarouselError
from .base import Info, Lanes, Outputs, Played
from .numpy_turn import NumpyColumns, NumpyTurn, checked_columns, checked_limits, checked_turn
from .vector import LaneVectorEnv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from ..population import BasePopulation

STATE = np.dtype(
    [
        ("key", np.uint64, BLOCK),
        ("turn", np.int64, BLOCK),
        ("streak", np.int64, BLOCK),
        ("persona", np.int64, BLOCK),
        ("over", np.int64, BLOCK),
    ]
)
"""State of every session: key of the episode, turns played, turns with the current persona, that
persona (-1: none yet), whether the session is over."""

N_EVENTS = codes.MOOD + 1
_USER_DRAW = 2**40
"""Number of the draw that picks an episode's user: beyond the draws of any turn."""


class NumpyVectorEnv(LaneVectorEnv):
    """Many sessions at once, simulated in NumPy.

    An observation (float32, shape (D,)) holds the columns that `own_columns` names, then
    `persona_*` (current persona, one-hot), `turns_with_persona` and `session_gone`.

    Args:
        num_envs, autoreset_mode, copy, max_episode_steps: as in `CarouselVectorEnv`.
        population: an instance of `population_type`, its JSON, or the name of a preset; by
            default the first preset of the type.
        render_mode: None; there are no pictures.

    Attributes:
        state: arrays over lanes that the next turn depends on, by name, shape (N,) or (N, ...);
            `begin` and `turn` change them in place.

    Raises:
        CarouselError: an argument is not allowed.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": [],
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    population_type: ClassVar[type[BasePopulation]]
    """Class of the population."""
    info_keys: ClassVar[Mapping[str, type]] = {}
    """Additional keys of info, with the NumPy type of each; `turn` returns their values."""

    def __init__(
        self,
        num_envs: int = 1,
        *,
        population: BasePopulation | Mapping[str, Any] | str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        copy: bool = True,
        max_episode_steps: int | None = None,
    ) -> None:
        if render_mode is not None:
            raise CarouselError(f"render_mode is {render_mode!r}; this environment has no pictures")
        kind = self.population_type
        given = next(iter(kind.presets())) if population is None else population
        self.population = kind.read(given)
        self._limits = own = checked_limits(self.own_columns(self.population))
        self.columns = NumpyColumns(len(own), self.population.n_actions)
        self.column_names = self.names_of_columns(self.population)
        low, high = np.zeros(self.columns.width), np.ones(self.columns.width)
        low[: len(own)], high[: len(own)] = np.array(list(own.values())).reshape(-1, 2).T
        high[self.columns.streak] = self.population.session_length
        super().__init__(
            Lanes(num_envs, autoreset_mode, None, copy, max_episode_steps),
            Played(
                spaces.Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32),
                n_actions=self.population.n_actions,
                n_users=self.population.n_users,
                session_length=self.population.session_length,
                state=STATE,
                kept=STATE.names or (),
            ),
        )
        self._mask[:] = 1
        self.state: dict[str, NDArray[Any]] = self.make_state(self.num_envs)

    # -- what a subclass provides -------------------------------------------------------------

    @classmethod
    @abstractmethod
    def own_columns(cls, population: Any) -> Mapping[str, tuple[float, float]]:
        """Names of the observation's own columns, in order, each with its smallest and largest
        value."""

    @abstractmethod
    def make_state(self, lanes: int) -> dict[str, NDArray[Any]]:
        """The arrays of `state`, by name."""

    @abstractmethod
    def begin(self, which: NDArray[np.bool_], users: NDArray[np.int64]) -> None:
        """Set the state of the marked lanes to that of a session before its first turn.

        Args:
            which: bool, shape (N,).
            users: row of the user table that each lane plays, shape (N,).
        """

    @abstractmethod
    def turn(
        self, turn: NumpyTurn
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_], Mapping[str, NDArray[Any]]]:
        """Play a turn in every lane, changing `state`.

        Returns:
            Reward, shape (N,); whether the user leaves, shape (N,); and the values of `info_keys`.
        """

    @abstractmethod
    def observe(self) -> NDArray[np.float32]:
        """The own columns after the turn, or before the first one, shape (N, C)."""

    # -- the rest -----------------------------------------------------------------------------

    @classmethod
    def names_of_columns(cls, population: Any) -> tuple[str, ...]:
        """Name of every column, in order, length D; for `ModelSpec.columns`."""
        personas = (f"persona_{name}" for name in population.actions)
        return (*cls.own_columns(population), *personas, "turns_with_persona", "session_gone")

    def _begin(self, which: NDArray[np.bool_], users: NDArray[np.int64]) -> None:
        lanes = self._lanes
        keys = rng.episode_keys(lanes["lane_key"], lanes["episode"])
        fresh: dict[str, Any] = {"key": keys, "turn": 0, "streak": 0, "persona": -1, "over": 0}
        for name, value in fresh.items():
            self._set_session(name, np.where(which, value, self._session(name)))
        drawn = rng.hash_uniforms(keys, _USER_DRAW) * self._n_users
        chosen = np.where(users < 0, drawn.astype(np.int64), users)
        lanes["user"] = np.where(which, chosen, lanes["user"])
        self.begin(which, lanes["user"].astype(np.int64))
        self._observe(which)

    def _observe(self, which: NDArray[np.bool_]) -> None:
        columns, persona = self.columns, self._session("persona")
        seen = np.zeros_like(self._obs)
        seen[:, : columns.n_own] = checked_columns(self.observe(), self._limits, which)
        seen[:, columns.persona] = np.arange(columns.n_actions) == persona[:, None]
        seen[:, columns.streak] = self._session("streak")
        seen[:, columns.streak + 1] = self._session("turn") / self.population.session_length
        self._obs[which] = seen[which]

    def _outputs(self) -> Outputs:
        n = self.num_envs
        return (
            np.empty(n),
            np.zeros((len(self.info_keys), n)),
            np.zeros((N_EVENTS, n), dtype=np.int8),
        )

    def _turn(self, actions: NDArray[np.int64], outputs: Outputs) -> int:
        astray = (actions < 0) | (actions >= self.columns.n_actions)
        if astray.any():
            return -1 - int(astray.argmax())
        plays, before = self._session("over") == 0, self._session("persona")
        swapped = plays & (before >= 0) & (before != actions)
        streak = np.where(before == actions, self._session("streak"), 0) + 1
        number = self._session("turn")
        asked = NumpyTurn(number, actions.copy(), swapped, streak, self._session("key"))
        reward, leaves, values = checked_turn(self.turn(asked), self.num_envs, self.info_keys)
        leaves = plays & leaves
        truncated = plays & ~leaves & (number + 1 >= self.population.session_length)
        ended = leaves | truncated
        self._write(outputs, reward * plays, values, plays)
        events = outputs[2]
        happened = {
            codes.TERMINATED: leaves,
            codes.TRUNCATED: truncated,
            codes.PLAYED: plays,
            codes.SWAPPED: swapped,
        }
        for row, marks in happened.items():
            events[row] = marks
        self._go_on(plays, {"turn": number + 1, "streak": streak, "persona": actions}, ended)
        return int(ended.sum())

    def _write(
        self,
        outputs: Outputs,
        reward: NDArray[np.float64],
        values: Mapping[str, NDArray[Any]],
        plays: NDArray[np.bool_],
    ) -> None:
        outputs[0][:], outputs[2][...] = reward, 0
        for i, name in enumerate(self.info_keys):
            outputs[1][i] = values[name] * plays

    def _go_on(
        self,
        plays: NDArray[np.bool_],
        session: Mapping[str, NDArray[np.int64]],
        ended: NDArray[np.bool_],
    ) -> None:
        """Advance sessions to their next turn or to their end, and begin the next ones."""
        for name, values in session.items():
            self._set_session(name, values)
        self._observe(plays)
        same_step = self._mode == codes.SAME_STEP
        self._set_session("over", ended & (not same_step))
        anew = ended if same_step else ~plays
        if anew.any():
            if same_step:
                self._final_obs[ended] = self._obs[ended]
            self._lanes["episode"][anew] += 1
            self._begin(anew, np.full(self.num_envs, -1, dtype=np.int64))

    def _info(
        self,
        detail: NDArray[Any],
        events: NDArray[np.int8],
        flags: NDArray[np.bool_],
        mask: NDArray[np.int8],
        user: NDArray[np.int32] | None,
        present: NDArray[np.bool_],
    ) -> Info:
        info: Info = {"swapped": flags[codes.SWAPPED], "refused": flags[codes.REFUSED]}
        for i, (name, kind) in enumerate(self.info_keys.items()):
            info[name] = detail[i].astype(kind)
        info |= {"action_mask": mask, "user": user}
        return info | {f"_{name}": present for name in info}

    def _derive(self, info: Info) -> None:
        # `info_keys` are copies of another type, which a step in place has to refresh
        if self._own is not None:
            detail = self._own[0][1]
            for i, (name, kind) in enumerate(self.info_keys.items()):
                info[name] = detail[i].astype(kind)

    def _lane_arrays(self) -> dict[str, NDArray[Any]]:
        return {**super()._lane_arrays(), **self.state}

    def _available(self, observation: NDArray[np.float32]) -> NDArray[np.int8]:
        return np.ones((len(observation), self.columns.n_actions), dtype=np.int8)

    def hidden(self) -> dict[str, NDArray[Any]]:
        """The state before the next turn, and `user` (int32, (N,)) (copies).

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
        """
        self._refuse_if_not_started("hidden")
        state = {name: array.copy() for name, array in self.state.items()}
        return {**state, "user": self._lanes["user"].copy()}
