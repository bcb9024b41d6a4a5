"""Bounds that a search starts from: the value with a known block above, constant habits below."""

from __future__ import annotations

import numpy as np

from ...compiled.compiler import njit, part
from ...compiled.copying import copy_matrix
from .convex_bounds import insert


@njit
def fill_base(decisions, follows, base, sweeps):  # type: ignore[no-untyped-def]
    """Write the value with a known block to the base, shape (layers, modes, blocks, points), by
    backward induction, or so many sweeps over an endless problem, whose base must hold bounds."""
    points = base.shape[3]
    value = np.empty(points)
    best = np.empty((base.shape[1], points))
    for back in range(sweeps):
        layer = max(decisions.layers - 1 - back, 0)
        after = layer + 1 if decisions.layers > 0 else 0
        ends = decisions.layers > 0 and after == decisions.layers
        for a in range(decisions.reward.shape[1]):
            best[:] = -np.inf
            for j in range(decisions.to.shape[0]):
                _reward_on_grid(decisions.reward[j, a], value)
                if not ends:
                    ahead = base[after, decisions.to[j], a]
                    _add_ahead(follows[j, :, a], decisions.discount, ahead, value)
                for mode in range(base.shape[1]):
                    for i in range(decisions.options.shape[1]):
                        if decisions.options[mode, i] == j:
                            for g in range(points):
                                best[mode, g] = max(best[mode, g], value[g])
            copy_matrix(best, base[layer, :, a])


@part
def _reward_on_grid(reward, value):  # type: ignore[no-untyped-def]
    """Write the reward in a block, shape (states,), at each grid point."""
    n_states, points = reward.shape[0], value.shape[0]
    for g in range(points):
        value[g] = 0.0
        for r in range(n_states):
            weight = 1.0 if r == g else 0.0
            if n_states == 2:
                weight = g / (points - 1)
                weight = weight if r == 1 else 1.0 - weight
            value[g] += weight * reward[r]


@part
def _add_ahead(follows, discount, ahead, value):  # type: ignore[no-untyped-def]
    """Add the discounted value that follows in a block; `follows` has shape (observations, states,
    states), `ahead` shape (points,)."""
    points, n_states = value.shape[0], follows.shape[1]
    for g in range(points):
        for z in range(follows.shape[0]):
            m = follows[z]
            if n_states == 2:
                second, first = g / (points - 1), 1.0 - g / (points - 1)
                mass = first * (m[0, 0] + m[0, 1]) + second * (m[1, 0] + m[1, 1])
                if mass > 0.0:
                    x = (first * m[0, 1] + second * m[1, 1]) / mass * (points - 1)
                    i = min(int(x), points - 2)
                    value[g] += discount * (mass * (ahead[i] + (x - i) * (ahead[i + 1] - ahead[i])))
            else:
                for s in range(n_states):
                    value[g] += discount * m[g, s] * ahead[s]


@njit
def add_habits(decisions, follows, plans, sweeps):  # type: ignore[no-untyped-def]
    """Insert the first plans: for ever the first option of each mode."""
    n_modes = decisions.options.shape[0]
    value = np.zeros((n_modes, *decisions.reward.shape[1:]))
    if decisions.layers == 0:
        least = 0.0
        for worth in decisions.reward.flat:
            least = min(least, worth)
        value[:] = least / (1.0 - decisions.discount)
    for back in range(sweeps):
        new = np.empty_like(value)
        for mode in range(n_modes):
            j = decisions.options[mode, 0]
            copy_matrix(decisions.reward[j], new[mode])
            for z in range(follows.shape[1]):
                add_continued(new[mode], decisions.discount, follows[j, z], value[decisions.to[j]])
        value = new
        if decisions.layers > 0 or back == sweeps - 1:
            for mode in range(n_modes):
                i = insert(plans, max(decisions.layers - 1 - back, 0), mode)
                copy_matrix(value[mode], plans.vectors[i])
                plans.move[i] = decisions.options[mode, 0]
                if back > 0 or decisions.layers == 0:
                    past = 0 if decisions.layers == 0 else (back - 1) * n_modes
                    plans.follow[i] = past + decisions.to[decisions.options[mode, 0]]


@part
def add_continued(vector, discount, matrix, ahead):  # type: ignore[no-untyped-def]
    """Add the discounted values of a plan after one observation, whose transitions have shape
    (blocks, states, states), to a vector over the hidden state."""
    for a in range(vector.shape[0]):
        for r in range(vector.shape[1]):
            for s in range(vector.shape[1]):
                vector[a, r] += discount * matrix[a, r, s] * ahead[a, s]
