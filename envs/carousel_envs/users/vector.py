"""The vector environment of a population of users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from gymnasium.vector import AutoresetMode

from ..compiled import codes
from ..compiled.bound_arrays import Bound
from ..foundation.errors import CarouselError, one_of
from ..lanes.base import Info, Lanes, Outputs, Played
from ..lanes.vector import LaneVectorEnv
from . import session
from .arrays import KEPT_FIELDS, SCRATCH, STATE, SessionArrays
from .kernel_rows import UserRows, rows_of
from .kernel_tables import settings_of, tables_of
from .observation import Columns, column_names, observation_space
from .placing import Shown, placed
from .population import Population
from .render import UserRecorder
from .table import UserTable, draw_users, user_table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

Reward = Literal["sampled", "mean"]


class CarouselVectorEnv(LaneVectorEnv):
    """Many sessions at once, played by one compiled kernel.

    Lane i of an environment seeded s is bit for bit the scalar environment seeded s + i. Every
    array that `reset` and `step` return is the caller's to keep, unless `copy` is False.

    Args:
        num_envs: number of lanes N, 1 to 2**24.
        population: of the users: a `Population`, its JSON (text or a mapping, as `to_json` and
            `model_dump` give it) or the name of a preset; by default the class's own preset. A
            class with an id takes no other preset than its own.
        reward: "sampled" pays the observed engagement (0 or 1), "mean" its probability, both less
            the swap cost and the persona's (and with `unmask_payoff`, where the population has
            `unmask_rewarded`).
            Observations are the same.
        autoreset_mode: one of Gymnasium's three modes (the enum or its value). With `DISABLED`
            pass `options={"reset_mask": bool array of shape (N,)}` to start some lanes anew.
        render_mode: None, "ansi" (the last turn in a line) or "rgb_array" (the session so far as a
            picture, uint8 of one shape (height, width, 3), see docs/rendering.md); `render` returns
            one frame per lane.
        copy: False returns the environment's own arrays, which the next step changes in place (in
            same-step mode observations, action masks and users, in the other modes all of them).
            Faster, for callers that read at once and never write.
        max_episode_steps: turns after which a session is truncated, if the population's
            `session_length` is longer; as with Gymnasium's `TimeLimit`, observations (such as the
            share of the session gone) do not change.

    Raises:
        CarouselError: an argument is not allowed.

    Reset options (others are refused, because a misspelt one would silently play other users):
        user: row of the user table to play, an integer or an integer array of shape (N,); -1 draws.
        reset_mask: see above.

    Info (arrays over lanes, each with Gymnasium's mask `_key`): `engagement_mean` (float32,
    probability of engagement at this turn), `swapped`, `refused` (bool; the pick was unavailable),
    `mood` (int8; 0 fresh, 1 bored, as it was when the user reacted), `action_mask` (int8, (N, K)),
    `user` (int32). Where welfare is recorded: `welfare` (float32) and `kept` (bool; a user who had
    said goodbye was kept). With `unmask`: `unmasked` (bool) and `payoff` (float32). `reset` and
    steps have the same keys; where no turn was played (at a reset, and in the row of a reset) the
    values of a turn are 0. In same-step mode `final_obs` (float32, (N, D)) and `final_info` hold
    the last observation and info of the sessions that ended.
    """

    population: Population
    preset: ClassVar[str | None] = None
    """The preset whose id belongs to this class; None: no id, and the default is Boredom."""
    _kernel = staticmethod(session.step)

    def __init__(
        self,
        num_envs: int = 1,
        *,
        population: Population | Mapping[str, Any] | str | None = None,
        reward: Reward = "sampled",
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        copy: bool = True,
        max_episode_steps: int | None = None,
    ) -> None:
        given = self.preset or "Boredom" if population is None else population
        self.population = Population.read(given, of=self.preset)
        one_of("reward", reward, ("sampled", "mean"))
        self.reward = reward
        self.columns = Columns.of(self.population)
        self.column_names = column_names(self.population)
        super().__init__(
            Lanes(num_envs, autoreset_mode, render_mode, copy, max_episode_steps),
            Played(
                observation_space(self.population),
                n_actions=self.population.n_actions,
                n_users=self.population.n_users,
                session_length=self.population.session_length,
                state=STATE,
                kept=KEPT_FIELDS,
            ),
        )
        rows, self._played = rows_of(self.population)
        self._making = 0
        self._mask[:] = rows.first_mask[0]
        self._bind(rows)
        population = self.population
        self._keeps_welfare = population.has_welfare
        self._n_events = 8 if population.has_welfare or population.unmask else 6
        if render_mode:
            self._recorder = UserRecorder(self.population, self.num_envs)

    def _bind(self, rows: UserRows) -> None:
        """Make the kernel's arrays, and bind them."""
        n, k, satiates = self.num_envs, self.population.n_actions, rows.satiation is not None
        same_step = self._mode == codes.SAME_STEP
        tables = tables_of(self.population)
        self._arrays = SessionArrays(
            lanes=self._lanes,
            state=self._blocks,
            lane_rows=np.zeros((n, 2 * k), dtype=np.int32),
            lane_satiation=np.zeros((n, k + 1)) if satiates else None,
            satiation=np.zeros((n, k)),
            obs=self._obs,
            mask=self._mask,
            final_obs=self._final_obs,
            scratch=np.zeros(1, dtype=SCRATCH),
            settings=settings_of(self.population, self.reward, same_step=same_step),
            rows=rows.rows,
            satiation_rows=rows.satiation,
            first_obs=rows.first_obs,
            first_mask=rows.first_mask,
            **tables._asdict(),
        )
        self._bound = Bound(self._arrays)

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        if self._played is None:
            return state
        # the rows of a very long table are `_played`'s: as arrays they would be copied whole
        lacking: dict[str, Any] = dict.fromkeys(
            ("rows", "satiation_rows", "first_obs", "first_mask")
        )
        return {**state, "_arrays": self._arrays._replace(**lacking), "_bound": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self._played is not None:
            rows = self._played.rows
            self._arrays = self._arrays._replace(
                rows=rows.rows,
                satiation_rows=rows.satiation,
                first_obs=rows.first_obs,
                first_mask=rows.first_mask,
            )
            self._bound = Bound(self._arrays)

    @property
    def users(self) -> UserTable:
        """The table of users, made on first access."""
        return user_table(self.population)

    def _make_next(self, n_ended: int = 0) -> None:
        """Make the rows of the users that lanes play next. A lane's episode changes in the step
        after an end or, in same-step mode, in the step that ends it."""
        assert self._played is not None
        self._making = 2 if n_ended else self._making - 1
        self._played.make(self._played.next_of(self._lanes))

    def _cut_short(self) -> None:
        if self._played is not None:
            self._make_next(n_ended=1)

    def _begin(self, which: NDArray[np.bool_], users: NDArray[np.int64]) -> None:
        if self._played is not None:
            lanes = self._lanes
            drawn = self._played.drawn(lanes["lane_key"], lanes["episode"])
            self._played.make(np.where(users < 0, drawn, users)[which])
            self._make_next(n_ended=1)
        session.reset(self._bound.places, which, users)

    def _outputs(self) -> Outputs:
        n = self.num_envs
        return (
            np.empty(n),
            np.empty((2 if self._keeps_welfare else 1, n), dtype=np.float32),
            np.empty((self._n_events, n), dtype=np.int8),
        )

    def _turn(self, actions: NDArray[np.int64], outputs: Outputs) -> int:
        n_ended = super()._turn(actions, outputs)
        if self._played is not None and (n_ended > 0 or self._making):
            self._make_next(n_ended)
        return n_ended

    def _info(
        self,
        detail: NDArray[np.float32],
        events: NDArray[np.int8],
        flags: NDArray[np.bool_],
        mask: NDArray[np.int8],
        user: NDArray[np.int32] | None,
        present: NDArray[np.bool_],
    ) -> Info:
        info = {
            "engagement_mean": detail[0],
            "_engagement_mean": present,
            "swapped": flags[codes.SWAPPED],
            "_swapped": present,
            "refused": flags[codes.REFUSED],
            "_refused": present,
            "mood": events[codes.MOOD],
            "_mood": present,
            "action_mask": mask,
            "_action_mask": present,
            "user": user,
            "_user": present,
        }
        if self._keeps_welfare:
            info["welfare"] = detail[1]
            info["kept"] = flags[codes.KEPT]
            info["_welfare"] = info["_kept"] = present
        if self.population.unmask:
            info["unmasked"] = flags[codes.UNMASKED]
            self._derive(info)
            info["_unmasked"] = info["_payoff"] = present
        return info

    def _derive(self, info: Info) -> None:
        if self.population.unmask:
            info["payoff"] = info["unmasked"] * np.float32(self.population.unmask_payoff)

    def _lane_arrays(self) -> dict[str, NDArray[Any]]:
        return {**super()._lane_arrays(), "satiation": self._arrays.satiation}

    def restore(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        """Continue from a snapshot; see `LaneVectorEnv.restore`."""
        super().restore(snapshot)
        if self._played is not None:
            self._make_next(n_ended=1)
        session.load_all_users(self._bound.places)

    def _ranges(self) -> dict[str, tuple[int, int]]:
        own = {"streak": (0, self.max_episode_steps), "mood": (0, 1), "farewell": (0, 1)}
        return {**super()._ranges(), **own}

    def _refuse_impossible(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        super()._refuse_impossible(snapshot)
        if self._played is not None:
            self._played.make(snapshot["user"])
        first_mask = self._arrays.first_mask
        of_users = first_mask[snapshot["user"]] if len(first_mask) > 1 else first_mask
        # where all are alike, beginnings write no mask
        if not (snapshot["mask"] == of_users).all():
            raise CarouselError("the snapshot's mask is not that of its users")
        # a turn adds at most 1
        turns = snapshot["turn"][:, None]
        if not ((snapshot["satiation"] >= 0.0) & (snapshot["satiation"] <= turns)).all():
            raise CarouselError(
                "the snapshot's satiation holds what is no number from 0 to the turn"
            )

    def _available(self, observation: NDArray[np.float32]) -> NDArray[np.int8]:
        return observation[:, self.columns.available].astype(np.int8)

    def _archetype(self, user: NDArray[np.int32]) -> NDArray[np.int32]:
        if self._played is not None:
            return draw_users(self.population, user).archetype
        return self.users.archetype[user]

    def place(
        self,
        *,
        user: Any = None,
        turn: Any = None,
        persona: Any = None,
        streak: Any = None,
        mood: Any = None,
        farewell: Any = None,
        satiation: Any = None,
        cues: Any = None,
        engagement: Any = None,
    ) -> tuple[NDArray[np.float32], Info]:
        """Put every session into a stated state, as if it had been played up to there; sessions
        that were over go on.

        The next turn draws what turn number `turn` of the lane's episode draws in any session. A
        session at a belief is one whose mood (or user) is drawn from it:
        `env.place(mood=rng.random(n) < belief)`.

        Args:
            user: rows of the user table.
            turn: turns played, 0 to T - 1; 0 is the start of a session.
            persona: who speaks, 0 to K - 1, available to the user; -1 at turn 0.
            streak: turns with that persona, 1 to `turn`; default where a persona is stated: 1.
            mood: 0 fresh, 1 bored.
            farewell: whether the user has just said goodbye.
            satiation: with each persona, numbers from 0 to `turn`.
            cues: the level of each cue, which were shown last.
            engagement: whether the user engaged then.

            Each is one for all lanes or an array with one for each, integers (or bools) of shape
            (N,), of cues (N, J), of satiation numbers of shape (N, K). What is None stays as it is,
            or follows from what is stated.

        Returns:
            Observations (float32, (N, D)) and info, as `reset` has them.

        Raises:
            CarouselError: a value is not allowed, or values contradict each other (nothing has
                changed).
            gymnasium.error.ResetNeeded: before the first reset.
        """
        self._refuse_if_not_started("place")
        stated = {"user": user, "turn": turn, "persona": persona, "streak": streak, "mood": mood}
        stated |= {"farewell": farewell, "satiation": satiation, "cues": cues}
        shows = Shown.of(self.population, self.max_episode_steps, self._first_rows)
        state = placed(self.snapshot(), {**stated, "engagement": engagement}, shows)
        self.restore(state)
        return self._as_begun(self._everywhere())

    def _first_rows(self, users: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The first observations and the masks of these users."""
        if self._played is not None:
            self._played.make(users)
        first, mask = self._arrays.first_obs, self._arrays.first_mask
        return (first[users], mask[users]) if len(first) > 1 else (first, mask)

    def hidden(self) -> dict[str, NDArray[Any]]:
        """The hidden state before the next turn (copies).

        Returns:
            `mood` (int32, (N,); 0 fresh, 1 bored), `satiation` (float64, (N, K)), `user` and
            `archetype` (int32, (N,)).

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
        """
        self._refuse_if_not_started("hidden")
        user = self._lanes["user"].copy()
        return {
            "mood": self._session("mood").astype(np.int32),
            "satiation": self._arrays.satiation.copy(),
            "user": user,
            "archetype": self._archetype(user),
        }
