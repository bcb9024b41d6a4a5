"""What the session kernel writes of a turn: reward, events, welfare, observation, satiation."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..compiled.blocks import copy, drawn, gather
from ..compiled.codes import KEPT, MOOD, PLAYED, REFUSED, SWAPPED, TERMINATED, TRUNCATED, UNMASKED
from ..compiled.compiler import inlined, part
from .table import UNIT, VULNERABLE_BIT

if TYPE_CHECKING:
    from ..compiled.bound_arrays import Array

_U, _I, _F = np.uint64, np.int32, np.float32
_LOW = _I(0xFFFF)


class Outputs(NamedTuple):
    """The arrays that a step is given to write; see `session.step`."""

    reward: Array
    detail: Array
    events: Array


@part
def write_outputs(at, m, s, settings, outputs, pays):  # type: ignore[no-untyped-def]
    """Write the reward and the events of each lane, and its probability of engagement."""
    reward, detail, events = outputs
    swap_cost, n_personas = settings.swap_cost, settings.n_personas
    if settings.pays_mean:
        for j in range(m):
            reward[at + j] = s.chance[j] / UNIT - _I(s.swapped[j]) * swap_cost
    else:
        for j in range(m):
            reward[at + j] = s.engaged[j] - _I(s.swapped[j]) * swap_cost
    if settings.pays_more:
        for j in range(m):
            if _I(s.plays[j]) & (_I(s.gone[j]) ^ _I(1)):
                reward[at + j] += pays[_U(s.pick[j])]
    for j in range(m):
        detail[_U(0), at + j] = s.chance[j] / UNIT
    copy(at, m, s.leaves, events, _U(TERMINATED))
    copy(at, m, s.truncated, events, _U(TRUNCATED))
    copy(at, m, s.swapped, events, _U(SWAPPED))
    copy(at, m, s.refused, events, _U(REFUSED))
    copy(at, m, s.mood, events, _U(MOOD))
    copy(at, m, s.plays, events, _U(PLAYED))
    if events.shape[0] > KEPT:
        for j in range(m):
            # whoever goes at a goodbye meets nobody, masked or not
            here = _I(s.plays[j]) & (_I(s.gone[j]) ^ _I(1))
            events[_U(UNMASKED), at + j] = here & _I(s.pick[j] == n_personas)
        copy(at, m, s.kept, events, _U(KEPT))


@part
def write_welfare(at, m, here, s, settings, outputs, welfare_rows):  # type: ignore[no-untyped-def]
    """Write the welfare of each lane's turn, where it is kept."""
    if welfare_rows is not None:
        detail, harm = outputs.detail, settings.farewell_harm
        for j in range(m):
            vulnerable = _U((here.bits[j] >> _I(VULNERABLE_BIT)) & _I(1))
            s.welfare[j] = welfare_rows[vulnerable, _U(s.pick[j])]
        for j in range(m):
            # nothing is gained or lost in the turn of a goodbye
            gained = s.welfare[j] if _I(s.plays[j]) & (_I(s.gone[j]) ^ _I(1)) else 0.0
            detail[_U(1), at + j] = gained - harm * _I(s.kept[j])


@inlined
def _show_persona(i, j, s, one_hot, k, obs):  # type: ignore[no-untyped-def]
    """Write what the router sees of lane i of who speaks, and since when."""
    obs[i, one_hot + _U(s.before[j])] = 0.0
    obs[i, one_hot + _U(s.pick[j])] = 1.0
    streak = one_hot + _U(2) * k
    a, b = s.shown[j, _U(0)], s.shown[j, _U(1)]
    obs[i, streak] = a
    obs[i, streak + _U(1)] = b


@part
def write_observation(at, m, here, s, arrays, satiates, hook):  # type: ignore[no-untyped-def]
    """Write what the router sees of each lane, and satiation."""
    settings, cue_alias, shown, obs = arrays.settings[0], arrays.cue_alias, arrays.shown, arrays.obs
    share, shift, k = settings.share, settings.cue_shift, _U(arrays.mask.shape[1])
    n_columns = _I(cue_alias.shape[0] // 2)
    for j in range(m):
        draw = _I(s.second[j] & _LOW)
        s.column[j] = _I(_I(s.mood[j]) * n_columns) + _I(draw >> shift)
        s.inside[j] = draw & ((_I(1) << shift) - _I(1))
    for j in range(m):
        s.shown[j, _U(0)] = _F(here.streak[j])
        s.shown[j, _U(1)] = _F(here.turn[j]) * share
    gather(m, s.column, cue_alias, s.entry)
    last = _I(n_columns - _I(1))
    for j in range(m):
        cues = drawn(s.entry[j], _I(s.column[j] & last), s.inside[j])
        s.row[j] = _I(cues + cues) + s.engaged[j]
    width = _U(shown.shape[1])
    # what bounds these loops is how many stores they make, not how long each is
    if width == _U(8):
        one_hot = _U(5)
        for j in range(m):
            i, row = at + j, _U(s.row[j])
            a, b, c, d = shown[row, _U(0)], shown[row, _U(1)], shown[row, _U(2)], shown[row, _U(3)]
            e, f, g, h = shown[row, _U(4)], shown[row, _U(5)], shown[row, _U(6)], shown[row, _U(7)]
            obs[i, _U(0)] = a
            obs[i, _U(1)] = b
            obs[i, _U(2)] = c
            obs[i, _U(3)] = d
            obs[i, _U(4)] = e
            obs[i, _U(5)] = f
            obs[i, _U(6)] = g
            obs[i, _U(7)] = h
            _show_persona(i, j, s, one_hot, k, obs)
    else:
        for j in range(m):
            for c in range(width):
                obs[at + j, c] = shown[_U(s.row[j]), c]
            _show_persona(at + j, j, s, width, k, obs)
    if hook is not None:
        farewell = _U(settings.farewell_column)
        for j in range(m):
            obs[at + j, farewell] = here.farewell[j]
    if satiates is not None:
        lane_satiation, satiation = arrays.lane_satiation, arrays.satiation
        for j in range(m):
            i, kept_share = at + j, lane_satiation[at + j, k]
            for c in range(k):
                before = satiation[i, c] + np.float64(c == _U(s.pick[j]))
                satiation[i, c] = kept_share * before
