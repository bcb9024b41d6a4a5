"""Rules of when to swap, by the view of a router that they belong to.

A family holds candidates: a count of past signs is one, a schedule another. Most sort decisions
into cells, in each of which a swap has one probability; some give every decision one of its own.
Probabilities are fitted in a third of the sessions, and in a sixth the candidate is chosen that
tells most there. What the family tells is what that candidate tells in the remaining half.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from carousel_envs.reference import Filter
from carousel_envs.reference.model import Model
from carousel_envs.users.observation import Columns
from carousel_envs.users.spans import map_span

from ..router import make
from .goals import goals_of, solve_goal, standing
from .surrogates import probability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from carousel_envs import Population

    from .goals import Values
    from .transcript import Transcript

SYSTEM, PATTERN, THRESHOLD, ENGAGEMENT, OTHER = (
    "operating system",
    "cue pattern",
    "threshold on a belief",
    "optimiser of engagement",
    "optimiser of another goal",
)
FAMILIES = (SYSTEM, PATTERN, THRESHOLD, ENGAGEMENT, OTHER)
"""From the simplest up."""
FACTORS = 2.0 ** np.array(sorted(np.arange(-1.5, 1.51, 0.25), key=abs))
"""Of the training users' hazard, that a rule may believe in; the nearest first."""
FEWER = 2.0 ** np.array([0.0, -0.5, 0.5, -1.0, 1.0])
"""The same for optimisers, which take longer to solve."""
LEAKS = (1.0, 0.75, 0.5, 0.25)
"""Share of the signs of earlier turns that a count keeps from turn to turn."""
BETTER = 0.002
"""Bits per decision by which a candidate must tell more than those before it."""
BETAS = np.geomspace(0.3, 300.0, 13)
LAPSES = (0.001, 0.01, 0.05, 0.15)
EQUAL = 1e-9
LONG = 12
"""Turns in a row beyond which a rule of the present counts no further."""


class Decisions(NamedTuple):
    """Decisions to swap or to stay, D of them, in sessions of several transcripts.

    Attributes:
        transcripts: of the same users.
        swaps: shape (D,).
        which: session of each, shape (D,).
        fitted, chosen, judged: whether the session is one of those in which rules are fitted, in
            which one of each family is chosen, and in which it is judged; each of shape (D,).
        sessions: how many there are.
    """

    transcripts: tuple[Transcript, ...]
    swaps: NDArray[np.bool_]
    which: NDArray[np.int64]
    fitted: NDArray[np.bool_]
    chosen: NDArray[np.bool_]
    judged: NDArray[np.bool_]
    sessions: int

    @classmethod
    def of(cls, transcripts: tuple[Transcript, ...]) -> Decisions:
        """All decisions of these transcripts, in which session i is of one user and one stream."""
        sessions = transcripts[0].decides.shape[1]
        swaps = np.concatenate([one.swaps[one.decides] for one in transcripts])
        which = np.concatenate(
            [
                np.broadcast_to(np.arange(sessions), one.decides.shape)[one.decides]
                for one in transcripts
            ]
        )
        # drawn, because users come in turn
        part = np.random.default_rng(0).permutation(sessions)[which] % 6
        return cls(transcripts, swaps, which, part < 2, part == 2, part > 2, sessions)

    def gathered(self, each: list[NDArray[np.float64]]) -> NDArray[np.float64]:
        """What was found of every turn of each transcript, shape (T, N, ...), at decisions."""
        pairs = zip(each, self.transcripts, strict=True)
        return np.concatenate([found[one.decides] for found, one in pairs])

    @property
    def observation(self) -> NDArray[np.float32]:
        """Shape (D, width)."""
        return np.concatenate([one.observation[one.decides] for one in self.transcripts])


class Rule(NamedTuple):
    """A candidate, fitted.

    Attributes:
        family: one of `FAMILIES`.
        name: what it is.
        p: probability that it gives to a swap at each decision, shape (D,).
        wants: whether it would rather swap than stay, lapses aside, shape (D,).
    """

    family: str
    name: str
    p: NDArray[np.float64]
    wants: NDArray[np.bool_]


def bits(p: NDArray[np.float64], decisions: Decisions) -> NDArray[np.float64]:
    """What probabilities tell of each decision beyond the mean, shape (D,)."""
    swaps, fitted = decisions.swaps, decisions.fitted
    mean = (swaps[fitted].sum() + 0.5) / (fitted.sum() + 1.0)
    return np.asarray(np.where(swaps, np.log2(p / mean), np.log2((1.0 - p) / (1.0 - mean))))


def best_of(decisions: Decisions, home: Population) -> list[Rule]:
    """The candidate of each family that tells most of sessions in which it was not fitted, in the
    order of `FAMILIES`: one with many cells tells most of those in which it was.

    Args:
        decisions: of the router.
        home: the users that it met there, who have moods and neither satiate nor say goodbye.
    """
    found: dict[str, tuple[float, Rule]] = {}
    for rule in _candidates(decisions, home):
        told = float(bits(rule.p, decisions)[decisions.chosen].mean())
        if rule.family not in found or told > found[rule.family][0] + BETTER:
            found[rule.family] = (told, rule)
    return [found[family][1] for family in FAMILIES]


def _candidates(decisions: Decisions, home: Population) -> Iterator[Rule]:
    yield from _systems(decisions, home)
    yield from _patterns(decisions, home)
    yield from _thresholds(decisions, home)
    yield from _optimisers(decisions, home)


def _systems(decisions: Decisions, home: Population) -> Iterator[Rule]:
    """Rules that depend on the clock, on who speaks, and on who suits the user, and not on how the
    user is doing."""
    seen, columns = decisions.observation, decisions.transcripts[0].columns
    length = home.session_length
    turn = np.rint(seen[:, columns.elapsed] * length).astype(np.int64)
    streak = np.minimum(seen[:, columns.streak].astype(np.int64), length)
    who = seen[:, columns.persona].argmax(axis=1)
    yield _of_cells(decisions, SYSTEM, "by persona", who)
    for name, clock in (("turn", turn), ("turns in a row", streak)):
        yield _of_cells(decisions, SYSTEM, f"by {name}", clock)
        yield _of_cells(
            decisions, SYSTEM, f"by {name} and persona", clock * columns.n_actions + who
        )
    router = make("frozen-operating-system", home, home)
    answers = [one.answered_by(router) != one.current for one in decisions.transcripts]
    suits = np.concatenate(
        [a[one.decides] for a, one in zip(answers, decisions.transcripts, strict=True)]
    )
    yield _of_order(decisions, SYSTEM, "whoever suits the user", suits.astype(np.int64))


def _patterns(decisions: Decisions, home: Population) -> Iterator[Rule]:
    """Rules of what is seen at present: cues, engagement, who speaks and for how long."""
    seen, columns = decisions.observation, decisions.transcripts[0].columns
    shown = np.ones(seen.shape[1], dtype=np.bool_)
    shown[[columns.streak, columns.elapsed]] = False
    shown[columns.persona] = False
    _, cell = np.unique(seen[:, shown], axis=0, return_inverse=True)
    cell = cell.reshape(-1).astype(np.int64)
    who = seen[:, columns.persona].argmax(axis=1)
    streak = np.minimum(seen[:, columns.streak].astype(np.int64), LONG)
    yield _of_cells(decisions, PATTERN, "what is shown", cell)
    yield _of_cells(
        decisions, PATTERN, "what is shown, and the persona", cell * columns.n_actions + who
    )
    yield _of_cells(
        decisions, PATTERN, "what is shown, and turns in a row", cell * (LONG + 1) + streak
    )
    evidence = _count(decisions, home, 0.0)
    above = evidence > _best_step(evidence, decisions)
    yield _of_order(decisions, PATTERN, "enough signs in one turn", above.astype(np.int64))
    p = probability(seen.astype(np.float64), decisions.swaps, decisions.fitted)
    yield Rule(PATTERN, "a net of the present", p, p > 0.5)


def _thresholds(decisions: Decisions, home: Population) -> Iterator[Rule]:
    """Swap once boredom is probable enough, whatever the turn, for users who may be others; or once
    enough signs of boredom were counted."""
    several = Model.of(home).n_types > 1
    for factor, typical in itertools.product(FACTORS, (False, True) if several else (False,)):
        believed = bored_sooner(home, float(factor))
        belief = _joint(decisions, believed, typical=typical)[..., 1].sum(axis=-1)
        at = _best_step(belief, decisions)
        name = f"at {at:.2f}, for {factor:.2g} times the hazard"
        name += " of a typical user" if typical else ""
        yield _of_order(decisions, THRESHOLD, name, (belief > at).astype(np.int64))
    for leak in LEAKS:
        count = _count(decisions, home, leak)
        name = f"on signs counted, of which {leak:.0%} are kept per turn"
        above = count > _best_step(count, decisions)
        yield _of_order(decisions, THRESHOLD, name, above.astype(np.int64))


def _optimisers(decisions: Decisions, home: Population) -> Iterator[Rule]:
    """Swap where that is worth more than to stay, for a goal."""
    for factor in FEWER:
        believed = bored_sooner(home, float(factor))
        joint = _joint(decisions, believed)
        for goal in goals_of(home):
            if goal.name == "nothing":
                continue
            family = ENGAGEMENT if goal.name == "engagement" else OTHER
            gain = _gain(decisions, joint, solve_goal(believed, goal))
            name = f"{goal.name}, for {factor:.2g} times the hazard"
            sign = np.where(gain > EQUAL, 2, np.where(gain < -EQUAL, 0, 1))
            yield _of_order(decisions, family, name, sign)
            if (sign != 1).any():
                yield _softly(decisions, family, name, gain)


def bored_sooner(home: Population, factor: float) -> Population:
    """The same users with so many times the hazard, at most 1."""
    return home.replace(
        boredom_hazard=map_span(home.boredom_hazard, lambda h: np.minimum(factor * h, 1.0))
    )


def _joint(
    decisions: Decisions, believed: Population, *, typical: bool = False
) -> NDArray[np.float64]:
    """What an observer who believes in other users, or in their mean alone, believes at each
    decision, (D, kinds, 2)."""
    observer, each = Filter(believed, Model.of(believed).merged(1) if typical else None), []
    for one in decisions.transcripts:
        state, found = observer.start(one.decides.shape[1]), []
        for seen in one.observation:
            state = observer.update(state, seen)
            found.append(state.joint)
        each.append(np.stack(found))
    return decisions.gathered(each)


def _count(decisions: Decisions, home: Population, leak: float) -> NDArray[np.float64]:
    """Evidence of boredom in all turns with the persona who speaks, of which less is left the
    longer ago they are, shape (D,)."""
    model, columns = Model.of(home), Columns.of(home)
    engaged = model.weights @ model.engagement.mean(axis=1)
    each = []
    for one in decisions.transcripts:
        seen, total, found = one.observation, np.zeros(one.decides.shape[1]), []
        for turn in seen:
            shown = np.maximum(turn[:, : columns.n_cues], 0.0).astype(np.int64)
            evidence = np.zeros(len(total))
            for j, cue in enumerate(home.cues):
                fresh, bored = np.array(cue)
                evidence += np.log((bored + 1e-3) / (fresh + 1e-3))[shown[:, j]]
            like = np.where(turn[:, [columns.engagement]] > 0.5, engaged, 1.0 - engaged)
            evidence += np.log((like[:, 1] + 1e-3) / (like[:, 0] + 1e-3))
            before = np.where(turn[:, columns.streak] > 1.5, leak * total, 0.0)
            total = before + evidence
            found.append(total)
        each.append(np.stack(found))
    return decisions.gathered(each)


def _gain(decisions: Decisions, joint: NDArray[np.float64], values: Values) -> NDArray[np.float64]:
    """What the best swap is worth to a goal beyond staying, shape (D,)."""
    seen = decisions.observation
    current, turn = standing(seen, values)
    worth = values.picks(joint, current, turn)
    worth[seen[:, values.columns.available] < 0.5] = -np.inf
    rows = np.arange(len(worth))
    stay = worth[rows, current].copy()
    worth[rows, current] = -np.inf
    return np.asarray(worth.max(axis=1) - stay)


def _of_cells(decisions: Decisions, family: str, name: str, cell: NDArray[np.int64]) -> Rule:
    """One probability in each cell, drawn to the mean by one decision; cells that were not fitted
    have the mean."""
    swaps, fitted = decisions.swaps, decisions.fitted
    _, place = np.unique(cell, return_inverse=True)
    place = place.reshape(-1)
    size = int(place.max()) + 1
    mean = (swaps[fitted].sum() + 0.5) / (fitted.sum() + 1.0)
    done = np.bincount(place[fitted & swaps], minlength=size)
    of = np.bincount(place[fitted], minlength=size)
    share = (done + mean) / (of + 1.0)
    return Rule(family, name, share[place], share[place] > 0.5)


def _of_order(decisions: Decisions, family: str, name: str, cell: NDArray[np.int64]) -> Rule:
    """The same of cells in which a rule would rather swap the higher they are. Where the router
    does the reverse it does not follow the rule, and there is one cell."""
    swaps, fitted = decisions.swaps, decisions.fitted
    low, high = (swaps[fitted & (cell == end)] for end in (cell.min(), cell.max()))
    falls = len(low) and len(high) and high.mean() < low.mean()
    return _of_cells(decisions, family, name, np.zeros_like(cell) if falls else cell)


def _best_step(belief: NDArray[np.float64], decisions: Decisions) -> float:
    """The threshold that tells most of the fitted sessions, one probability on either side of it;
    infinite where none has more swaps above it."""
    order = np.argsort(belief[decisions.fitted], kind="stable")
    b, s = belief[decisions.fitted][order], decisions.swaps[decisions.fitted][order]
    below = np.cumsum(s)[:-1].astype(np.float64)
    n = np.arange(1, len(b), dtype=np.float64)
    above, m = s.sum() - below, len(b) - n
    told = _likelihood(below, n) + _likelihood(above, m)
    # between two beliefs that differ, and with more swaps above
    told[(b[1:] - b[:-1] < EQUAL) | (above / m < below / n)] = -np.inf
    if not len(told) or not np.isfinite(told.max()):
        return np.inf
    at = int(told.argmax())
    return float((b[at] + b[at + 1]) / 2.0)


def _likelihood(done: NDArray[np.float64], of: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log likelihood of so many swaps at their own share."""
    share = np.clip(done / of, 1e-12, 1.0 - 1e-12)
    return np.asarray(done * np.log(share) + (of - done) * np.log1p(-share))


def _softly(decisions: Decisions, family: str, name: str, gain: NDArray[np.float64]) -> Rule:
    """The likelier to swap the more it is worth."""
    best: tuple[float, NDArray[np.float64]] = (-np.inf, np.zeros(0))
    gain = np.clip(gain, -1e6, 1e6)
    for beta in BETAS:
        rather = 1.0 / (1.0 + np.exp(-np.clip(beta * gain, -700.0, 700.0)))
        for lapse in LAPSES:
            p = lapse / 2.0 + (1.0 - lapse) * rather
            told = float(bits(p, decisions)[decisions.fitted].sum())
            if told > best[0]:
                best = (told, p)
    return Rule(family, f"{name}, softly", best[1], gain > 0.0)


def seen_by_ceiling(decisions: Decisions, home: Population) -> NDArray[np.float64]:
    """What a net sees that sees more than any rule: the observation of the turn and of the one
    before, and the exact observer's belief, also for users bored sooner and later; (D, F)."""
    before = [
        np.concatenate([np.zeros_like(one.observation[:1]), one.observation[:-1]])
        for one in decisions.transcripts
    ]
    parts: list[NDArray[Any]] = [decisions.observation, decisions.gathered(before)]
    for factor in (FACTORS.min(), 1.0, FACTORS.max()):
        joint = _joint(decisions, bored_sooner(home, float(factor)))
        bored = joint[..., 1].sum(axis=-1)
        parts.append(np.column_stack([bored, np.log((bored + 1e-3) / (1.0 - bored + 1e-3))]))
        if factor == 1.0 and joint.shape[1] > 1:
            parts.append(joint.sum(axis=-1) @ Model.of(home).fit)
    return np.concatenate(parts, axis=1).astype(np.float64)
