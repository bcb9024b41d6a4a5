"""The tables and numbers of a population that the kernel reads, besides its users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..compiled.blocks import column_shift
from .arrays import SETTINGS
from .cues import cue_table
from .observation import Columns
from .table import UNIT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .population import Population


class Tables(NamedTuple):
    """The arrays of `SessionArrays` that are the same for all users."""

    pays: NDArray[np.float64]
    cue_alias: NDArray[np.int32]
    shown: NDArray[np.float32]
    hook: NDArray[np.int32] | None
    welfare_rows: NDArray[np.float64] | None


def tables_of(population: Population) -> Tables:
    """The tables of a population."""
    cues, columns = cue_table(population), Columns.of(population)
    # eight columns, of which the last three are the persona's: see `outputs.write_observation`
    in_one_move = columns.n_cues == 4 and columns.n_actions >= 3
    hook, welfare_rows = None, None
    if population.has_farewells:
        hook = np.rint(population.per_action("hook") * UNIT).astype(np.int32)
    if population.has_welfare:
        own = population.per_action("welfare")
        welfare_rows = np.stack([own, own + population.per_action("vulnerable_welfare")])
    return Tables(
        pays=population.pays,
        cue_alias=cues.alias.ravel().copy(),
        shown=cues.shown(8 if in_one_move else columns.engagement + 1),
        hook=hook,
        welfare_rows=welfare_rows,
    )


def settings_of(population: Population, reward: str, *, same_step: bool) -> NDArray[Any]:
    """The numbers of a population and its environment, SETTINGS, shape (1,)."""
    settings, farewell = np.zeros(1, dtype=SETTINGS), Columns.of(population).farewell
    settings["same_step"] = same_step
    settings["length"] = population.session_length
    settings["share"] = 1.0 / population.session_length
    settings["swap_cost"] = population.swap_cost
    settings["pays_more"] = population.pays.any()
    settings["pays_mean"] = reward == "mean"
    settings["n_personas"] = len(population.personas)
    settings["cue_shift"] = column_shift(cue_table(population).alias.shape[1])
    settings["farewell_column"] = -1 if farewell is None else farewell
    settings["farewell_harm"] = population.farewell_harm
    return settings
