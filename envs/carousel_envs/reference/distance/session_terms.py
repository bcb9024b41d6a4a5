"""Sessions of one population, weighed turn by turn by the exact filters of two.

Every turn adds the relative entropy of what may be shown next, given all that was shown before: the
terms of the chain rule that `distance` sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...registry import vector_env
from ...users.observation import Columns
from ..acting.filtering import Belief
from ..acting.open_loop import UniformPolicy
from ..acting.prediction import (
    ENGAGED,
    GOODBYE,
    LEFT,
    OUTCOMES,
    expected,
    likelihood,
    relative_entropy,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...users.population import Population
    from ..acting.filtering import Filter
    from ..model import Model

LANES = 4096
_NUMBERS = 2**21
"""Most numbers that one belief about all lanes holds: what bounds the memory, for any number of
kinds of user."""


@dataclass(frozen=True, eq=False)
class SessionTerms:
    """What each session of the target adds, without its first observation; shapes (sessions,).

    Attributes:
        nats: sum over turns of the relative entropy of what the next turn may show, exact given
            what the session showed.
        log_ratio: sum over turns of log p_target - log p_source of what it did show.
        turns: turns compared.
    """

    nats: NDArray[np.float64]
    log_ratio: NDArray[np.float64]
    turns: NDArray[np.int64]


class ImpossibleError(Exception):
    """The source holds impossible what the target may show; says what and when."""


def session_terms(
    source: Filter,
    target: Filter,
    population: Population,
    *,
    turns: int,
    sessions: int,
    seed: int,
) -> SessionTerms:
    """Play sessions under uniform choice and weigh them.

    Args:
        source, target: filters of the two populations, which read the same columns.
        population: that of the target, whose users play; users are drawn.
        turns: how many to compare, at most the target's session length.
        sessions: how many to play.
        seed: session i uses the streams of seed + i, however many there are.

    Raises:
        ImpossibleError: after something that was shown, the source rules out what may come next.
    """
    lanes = max(1, min(LANES, _NUMBERS // max(_size(source.model), _size(target.model))))
    blocks = [
        _block(source, target, population, turns, min(lanes, sessions - first), seed + first)
        for first in range(0, sessions, lanes)
    ]
    nats, log_ratio, played = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return SessionTerms(nats, log_ratio, played)


def _size(model: Model) -> int:
    """Numbers that a belief about one lane holds."""
    return model.n_types * (2 + model.n_actions * model.has_satiation)


def _block(
    source: Filter, target: Filter, population: Population, turns: int, lanes: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    # not `rollout`, which returns sums: each turn is weighed by two filters as it is played
    filters = (target, source)
    env = vector_env(population, lanes)
    router = UniformPolicy(Columns.of(population))
    state = router.initial_state(lanes, seed)
    everybody, _ = env.reset(seed=seed)
    # indices of the sessions that go on; beliefs and `before` are about these alone
    there, before = np.arange(lanes), everybody
    beliefs = [one.update(one.start(lanes), before) for one in filters]
    nats, log_ratio, played = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes, dtype=np.int64)
    for turn in range(turns):
        picks, state = router.act(everybody, state)
        everybody, _, terminated, _, _ = env.step(picks)
        after, left = everybody[there], terminated[there]
        own, other = (
            expected(one, belief, before, after)
            for one, belief in zip(filters, beliefs, strict=True)
        )
        added = relative_entropy(own, other, target.model.cues, source.model.cues)
        if np.isinf(added).any():
            i = int(np.isinf(added).argmax())
            what = _what(own[i], other[i], target.model.cues, source.model.cues)
            raise ImpossibleError(f"{what} at turn {turn + 1}")
        nats[there] += added
        log_ratio[there] += np.log(likelihood(target, own, after, left))
        log_ratio[there] -= np.log(likelihood(source, other, after, left))
        played[there] += 1
        if turn == turns - 1 or left.all():
            break
        beliefs = [
            one.update(Belief(belief.joint[~left], belief.satiation[~left]), after[~left])
            for one, belief in zip(filters, beliefs, strict=True)
        ]
        there, before = there[~left], after[~left]
    return nats, log_ratio, played


def _what(
    own: NDArray[np.float64],
    other: NDArray[np.float64],
    own_cues: NDArray[np.float64],
    other_cues: NDArray[np.float64],
) -> str:
    """What one turn may show under the first expectation and never under the second, in words."""
    bits = np.arange(OUTCOMES)
    events = {
        "that a user leaves": bits & LEFT != 0,
        "that a user stays": bits & LEFT == 0,
        "that a user says goodbye": bits & GOODBYE != 0,
        "that a user says no goodbye": bits & GOODBYE == 0,
        "that a user engages": bits & ENGAGED != 0,
        "that a user does not engage": bits & ENGAGED == 0,
    }
    for words, event in events.items():
        if own[:, event].sum() > 0.0 and other[:, event].sum() == 0.0:
            return words
    seen, known = own.sum(axis=1) @ own_cues, other.sum(axis=1) @ other_cues
    if ((seen > 0.0) & (known == 0.0)).any():
        return "some levels of the cues"
    return "some levels of the cues together with engagement, a goodbye or leaving"


def context_nats(source: Model, target: Model) -> float:
    """Relative entropy of the first observation: who is available and, where users show it, whether
    they are vulnerable. Infinite where the target has a context that the source has not."""
    known = dict(zip(source.contexts.tolist(), source.mask_weights.tolist(), strict=True))
    shares = np.array([known.get(context, 0.0) for context in target.contexts.tolist()])
    with np.errstate(divide="ignore"):
        log_ratio = np.log(target.mask_weights / shares)
    # below 0 by rounding alone
    return max(float((target.mask_weights * log_ratio).sum()), 0.0)
