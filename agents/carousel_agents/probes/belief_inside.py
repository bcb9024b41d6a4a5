"""Is the probability of boredom inside the router, and does the router use it?

Two questions, because what can be read out need not be used. *Decodable*: a linear readout of the
router's memory is fitted to the exact P(the user is bored) in half of the sessions, and told in the
other half, in R^2. Beside it stand the same readout of what any router sees for nothing: the clock
(who speaks, for how long, how much of the session is gone), and the present observation as a whole.
*Used*: at a turn, memories are exchanged between sessions in which the same persona has spoken for
as long. A router whose decisions come from its memory then decides as the other session's history
says: of the decisions that go with its own memory, and that the other one would turn, the share
that turns is `follows` (after Li et al., 2022, arXiv 2210.13382, and Hewitt & Liang, 2019, on what
probing shows).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from carousel_envs.reference import Filter
from carousel_envs.registry import users_of, vector_env
from carousel_envs.rollout import seen_by

from ..router.memory import dealt, memory_of, unreadable
from .finding import Estimate, Figure, Mark
from .lapse_curve import fit
from .psychometric import few
from .registered import Probe, register
from .resampling import estimate, ratio, share
from .transcript import STREAMS, Kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carousel_envs import Population
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding

LANES = 1009
"""A number of sessions that no other axis of an array is likely to have."""
RIDGE = 1e-6
LEAST = 100
"""Decisions in a half of the sessions below which nothing is read out."""
PARTS = 20
"""Points of the figure: decisions in equal parts by the exact belief."""
INSIDE = 0.9
"""R^2 of the memory from which the belief is inside."""
FOLLOWS, IGNORES = 0.8, 0.2
"""Shares of exchanged decisions that go with the exchanged belief."""


def belief_inside(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Read a router's memory, and exchange it.

    Args:
        router: what picks. What its view remembers for it (`History`) is no memory of its own.
        population: the users, who have moods.
        training: not used.
        sessions: not used: `LANES` are played.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates, R^2 in sessions that the readout was not fitted in: `memory`, `clock`,
        `observation`, and for a learned router `random` (the memory of the same network with its
        weights shuffled, hearing the same); `follows`, the share of decisions after an exchange
        that go with the exchanged belief, where the two beliefs say different things. Intervals are
        bootstrap ones over sessions.

    Raises:
        CarouselError: the router does not fit these users.
    """
    users = users_of(population, "a belief about boredom needs users with moods; there are none")
    played = _play(router, users, seed)
    if not played.told_apart:
        return PROBE.cannot_say("There are too few decisions, or the belief is always the same.")
    if not played.memory[0]:
        if unread := unreadable(played.states[-1]):
            return PROBE.cannot_say(
                f"Its state holds {' and '.join(unread)}, which this probe cannot read."
            )
        found = {name: played.decoded(name) for name in ("clock", "observation")}
        reason = "It keeps no memory: what it decides comes from the present alone."
        return PROBE.finding(
            verdict="no memory",
            reason=reason,
            estimates=found,
            rows=_rows(found),
            figure=_figure(played, list(found)),
        )
    found = {name: played.decoded(name) for name in ("memory", "clock", "observation")}
    if (shuffled := _shuffled(router)) is not None:
        found["random"] = played.heard_by(shuffled).decoded("memory")
    shared: dict[str, Any] = {
        "rows": _rows(found),
        "figure": _figure(played, ("memory", "observation", "clock")),
    }
    follows, why = _exchange(router, users, played)
    low = found["memory"].low or 0.0
    least = max(("clock", "observation", "random"), key=lambda name: _high(found.get(name)))
    inside, better = low > INSIDE, low > _high(found[least])
    readable = f"A readout of its memory explains {found['memory']} of the belief's variance"
    if not better:
        return PROBE.finding(
            verdict="not inside",
            reason=f"{readable}, no more than one of the {least} ({found[least]}).",
            estimates=found,
            **shared,
        )
    where = "inside" if inside else "inside in part"
    if follows is None:
        return PROBE.cannot_say(f"{readable}. {why}", estimates=found, **shared)
    found = {**found, "follows": follows}
    reason = (
        f"{readable}, one of the {least} {found[least]}; {follows} of its decisions change with an "
        "exchanged memory."
    )
    for used, low, high in (
        ("and used", FOLLOWS, 1.0),
        ("and used in part", IGNORES, FOLLOWS),
        ("and not used", 0.0, IGNORES),
    ):
        if follows.within(low, high):
            verdict = f"{where}, {used}"
            return PROBE.finding(verdict=verdict, reason=reason, estimates=found, **shared)
    return PROBE.cannot_say(
        f"{reason} The interval holds more than one answer.", estimates=found, **shared
    )


class _Played(NamedTuple):
    """Sessions with everything that went through the router, turn by turn; T turns, N sessions.

    Attributes:
        seen: observations of the environment itself, each of shape (N, D).
        shown: what the router saw.
        states: of the router before each turn.
        memory: its arrays after it has seen the turn, shape (N, ...), by name.
        beliefs: of the exact observer before each turn, as `Filter` has them.
        bored: P(bored) after each turn was seen, shape (T, N).
        swaps, decides: shape (T, N).
        clock: columns of the observation that are its clock.
    """

    seen: list[NDArray[np.float32]]
    shown: list[NDArray[np.float32]]
    states: list[Any]
    memory: list[dict[str, NDArray[Any]]]
    beliefs: list[Any]
    bored: NDArray[np.float64]
    swaps: NDArray[np.bool_]
    decides: NDArray[np.bool_]
    clock: NDArray[np.int64]

    @property
    def told_apart(self) -> bool:
        """Whether there are decisions of both halves among which the belief varies."""
        which = np.concatenate([np.flatnonzero(decides) for decides in self.decides])
        bored = self.bored[self.decides]
        return all(
            len(half) >= LEAST and float(half.std()) > 1e-6
            for half in (bored[which % 2 == 0], bored[which % 2 == 1])
        )

    def decoded(self, what: str) -> Estimate:
        """R^2 of a linear readout, in sessions that it was not fitted in."""
        told, y, which = self.read_out(what)
        wrong, spread = (told - y) ** 2, (y - y.mean()) ** 2
        of_session = (
            np.bincount(which, values, minlength=LANES)[1::2] for values in (wrong, spread)
        )
        share, drawn = ratio(*of_session)
        return estimate(1.0 - share, 1.0 - drawn)

    def read_out(
        self, what: str
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """A linear readout of P(bored), the exact one, and the session, at decisions in sessions
        that it was not fitted in, each of shape (D,)."""
        parts = []
        for turn, decides in enumerate(self.decides):
            if what == "memory":
                own = self.memory[turn].values()
                table = np.column_stack(
                    [np.reshape(a, (LANES, -1)).astype(np.float64) for a in own]
                )
            elif what == "clock":
                table = self.seen[turn][:, self.clock].astype(np.float64)
            else:
                table = self.seen[turn].astype(np.float64)
            parts.append(table[decides])
        x, which = np.concatenate(parts), np.concatenate([np.flatnonzero(d) for d in self.decides])
        y = self.bored[self.decides]
        told = _read_out(x, y, which % 2 == 0)
        new = which % 2 == 1
        return told[new], y[new], which[new]

    def heard_by(self, router: Policy) -> _Played:
        """The same sessions, with the memory that another router has of them."""
        state, memory = router.initial_state(LANES, STREAMS), []
        for shown in self.shown:
            _, state = router.act(shown.copy(), state)
            memory.append(memory_of(state, LANES))
        return self._replace(memory=memory)


def _play(router: Policy, users: Population, seed: int) -> _Played:
    kept = Kept(vector_env(users, LANES))
    env, observer = seen_by(router, kept), Filter(users)
    shown, _ = env.reset(seed=seed, options={"user": np.arange(LANES) % users.n_users})
    state, belief = router.initial_state(LANES, seed), observer.start(LANES)
    running = np.ones(LANES, dtype=np.bool_)
    columns = observer.columns
    turns: list[tuple[Any, ...]] = []
    while running.any():
        seen, shown = kept.seen.copy(), shown.copy()
        after = observer.update(belief, seen)
        picks, following = router.act(shown.copy(), state)
        begins = seen[:, columns.streak] < 0.5
        current = seen[:, columns.persona].argmax(axis=1)
        decides = running & ~begins
        swaps = decides & (picks != current)
        memory = memory_of(following, LANES)
        turns.append((seen, shown, state, memory, belief, after.bored, swaps, decides))
        shown, _, terminated, truncated, _ = env.step(picks)
        running &= ~(terminated | truncated)
        state, belief = following, after
    persona = np.arange(columns.persona.start, columns.persona.stop)
    parts = [list(part) for part in zip(*turns, strict=True)]
    return _Played(
        seen=parts[0],
        shown=parts[1],
        states=parts[2],
        memory=parts[3],
        beliefs=parts[4],
        bored=np.stack(parts[5]),
        swaps=np.stack(parts[6]),
        decides=np.stack(parts[7]),
        clock=np.array([*persona, columns.streak, columns.elapsed]),
    )


def _read_out(
    x: NDArray[np.float64], y: NDArray[np.float64], fitted: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """A linear readout of x, fitted where it is marked, told everywhere, shape (D,)."""
    centre, scale = x[fitted].mean(axis=0), x[fitted].std(axis=0)
    varies = scale > 1e-9 * np.maximum(np.abs(centre), 1.0)
    z = (x[:, varies] - centre[varies]) / scale[varies]
    mean = y[fitted].mean()
    gram = z[fitted].T @ z[fitted] + RIDGE * fitted.sum() * np.eye(z.shape[1])
    weights = np.linalg.solve(gram, z[fitted].T @ (y[fitted] - mean))
    return np.asarray(mean + z @ weights)


def _exchange(router: Policy, users: Population, played: _Played) -> tuple[Estimate | None, str]:
    """The share of decisions that follow an exchanged memory; None, and why."""
    swaps, bored = played.swaps[played.decides], played.bored[played.decides]
    if few(swaps):
        return None, "It swaps, or stays, too rarely to see what it follows."
    x = np.round(bored, 3)
    at, place = np.unique(x, return_inverse=True)
    of = np.bincount(place).astype(np.float64)
    curve = fit(at, np.bincount(place, swaps).astype(np.float64), of)
    observer, rng = Filter(users), np.random.default_rng(0)
    columns, hits, cases = observer.columns, np.zeros(LANES), np.zeros(LANES)
    right = total = 0
    for turn, decides in enumerate(played.decides):
        seen = played.seen[turn]
        persona = seen[:, columns.persona].argmax(axis=1)
        order = _within_groups(np.column_stack([persona, seen[:, columns.streak]]), decides, rng)
        picks, _ = router.act(played.shown[turn].copy(), dealt(played.states[turn], LANES, order))
        other = observer.update(dealt(played.beliefs[turn], LANES, order), seen).bored
        own_says, other_says = (curve(b) > 0.5 for b in (played.bored[turn], other))
        right += int((played.swaps[turn] == own_says)[decides].sum())
        total += int(decides.sum())
        # where its own memory moves it, does another one move it the other way?
        differ = decides & (own_says != other_says) & (played.swaps[turn] == own_says)
        hits[differ] += ((picks != persona) == other_says)[differ]
        cases += differ
    if right < 0.75 * total:
        return None, f"The belief explains only {right / total:.0%} of its decisions."
    if cases.sum() < 30:
        return None, (
            f"There are only {cases.sum():.0f} decisions at which an exchanged memory calls for "
            "the other choice."
        )
    return share(hits, cases), ""


def _within_groups(
    key: NDArray[Any], among: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    """An order of lanes that deals each of those marked another one with the same key."""
    order = np.arange(len(key))
    _, group = np.unique(key[among], axis=0, return_inverse=True)
    lanes = np.flatnonzero(among)
    mixed = rng.permutation(len(lanes))
    ranked = mixed[np.argsort(group.ravel()[mixed], kind="stable")]
    # the next one in the group, around
    found = lanes[ranked]
    starts = np.flatnonzero(np.r_[True, np.diff(group.ravel()[ranked]) != 0])
    for start, stop in zip(starts, [*starts[1:], len(ranked)], strict=True):
        order[found[start:stop]] = np.roll(found[start:stop], -1)
    return order


def _shuffled(router: Policy) -> Policy | None:
    """A learned router with its weights shuffled, each within its array; None for another one."""
    from ..learning.learned_router import LearnedRouter

    if not isinstance(router, LearnedRouter):
        return None
    return router.shuffled(seed=0)


def _high(estimate: Estimate | None) -> float:
    """The upper end of an interval; minus infinity of nothing."""
    if estimate is None:
        return -np.inf
    return estimate.value if estimate.high is None else estimate.high


def _rows(found: dict[str, Estimate]) -> tuple[dict[str, Any], ...]:
    return tuple({"read": name, "r_squared": one.value} for name, one in found.items())


def _figure(played: _Played, names: Sequence[str]) -> Figure:
    """What is read out, against what there is to read."""
    marks, ends = [], [0.0, 1.0]
    for name in names:
        told, exact, _ = played.read_out(name)
        parts = np.array_split(np.argsort(exact, kind="stable"), PARTS)
        low, high = ([float(np.quantile(told[p], q)) for p in parts] for q in (0.1, 0.9))
        x, y = ([float(values[p].mean()) for p in parts] for values in (exact, told))
        marks.append(Mark(f"read out of the {name}", "points", x, y, low, high))
    marks.append(Mark("exact", "line", ends, ends))
    return Figure("P(the user is bored), exact", "P(the user is bored), read out", tuple(marks))


PROBE = register(
    Probe(
        "belief-inside",
        "Is the probability of boredom inside the router, and does it use it?",
        belief_inside,
        headline="memory",
        shows="The probability of boredom read out of its memory, against the exact one, each "
        "point a twentieth of the decisions with its middle four fifths: on the line it "
        "is read out exactly.",
        limits="What a linear readout does not find may be there in another form, and a memory "
        "that is followed may be followed for something that goes with the belief. A "
        "router that believes in other users follows its own belief, and the exact one "
        "in part.",
    )
)
