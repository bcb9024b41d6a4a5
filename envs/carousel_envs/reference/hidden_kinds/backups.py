"""Backups: both bounds improved at a belief, by looking one step ahead."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...compiled.compiler import njit, part
from ...compiled.copying import copy_matrix, copy_vector
from .convex_bounds import Plan, add_plan, add_point, advance, base_at, dot, lower_at, upper_at
from .decisions import layer_after
from .starting_bounds import add_continued

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .convex_bounds import Above, Below
    from .decisions import Decisions


class Search(NamedTuple):
    """A search under way: the problem, in both views, and both bounds."""

    decisions: Decisions
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    below: Below
    above: Above


class Beliefs(NamedTuple):
    """Beliefs, shape (n, blocks, states), with their layers and modes, shape (n,)."""

    layers: NDArray[np.int64]
    modes: NDArray[np.int64]
    beliefs: NDArray[np.float64]


@part
def promise_of_options(search, layer, mode, belief, out):  # type: ignore[no-untyped-def]
    """Write the value of every option under the base, one step ahead."""
    decisions, follows, base = search.decisions, search.high, search.above.base
    child = np.empty_like(belief)
    after = layer_after(decisions, layer)
    for i in range(out.shape[0]):
        j = decisions.options[mode, i]
        out[i] = dot(belief, decisions.reward[j]) if j >= 0 else -np.inf
        if j >= 0 and after >= 0:
            for z in range(follows.shape[1]):
                search.above.spent[0] += belief.size
                advance(belief, follows[j, z], child)
                out[i] += decisions.discount * base_at(child, base[after, decisions.to[j]])


@part
def _next_option(untried, best_value):  # type: ignore[no-untyped-def]
    """Take the untried option with the largest promise; -1 when none exceeds the best value."""
    i = int(untried.argmax())
    if untried[i] <= best_value:
        return -1
    untried[i] = -np.inf
    return i


@part
def look_ahead(search, layer, mode, belief, promise):  # type: ignore[no-untyped-def]
    """The upper bound one step ahead, and its move; options are tried by falling promise."""
    decisions, follows = search.decisions, search.high
    child = np.empty_like(belief)
    after = layer_after(decisions, layer)
    untried = promise.copy()
    best, best_value = -1, -np.inf
    while True:
        i = _next_option(untried, best_value)
        if i < 0:
            return best_value, best
        j = decisions.options[mode, i]
        value = dot(belief, decisions.reward[j])
        if after >= 0:
            for z in range(follows.shape[1]):
                advance(belief, follows[j, z], child)
                ahead = upper_at(search.above, after, decisions.to[j], child)
                value += decisions.discount * ahead
        if value > best_value:
            best, best_value = j, value


@njit
def _best_plan(search, layer, mode, belief, promise):  # type: ignore[no-untyped-def]
    """Best plan that continues one move with known plans; options are tried by falling promise."""
    decisions, follows, plans = search.decisions, search.low, search.below.plans
    child, trial, vector = np.empty_like(belief), np.empty_like(belief), np.empty_like(belief)
    places, follow = np.full(follows.shape[1], -1), np.full(follows.shape[1], -1)
    after = layer_after(decisions, layer)
    untried = promise.copy()
    best, best_value = -1, -np.inf
    while True:
        i = _next_option(untried, best_value)
        if i < 0:
            return Plan(best_value, vector, best, follow)
        j = decisions.options[mode, i]
        copy_matrix(decisions.reward[j], trial)
        if after >= 0:
            for z in range(follows.shape[1]):
                advance(belief, follows[j, z], child)
                _, v = lower_at(search.below, after, decisions.to[j], child)
                places[z] = v
                add_continued(trial, decisions.discount, follows[j, z], plans.vectors[v])
        value = dot(belief, trial)
        if value > best_value:
            best, best_value = j, value
            copy_matrix(trial, vector)
            copy_vector(places, follow)


@part
def _used(search):  # type: ignore[no-untyped-def]
    """Plans and points in use."""
    return search.below.plans.used[0] + search.above.points.used[0]


@njit
def back_up(search, where, both):  # type: ignore[no-untyped-def]
    """Improve the lower bound, or both, at `Beliefs` in their order; returns whether that did."""
    before = _used(search)
    promise = np.empty(search.decisions.options.shape[1])
    for n in range(where.layers.shape[0]):
        layer, mode, belief = where.layers[n], where.modes[n], where.beliefs[n]
        promise_of_options(search, layer, mode, belief, promise)
        if both:
            value, _ = look_ahead(search, layer, mode, belief, promise)
            add_point(search.above, layer, mode, belief, value)
        # rounding may put a promise below the value of a plan that attains it
        promise += 1e-9 * np.abs(promise)
        plan = _best_plan(search, layer, mode, belief, promise)
        add_plan(search.below, layer, mode, belief, plan)
    return _used(search) > before
