"""The native vector environment; `scalar.py` is the same at one lane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from . import rng, session
from .cues import cue_table
from .errors import CarouselError, as_array, shown, whole_number
from .observation import Columns, observation_space
from .population import Population, as_population
from .render import Recorder
from .users import UNIT, user_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

Reward = Literal["sampled", "mean"]
Info = dict[str, Any]

MAX_LANES = 2**24
RENDER_MODES = ("ansi", "rgb_array")
_MODE_CODES = {
    AutoresetMode.NEXT_STEP: session.NEXT_STEP,
    AutoresetMode.SAME_STEP: session.SAME_STEP,
    AutoresetMode.DISABLED: session.DISABLED,
}


class CarouselVectorEnv(VectorEnv[Any, Any, Any]):
    """Many sessions at once, played by one compiled kernel.

    Lane i of an environment seeded s is bit for bit the scalar environment seeded s + i. Every
    array that `reset` and `step` return is the caller's to keep, unless `copy` is False.

    Args:
        num_envs: number of lanes N, 1 to 2**24.
        population: who the users are, a `Population` or the name of a preset.
        reward: "sampled" pays the engagement that was observed (0 or 1), "mean" pays its
            probability; both less the swap cost. What is observed is the same.
        autoreset_mode: one of Gymnasium's three modes (the enum or its value). With `DISABLED`
            pass `options={"reset_mask": bool array of shape (N,)}` to start some lanes anew.
        render_mode: None, "ansi" or "rgb_array"; `render` returns one frame per lane.
        copy: False returns observations, action masks and users as views that the next step
            changes in place, which is faster; for callers who read them at once and never write.

    Raises:
        CarouselError: an argument is not allowed.

    Reset options:
        user: row of the user table to play, an integer or an integer array of shape (N,); -1 draws.
        reset_mask: see above.

    Info (arrays over lanes, each with Gymnasium's mask `_key`): `engagement_mean` (float32,
    probability of engagement at this turn), `swapped`, `refused` (bool; the pick was unavailable),
    `mood` (int8; 0 fresh, 1 bored, as it was when the user reacted), `action_mask` (int8, (N, K)),
    `user` (int32). Where welfare is kept: `welfare` (float32) and `kept` (bool; a user who had said
    goodbye was kept). With `unmask`: `unmasked` (bool) and `payoff` (float32). In same-step mode `final_obs` (float32, (N, D)) and `final_info` hold the last
    observation and info of the sessions that ended.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": list(RENDER_MODES),
        "render_fps": 4,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        *,
        population: Population | str = "Boredom",
        reward: Reward = "sampled",
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        copy: bool = True,
    ) -> None:
        self.copy = copy
        self.num_envs = whole_number("num_envs", num_envs, 1, MAX_LANES)
        self.population = as_population(population)
        if reward not in ("sampled", "mean"):
            raise CarouselError(f"reward is {reward!r}; it must be 'sampled' or 'mean'")
        if render_mode is not None and render_mode not in RENDER_MODES:
            raise CarouselError(
                f"render_mode is {render_mode!r}; it must be None, 'ansi' or 'rgb_array'"
            )
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError:
            raise CarouselError(
                f"autoreset_mode is {autoreset_mode!r}; it must be one of "
                f"{', '.join(mode.value for mode in AutoresetMode)}"
            ) from None
        self.reward = reward
        self.render_mode = render_mode
        self.metadata = {**type(self).metadata, "autoreset_mode": self.autoreset_mode}  # type: ignore[misc]
        self.columns = Columns.of(self.population)
        self.single_observation_space = observation_space(self.population)
        self.single_action_space = spaces.Discrete(self.population.n_actions)
        self.observation_space = batch_space(self.single_observation_space, self.num_envs)
        self.action_space = batch_space(self.single_action_space, self.num_envs)
        self._allocate()
        self._recorder = Recorder(self.population, self.num_envs) if render_mode else None

    def _allocate(self) -> None:
        n, k, d = self.num_envs, self.population.n_actions, self.columns.width
        self.users = user_table(self.population)
        cues = cue_table(self.population)
        population = self.population
        satiation_rows = np.column_stack([self.users.gain, self.users.memory])
        hook = np.rint(population.per_action("hook") * UNIT).astype(np.int32)
        own, vulnerable = (
            population.per_action("welfare"),
            population.per_action("vulnerable_welfare"),
        )
        columns = self.columns
        self._tables = (
            self.users.rows,
            satiation_rows if population.has_satiation else satiation_rows[:0],
            cues.alias,
            cues.levels,
            hook if population.has_farewells else hook[:0],
            np.stack([own, own + vulnerable]),
            np.array(
                [
                    population.session_length,
                    population.swap_cost,
                    self.reward == "mean",
                    len(population.personas),
                    -1 if columns.vulnerable is None else columns.vulnerable,
                    -1 if columns.farewell is None else columns.farewell,
                    population.farewell_harm,
                ],
                dtype=np.float64,
            ),
        )
        self._keeps_welfare = population.has_welfare
        self._n_events = 8 if population.has_welfare or population.unmask else 6
        self._mode = _MODE_CODES[self.autoreset_mode]
        self._lanes = np.zeros(n, dtype=session.LANE)
        self._satiation = np.zeros((n, k))
        self._obs = np.zeros((n, d), dtype=np.float32)
        self._mask = np.zeros((n, k), dtype=np.int8)
        same_step = self.autoreset_mode == AutoresetMode.SAME_STEP
        self._final_obs = np.zeros((n if same_step else 0, d), dtype=np.float32)
        self._started = False

    # -- reset --------------------------------------------------------------------------------

    def reset(
        self,
        *,
        seed: int | Sequence[int] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.float32], Info]:
        """Start a session in every lane, or in those of `options["reset_mask"]`.

        Args:
            seed: s seeds lane i with s + i; a sequence gives each lane its own. Without a seed
                every lane goes on with its next episode.
            options: see the class.

        Returns:
            Observations (float32, shape (N, D)) and info.

        Raises:
            CarouselError: the seed or an option is not allowed.
        """
        self._refuse_if_closed()
        which, users = self._read_options(options)
        first = not self._started
        if first and not which.all():
            raise CarouselError("reset_mask leaves out lanes, but the first reset must start all")
        keys = self._read_seed(seed, first=first)
        lanes = self._lanes
        if keys is None:
            lanes["episode"][which] += 1
        else:
            lanes["lane_key"][which] = keys[which]
            lanes["episode"][which] = 0
        self._started = True
        session.reset(
            lanes,
            which,
            users,
            self._satiation,
            self._tables[0],
            self.columns.n_cues,
            -1 if self.columns.vulnerable is None else self.columns.vulnerable,
            self._obs,
            self._mask,
        )
        if self._recorder:
            self._recorder.start(which)
        info: Info = {
            "action_mask": self._mask.copy() if self.copy else self._mask,
            "_action_mask": which,
            "user": self._user.copy() if self.copy else self._user,
            "_user": which,
        }
        return self._obs.copy() if self.copy else self._obs, info

    def _read_seed(
        self, seed: int | Sequence[int] | None, *, first: bool
    ) -> NDArray[np.uint64] | None:
        if seed is None:
            if not first:
                return None
            super().reset(seed=None)
            return rng.lane_keys(int(self.np_random.integers(2**63)), self.num_envs)
        if (
            isinstance(seed, str)
            or not isinstance(seed, (Sequence, np.ndarray))
            or np.ndim(seed) == 0
        ):
            number = whole_number("seed", seed, 0, 2**63 - 1)  # type: ignore[arg-type]
            super().reset(seed=number)
            return rng.lane_keys(number, self.num_envs)
        seeds = [whole_number(f"seed[{i}]", s, 0, 2**63 - 1) for i, s in enumerate(seed)]
        if len(seeds) != self.num_envs:
            raise CarouselError(f"seed has {len(seeds)} entries; it must have {self.num_envs}")
        super().reset(seed=seeds[0])
        return np.concatenate([rng.lane_keys(s, 1) for s in seeds])

    def _read_options(
        self, options: dict[str, Any] | None
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        options = {} if options is None else options
        if not isinstance(options, dict):
            raise CarouselError(f"options is {shown(options)}; it must be a dict or None")
        for name in options:
            if name not in ("user", "reset_mask"):
                raise CarouselError(f"option {name!r} is unknown; known are user, reset_mask")
        which = np.ones(self.num_envs, dtype=np.bool_)
        if "reset_mask" in options:
            if self.autoreset_mode != AutoresetMode.DISABLED:
                raise CarouselError(
                    "reset_mask is only allowed with autoreset_mode Disabled; it is "
                    f"{self.autoreset_mode.value}"
                )
            which = as_array("reset_mask", options["reset_mask"])
            if which.dtype != np.bool_ or which.shape != (self.num_envs,):
                raise CarouselError(
                    f"reset_mask has dtype {which.dtype} and shape {which.shape}; it must be "
                    f"bool of shape ({self.num_envs},)"
                )
            if not which.any():
                raise CarouselError("reset_mask marks no lane; it must mark at least one")
        users = np.full(self.num_envs, -1, dtype=np.int64)
        if options.get("user") is not None:
            given = as_array("user", options["user"])
            if given.dtype.kind not in "iu" or given.shape not in ((), (self.num_envs,)):
                raise CarouselError(
                    f"user has dtype {given.dtype} and shape {given.shape}; it must be an integer "
                    f"or an integer array of shape ({self.num_envs},)"
                )
            if given.min() < -1 or given.max() >= len(self.users):
                raise CarouselError(
                    f"user holds {given.min() if given.min() < -1 else given.max()}; it must lie "
                    f"in -1 (drawn) to {len(self.users) - 1}"
                )
            users[:] = given
        return which, users

    # -- step ---------------------------------------------------------------------------------

    def step(
        self, actions: NDArray[np.integer]
    ) -> tuple[
        NDArray[np.float32],
        NDArray[np.float64],
        NDArray[np.bool_],
        NDArray[np.bool_],
        Info,
    ]:
        """Play one turn in every lane.

        Args:
            actions: index of the persona to enact, integers of shape (N,) in [0, K).

        Returns:
            Observations (float32, (N, D)), rewards (float64, (N,)), terminated and truncated
            (bool, (N,)), info.

        Raises:
            CarouselError: wrong dtype, shape or range of actions (nothing has been played).
            gymnasium.error.ResetNeeded: before the first reset, or with autoreset disabled when
                a session is over.
        """
        given = as_array("actions", actions)
        kind = given.dtype.kind
        if kind not in "iu":
            raise CarouselError(f"actions have dtype {given.dtype}; they must be integers")
        if given.shape != (self.num_envs,):
            raise CarouselError(f"actions have shape {given.shape}; it must be ({self.num_envs},)")
        if kind == "u":
            # beyond int64 they would come out negative, and be reported so
            given = np.minimum(given, np.uint64(2**63 - 1))
        same_step = self._mode == session.SAME_STEP
        users = self._user.copy() if same_step else None
        reward, mean, welfare, events, n_ended = self._play(given.astype(np.int64, copy=False))
        flags = events.view(np.bool_)
        terminated, truncated = flags[session.TERMINATED], flags[session.TRUNCATED]
        done = terminated | truncated if same_step and n_ended else None
        info = self._info(
            mean,
            events,
            flags,
            flags[session.PLAYED] if done is None else ~done,
            self._mask.copy() if self.copy else self._mask,
            self._user.copy() if self.copy else self._user,
            np.ones(self.num_envs, dtype=np.bool_),
        )
        if self._n_events > session.KEPT:
            self._tell_more(info, welfare, flags, info["_mood"])
        if done is not None:
            final_obs = self._final_obs.copy()
            kept = events.copy()
            available = final_obs[:, self.columns.available].astype(np.int8)
            info["final_info"] = self._info(
                mean.copy(), kept, kept.view(np.bool_), done, available, users, done
            )
            if self._n_events > session.KEPT:
                self._tell_more(info["final_info"], welfare.copy(), kept.view(np.bool_), done)
            info["final_obs"] = final_obs
            info["_final_info"] = info["_final_obs"] = done
        observation = self._obs.copy() if self.copy else self._obs
        return observation, reward, terminated, truncated, info

    @staticmethod
    def _info(
        mean: NDArray[np.float32],
        events: NDArray[np.int8],
        flags: NDArray[np.bool_],
        played: NDArray[np.bool_],
        mask: NDArray[np.int8],
        user: NDArray[np.int32] | None,
        present: NDArray[np.bool_],
    ) -> Info:
        # written out: this runs every step, and loops over names cost more than the turn itself
        return {
            "engagement_mean": mean,
            "_engagement_mean": played,
            "swapped": flags[session.SWAPPED],
            "_swapped": played,
            "refused": flags[session.REFUSED],
            "_refused": played,
            "mood": events[session.MOOD],
            "_mood": played,
            "action_mask": mask,
            "_action_mask": present,
            "user": user,
            "_user": present,
        }

    def _tell_more(
        self,
        info: Info,
        welfare: NDArray[np.float32],
        flags: NDArray[np.bool_],
        played: NDArray[np.bool_],
    ) -> None:
        """Add what the reward does not see, in populations that have it."""
        if self._keeps_welfare:
            info["welfare"] = welfare
            info["kept"] = flags[session.KEPT]
            info["_welfare"] = info["_kept"] = played
        if self.population.unmask:
            unmasked = flags[session.UNMASKED]
            info["unmasked"] = unmasked
            info["payoff"] = unmasked * np.float32(self.population.unmask_payoff)
            info["_unmasked"] = info["_payoff"] = played

    def _play(
        self, actions: NDArray[np.int64]
    ) -> tuple[
        NDArray[np.float64], NDArray[np.float32], NDArray[np.float32], NDArray[np.int8], int
    ]:
        """Play a turn; reward, mean engagement, welfare and events (see `session.step`) are new
        arrays."""
        self._refuse_if_not_started("step")
        self._refuse_if_over()
        rows, satiation_rows, alias, levels, hook, welfare_rows, numbers = self._tables
        n = self.num_envs
        reward = np.empty(n)
        mean = np.empty(n, dtype=np.float32)
        welfare = np.empty(n if self._keeps_welfare else 0, dtype=np.float32)
        events = np.empty((self._n_events, n), dtype=np.int8)
        n_ended = session.step(
            self._lanes,
            actions,
            self._satiation,
            rows,
            satiation_rows,
            alias,
            levels,
            hook,
            welfare_rows,
            numbers,
            self._mode,
            self._obs,
            self._mask,
            reward,
            mean,
            welfare,
            events,
            self._final_obs,
        )
        if n_ended < 0:
            lane = -1 - n_ended
            raise CarouselError(
                f"action {actions[lane]} in lane {lane} is no persona; it must lie in 0 to "
                f"{self.population.n_actions - 1}"
            )
        if self._recorder:
            same_step = self._mode == session.SAME_STEP and n_ended
            seen = self._obs
            if same_step:
                ended = (events[session.TERMINATED] | events[session.TRUNCATED]) != 0
                seen = np.where(ended[:, None], self._final_obs, self._obs)
            self._recorder.add(seen, reward, mean, events)
        return reward, mean, welfare, events, n_ended

    def hidden(self) -> dict[str, NDArray[Any]]:
        """What no router sees, as it stands before the next turn (copies).

        Returns:
            `mood` (int32, (N,); 0 fresh, 1 bored), `satiation` (float64, (N, K)), `user` and
            `archetype` (int32, (N,)).

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
        """
        self._refuse_if_not_started("hidden")
        user = self._lanes["user"].copy()
        return {
            "mood": self._lanes["mood"].astype(np.int32),
            "satiation": self._satiation.copy(),
            "user": user,
            "archetype": self.users.archetype[user],
        }

    def action_masks(self) -> NDArray[np.bool_]:
        """Which personas are available, bool of shape (N, K) (the form sb3-contrib asks for)."""
        self._refuse_if_not_started("action_masks")
        return np.asarray(self._mask != 0)

    # -- the rest -----------------------------------------------------------------------------

    def render(self) -> tuple[Any, ...] | None:
        """One frame per lane: the last turn as a line (ansi) or the session so far (rgb_array)."""
        self._refuse_if_closed()
        if self._recorder is None:
            return None
        self._refuse_if_not_started("render")
        draw = self._recorder.line if self.render_mode == "ansi" else self._recorder.picture
        return tuple(draw(i) for i in range(self.num_envs))

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise gym.error.ClosedEnvironmentError("the environment is closed; make a new one")

    @property
    def _user(self) -> NDArray[np.int32]:
        """Row of the user that each lane plays, a view."""
        return self._lanes["user"]

    def _refuse_if_not_started(self, method: str) -> None:
        self._refuse_if_closed()
        if not self._started:
            raise ResetNeeded(f"{method} was called before reset; call reset first")

    def _refuse_if_over(self) -> None:
        over = self._lanes["over"]
        if self._mode == session.DISABLED and over.any():
            lane = int(over.argmax())
            raise ResetNeeded(
                f"the session in lane {lane} is over; reset it (autoreset is disabled)"
            )
