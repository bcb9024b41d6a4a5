"""Sessions put into a stated state, as if they had been played up to there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..foundation.errors import CarouselError, as_array, shown
from .observation import NOT_SHOWN, Columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from .population import Population

State = dict[str, "NDArray[Any]"]
_OF_SESSION = ("user", "turn", "persona", "streak", "mood", "farewell", "satiation")
PLACED = (*_OF_SESSION, "cues", "engagement")
"""What can be stated of a session."""


class Shown(NamedTuple):
    """What a population shows, and how much of everything there is.

    Attributes:
        columns: of its observations.
        share: of a session that a turn is, as the kernel has it.
        highest: the highest whole number allowed of each entry, or of each column of one.
        first_rows: the first observation and the mask of users, (N,) to (N, D) and (N, K).
    """

    columns: Columns
    share: np.float32
    highest: Mapping[str, Any]
    first_rows: Callable[[NDArray[np.int64]], tuple[NDArray[Any], NDArray[Any]]]

    @classmethod
    def of(
        cls,
        population: Population,
        turns: int,
        first_rows: Callable[[NDArray[np.int64]], tuple[NDArray[Any], NDArray[Any]]],
    ) -> Shown:
        """Of sessions of so many turns at most."""
        highest = {
            "user": population.n_users - 1,
            "turn": turns - 1,
            "persona": population.n_actions - 1,
            "streak": turns - 1,
            "mood": 1,
            "farewell": int(population.has_farewells),
            "cues": np.array(population.cue_levels) - 1,
            "engagement": 1,
        }
        share = np.float32(1.0 / population.session_length)
        return cls(Columns.of(population), share, highest, first_rows)


def placed(state: State, stated: Mapping[str, Any], shows: Shown) -> State:
    """A snapshot in which some entries are stated anew, and what depends on them follows.

    Args:
        state: a snapshot of lanes; it is changed.
        stated: values by name, None: not stated; see `CarouselVectorEnv.place`.
        shows: of the population.

    Raises:
        CarouselError: a value is not allowed, or values contradict each other.
    """
    columns = shows.columns
    given = {
        name: _read(name, value, len(state["turn"]), shows)
        for name, value in stated.items()
        if value is not None
    }
    seen = state["observation"]
    before = {"cues": seen[:, columns.cues].copy()}
    before["engagement"] = seen[:, columns.engagement].copy()
    for name in _OF_SESSION:
        if name in given:
            state[name][...] = given[name]
    _complete(state, given)
    first, state["mask"][...] = shows.first_rows(state["user"].astype(np.int64))
    _refuse_contradictions(state)
    state["over"][...] = 0

    begun = state["turn"] > 0
    seen[...] = first
    for name, place in (("cues", columns.cues), ("engagement", columns.engagement)):
        seen[begun, place] = np.asarray(given.get(name, before[name]), dtype=np.float32)[begun]
    if (seen[begun, : columns.engagement + 1] == NOT_SHOWN).any():
        raise CarouselError(
            "cues and engagement must be stated with a turn above 0 where none have been shown yet"
        )
    seen[:, columns.persona] = np.arange(columns.n_actions) == state["persona"][:, None]
    seen[:, columns.streak] = state["streak"]
    seen[:, columns.elapsed] = state["turn"].astype(np.float32) * shows.share
    if columns.farewell is not None:
        seen[:, columns.farewell] = state["farewell"]
    return state


def _complete(state: State, given: Mapping[str, NDArray[Any]]) -> None:
    """Set what follows from a stated turn or persona."""
    begins = state["turn"] == 0
    if "turn" in given:
        # before the first turn nobody speaks, nobody has said goodbye, nobody is tired of anyone
        for name, value in (("persona", -1), ("streak", 0), ("farewell", 0)):
            if name not in given:
                state[name][begins] = value
        if "satiation" not in given:
            state["satiation"][begins] = 0.0
    if "streak" not in given and {"turn", "persona"} & given.keys():
        # one who is put there speaks for the first time; one who was there, no longer than it is
        known = 1 if "persona" in given else np.maximum(state["streak"], 1)
        state["streak"][...] = np.where(begins, 0, np.minimum(known, state["turn"]))


def _refuse_contradictions(state: State) -> None:
    turn, persona, streak = state["turn"], state["persona"], state["streak"]
    for i in np.flatnonzero((persona < 0) != (turn == 0))[:1]:
        raise CarouselError(
            f"persona of lane {i} is {persona[i]} at turn {turn[i]}; it must be stated with a turn "
            "above 0 where nobody has spoken yet, and be -1 at turn 0"
        )
    for i in np.flatnonzero((turn == 0) & (state["farewell"] != 0))[:1]:
        raise CarouselError(f"farewell of lane {i} is 1 at turn 0; nobody has said goodbye by then")
    for i in np.flatnonzero((streak > turn) | ((streak == 0) != (turn == 0)))[:1]:
        least = int(turn[i] > 0)
        raise CarouselError(
            f"streak of lane {i} is {streak[i]} at turn {turn[i]}; it must lie in {least} to "
            f"{turn[i]}"
        )
    lanes = np.arange(len(turn))
    away = (persona >= 0) & (state["mask"][lanes, np.maximum(persona, 0)] == 0)
    for i in np.flatnonzero(away)[:1]:
        raise CarouselError(
            f"persona {persona[i]} of lane {i} is unavailable to user {state['user'][i]}"
        )
    # a turn adds at most 1
    tired = state["satiation"]
    for i in np.flatnonzero(~((tired >= 0.0) & (tired <= turn[:, None])).all(axis=1))[:1]:
        raise CarouselError(
            f"satiation of lane {i} is {tired[i].tolist()} at turn {turn[i]}; it must lie in 0 to "
            f"{turn[i]}"
        )


def _read(name: str, value: Any, lanes: int, shows: Shown) -> NDArray[Any]:
    """A stated value for every lane: shape (N,), of satiation (N, K), of cues (N, J)."""
    array = as_array(name, value)
    columns = {"satiation": shows.columns.n_actions, "cues": shows.columns.n_cues}.get(name)
    if array.dtype.kind not in ("iuf" if name == "satiation" else "biu"):
        kind = "numbers" if name == "satiation" else "whole numbers"
        raise CarouselError(f"{name} is {shown(value)}; it must hold {kind}")
    shape = (lanes,) if columns is None else (lanes, columns)
    # one for all lanes, or one for each
    if array.shape not in {(), shape, shape[1:]}:
        also = "" if columns is None else f", ({columns},)"
        raise CarouselError(
            f"{name} has shape {array.shape}; it must have shape (){also} or {shape}"
        )
    array = np.broadcast_to(array, shape)
    if name != "satiation":
        least, most = (-1 if name == "persona" else 0), shows.highest[name]
        wrong = (array < least) | (array > most)
        if wrong.any():
            raise CarouselError(
                f"{name} holds {array[wrong][0]}; it must lie in {least} to {np.max(most)}"
            )
    return array
