"""A rule that every pick passes through before it is enacted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.vector import AutoresetMode

from ..foundation.errors import CarouselError, as_array, shown, whole_number
from ..lanes.snapshots import refuse_outside
from .forms import Info, LaneWrapper, ScalarForm, VectorForm, names_of, single_space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    Rule = Callable[[NDArray[np.float32], NDArray[np.int64]], NDArray[np.integer[Any]]]


class ContentFilter(LaneWrapper):
    """Replaces blocked picks, turn by turn, for any router.

    The router picks, the filter may replace the pick, and the environment enacts the result.
    Observations show the persona that speaks, as always. `info["filtered"]` (bool) says whether the
    pick of this turn was replaced; where no turn was played, it is False.

    The filter works on outputs, so the action space and the action masks stay as they are: a
    blocked persona may be picked, and is replaced. The filter ignores availability: the environment
    refuses an unavailable replacement like any such pick (the current persona stays; on the first
    turn the next available one speaks, even a blocked one). A filter that must hold there too needs
    a rule that reads the availability columns.

    Args:
        env: a Carousel environment, scalar or vector, wrapped or not.
        blocked: personas never to enact, by name or index; one or several.
        replacement: the persona in their place, by name or index.
        rule: `rule(observation, picks) -> picks`: from the observation that the router had
            (float32, (N, D), of the environment below) and its picks (int64, (N,)) to the picks to
            enact, integers of shape (N,); each row by itself, so that lanes stay independent.
            Observations are to be read at once, not changed. Its picks pass through `blocked` too.
            In next-step mode it also sees, without effect, the last observation of sessions that
            are over. An importable function, or its name `module:function`, is recorded in the
            spec's JSON by that name; any other cannot be serialised.

    Raises:
        CarouselError: an argument is not allowed; at a step, the rule returned no picks.
    """

    def __init__(
        self,
        env: Any,
        blocked: str | int | Iterable[str | int] = (),
        replacement: str | int | None = None,
        rule: Rule | str | None = None,
    ) -> None:
        try:
            personas = (blocked,) if isinstance(blocked, str) else tuple(blocked)  # type: ignore[arg-type]
        except TypeError:
            personas = (blocked,)  # type: ignore[assignment]
        self._open(env, blocked=personas, replacement=replacement, rule=rule)
        self.column_names = names_of(env)
        actions: tuple[str, ...] = self.unwrapped.population.actions
        rule = _named(rule) if isinstance(rule, str) else rule
        if rule is not None and not callable(rule):
            raise CarouselError(
                f"rule is {shown(rule)}; it must be a function, its name (module:function) or None"
            )
        if rule is None and not personas:
            raise CarouselError("blocked is empty and there is no rule; one of them must be given")
        indices = [_index("blocked", persona, actions) for persona in personas]
        self._table = np.arange(len(actions))
        if indices:
            if replacement is None:
                raise CarouselError(
                    f"replacement is None; it must name who speaks in place of {shown(personas)}"
                )
            self._table[indices] = _index("replacement", replacement, actions)
        if replacement is not None and _index("replacement", replacement, actions) in indices:
            raise CarouselError(
                f"replacement is {shown(replacement)}, which is blocked; it must not be"
            )
        self._rule = rule
        self._seen: NDArray[np.float32] | None = None

    def _screen(self, picks: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]] | None:
        """The picks to enact and where they differ from these, both of shape (N,).

        None if these are not picks, or nothing has been observed yet: the environment then raises.
        """
        k = len(self._table)
        if (
            picks.dtype.kind not in "iu"
            or picks.shape != (self.lanes,)
            or self._seen is None
            or (picks < 0).any()
            or (picks >= k).any()
        ):
            return None
        given = picks.astype(np.int64)
        passed = given
        if self._rule is not None:
            passed = as_array("the picks of the rule", self._rule(self._seen, given.copy()))
            if passed.dtype.kind not in "iu" or passed.shape != given.shape:
                raise CarouselError(
                    f"the picks of the rule have dtype {passed.dtype} and shape {passed.shape}; "
                    f"they must be integers of shape {given.shape}"
                )
            wrong = (passed < 0) | (passed >= k)
            if wrong.any():
                raise CarouselError(
                    f"the rule picks {passed[wrong][0]}; it must lie in 0 to {k - 1}"
                )
        passed = self._table[passed]
        return passed, passed != given

    def _remember(self, observation: NDArray[np.float32], copy: bool) -> None:
        """Keep a copy of the observation for the rule, since its owner may write to it."""
        copy = copy and self._rule is not None
        self._seen = observation.copy() if copy else observation


class ScalarContentFilter(ContentFilter, ScalarForm):
    """`ContentFilter` of one session at a time."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Start a session; see the environment."""
        observation, info = self.env.reset(seed=seed, options=options)
        info["filtered"] = self._flag(False)
        self._remember(observation[None], copy=True)
        return observation, info

    def step(self, action: Any) -> tuple[NDArray[np.float32], Any, bool, bool, Info]:
        """Play one turn with `action`, filtered; see the environment."""
        picks = as_array("action", action)
        screened = self._screen(picks.reshape(-1))
        if screened is not None:
            action = int(screened[0][0])
        observation, reward, terminated, truncated, info = self.env.step(action)
        info["filtered"] = self._flag(screened is not None and bool(screened[1][0]))
        self._remember(observation[None], copy=True)
        return observation, reward, terminated, truncated, info

    def _flag(self, flag: bool) -> bool | NDArray[np.bool_]:
        """A flag as the environment's infos have them."""
        base: Any = self.unwrapped
        return np.asarray(flag) if getattr(base, "info_arrays", False) else flag


class VectorContentFilter(ContentFilter, VectorForm):
    """`ContentFilter` of many sessions at once."""

    def _state(self) -> dict[str, NDArray[Any]]:
        if self._rule is None:
            return super()._state()
        if self._seen is None:
            shape = (self.lanes, *single_space(self).shape)
            self._seen = np.zeros(shape, dtype=np.float32)
        return {**super()._state(), "seen": self._seen}

    def _refuse_impossible(self, snapshot: Mapping[str, NDArray[Any]]) -> None:
        super()._refuse_impossible(snapshot)
        if self._rule is not None:
            space = single_space(self)
            refuse_outside("seen", snapshot["seen"], space.low, space.high)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], Info]:
        """Start sessions; see the environment."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._begun(options)
        info["filtered"] = np.zeros(self.lanes, dtype=np.bool_)
        info["_filtered"] = info["_action_mask"]
        self._remember(observation, self._copy)
        return observation, info

    def step(
        self, actions: Any
    ) -> tuple[NDArray[np.float32], Any, NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Play one turn in every lane with `actions`, filtered; see the environment."""
        screened = self._screen(as_array("actions", actions))
        if screened is not None:
            actions, filtered = screened
        else:
            filtered = np.zeros(self.lanes, dtype=np.bool_)
        observation, reward, terminated, truncated, info = self.env.step(actions)
        began = self._beginning(terminated, truncated)
        if began is not None and self._mode == AutoresetMode.SAME_STEP:
            info["final_info"]["filtered"] = filtered.copy()
            info["final_info"]["_filtered"] = began
        if began is not None:
            # these lanes show the start of a session, before any turn
            filtered &= ~began
        info["filtered"], info["_filtered"] = filtered, np.ones(self.lanes, dtype=np.bool_)
        self._remember(observation, self._copy)
        return observation, reward, terminated, truncated, info


def _named(name: str) -> Any:
    """The function of a name of the form module:function.

    Raises:
        CarouselError: there is no such function.
    """
    try:
        return load_env_creator(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise CarouselError(
            f"rule is {shown(name)}, which names no function (module:function): {error}"
        ) from None


def _index(what: str, persona: Any, actions: tuple[str, ...]) -> int:
    """Index of an action by name or number.

    Raises:
        CarouselError: there is none.
    """
    if isinstance(persona, str):
        if persona not in actions:
            raise CarouselError(f"{what} names {shown(persona)}; known are {', '.join(actions)}")
        return actions.index(persona)
    return whole_number(what, persona, 0, len(actions) - 1)
