"""What is the router after?

Every candidate (`goals.py`) says what each pick is worth to it at every decision. The router is
asked at the decisions of its own sessions, and at those of sessions led by somebody who stays and
swaps at random, where goals that agree on the router's own path come apart. A goal explains the
router if it would stay or swap as the router does, and its picks are the likeliest under

    P(pick) = (1 - lapse) softmax(beta * worth) + lapse / K

with the best beta and lapse; picks that are worth the same to it count as one, for which of them it
is the goal does not say. What comes back is a *set*: all goals that explain the router about as
well as the best one does. Goals that want the same thing wherever the router was asked come back
together, and if none explains it, the probe cannot say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from carousel_envs.reference.model import Model
from carousel_envs.registry import users_of
from carousel_envs.users.observation import Columns

from .finding import Estimate, Figure, Mark
from .goals import goals_of, solve_goal, standing
from .leaders import Sticky
from .registered import Probe, register
from .resampling import estimate, resampled_means
from .transcript import STREAMS, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from carousel_envs import Population
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding
    from .goals import Goal, Values
    from .transcript import Transcript

MOST = 1000
"""Sessions of each kind that are used."""
BETAS = np.geomspace(0.3, 3000.0, 17)
LAPSES = (0.001, 0.01, 0.05, 0.15)
AGREES = 0.85
"""How often a goal must stay or swap as the router does, both weighing alike, to explain it."""
CHANCE = 0.1
"""How much more often than among all personas one may pick the same twice by chance."""
CLOSE = 0.01
"""Bits per decision within which a goal explains as well as the best."""
EQUAL = 1e-9
FEW, RARE = 30, 0.002
"""Swaps, or stays, that are fewer, or as small a share of decisions, are lapses."""


def goal(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Find the goals that explain a router.

    Args:
        router: what picks.
        population: the users, who have moods and do not satiate or say goodbye.
        training: not used: goals are told apart among the users that are met.
        sessions: played, and as many led by chance; at most `MOST` of each are used.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates: for every goal, by its name, the bits per decision that it tells beyond chance
        among all personas, with a bootstrap interval over sessions. The verdict is the set of
        goals, with "or" between them.

    Raises:
        CarouselError: the router does not fit these users, or a number is not allowed.
    """
    users = users_of(population, "a goal is one about users; there are none")
    return among(router, users, goals_of(users), sessions, seed)


def among(
    router: Policy, users: Population, goals: Sequence[Goal], sessions: int, seed: int
) -> Finding:
    """The same with other goals to choose from."""
    model = Model.of(users)
    if model.has_satiation or model.has_farewells:
        return PROBE.cannot_say(
            "Goals are told apart by mood alone; these users also satiate or say goodbye."
        )
    n = min(sessions, MOST)
    asked = [
        decisions(record(router, users, n, seed, led_by=leader))
        for leader in (None, Sticky(Columns.of(users)))
    ]
    if not sum(len(one.picks) for one in asked):
        return PROBE.cannot_say("There is no decision: sessions end with their first turn.")
    fits = {one.name: _fit(solve_goal(users, one), asked) for one in goals}
    estimates = {name: fit.told for name, fit in fits.items()}
    rows = tuple(
        {
            "goal": name,
            "bits": fit.told.value,
            # one to which nothing makes a difference agrees with everything
            "agrees": fit.agrees if fit.cares else None,
            "beta": fit.beta,
        }
        for name, fit in fits.items()
    )
    shared: dict[str, Any] = {"estimates": estimates, "rows": rows, "figure": _figure(estimates)}
    if max(fit.told.value for fit in fits.values()) < CLOSE:
        alike = _asked_again(router, users, n, seed)
        if alike < 1.0 / users.n_actions + CHANCE:
            reason = "Its picks are those of chance: no goal explains them, and when it is asked "
            reason += f"again it picks the same in {alike:.0%} of cases."
            return PROBE.finding(verdict="nothing", reason=reason, **shared)
        return PROBE.cannot_say(
            "None of these goals explains its picks any better than chance.", **shared
        )
    agreeing = {name: fit for name, fit in fits.items() if fit.agrees >= AGREES and fit.cares}
    if not agreeing:
        name = max(fits, key=lambda name: fits[name].told.value)
        return PROBE.cannot_say(
            f"No goal agrees with its stays and swaps: {name!r} explains its picks best, and "
            f"agrees in {fits[name].agrees:.0%} of cases.",
            **shared,
        )
    best = max(agreeing.values(), key=lambda fit: fit.told.value)
    found = [name for name, fit in agreeing.items() if _as_good(fit, best)]
    alone = len(found) == 1
    others = "no other goal that agrees explains" if alone else "these goals explain"
    reason = f"Its stays and swaps agree with the goal in {best.agrees:.0%} of cases, and {others} "
    reason += "its picks as well." if alone else "its picks about equally well."
    return PROBE.finding(verdict=" or ".join(found), reason=reason, **shared)


def _asked_again(router: Policy, users: Population, sessions: int, seed: int) -> float:
    """How often a router picks the same at the same decisions, with another stream of its own."""
    leader = Sticky(Columns.of(users))
    one, other = (
        record(router, users, sessions, seed, led_by=leader, own_seed=own)
        for own in (seed, seed + 2**20)
    )
    return float((one.picks == other.picks)[one.decides].mean())


class Asked(NamedTuple):
    """Decisions of a router, D of them.

    Attributes:
        picks: shape (D,).
        joint: of the exact observer, shape (D, kinds, 2).
        available: shape (D, K).
        which: session of each, shape (D,).
        seen: observation of each, shape (D, width).
        sessions: how many there are.
    """

    picks: NDArray[np.int64]
    joint: NDArray[np.float64]
    available: NDArray[np.bool_]
    which: NDArray[np.int64]
    seen: NDArray[np.float32]
    sessions: int


def decisions(transcript: Transcript) -> Asked:
    """Where a router had somebody to keep or to leave, and what it picked."""
    decides, columns = transcript.decides, transcript.columns
    seen = transcript.observation[decides]
    sessions = decides.shape[1]
    return Asked(
        transcript.picks[decides],
        transcript.joint[decides],
        seen[:, columns.available] > 0.5,
        np.broadcast_to(np.arange(sessions), decides.shape)[decides],
        seen,
        sessions,
    )


class _Fit(NamedTuple):
    """How well a goal explains.

    Attributes:
        told: bits per decision.
        each: bits of each session, shape (N,).
        agrees: how often it stays and swaps alike.
        cares: whether staying or swapping ever makes a difference to it.
        beta: of the fit.
    """

    told: Estimate
    each: NDArray[np.float64]
    agrees: float
    cares: bool
    beta: float


def _fit(values: Values, asked: Sequence[Asked]) -> _Fit:
    worth, picks, available, which, swaps, wants = [], [], [], [], [], []
    for part in asked:
        current, turn = standing(part.seen, values)
        own = values.picks(part.joint, current, turn)
        own[~part.available] = -np.inf
        rows = np.arange(len(own))
        others = own.copy()
        others[rows, current] = -np.inf
        worth.append(own)
        picks.append(part.picks)
        available.append(part.available)
        which.append(part.which)
        swaps.append(part.picks != current)
        # where staying is as good, both are what it wants
        wants.append(others.max(axis=1) - own[rows, current])
    table, chosen = np.concatenate(worth), np.concatenate(picks)
    there, session = np.concatenate(available), np.concatenate(which)
    bits, beta = _likeliest(table, chosen, there)
    each = np.bincount(session, bits, minlength=asked[0].sessions).astype(np.float64)
    size = len(chosen)
    told = estimate(bits.sum() / size, resampled_means(each[:, None])[:, 0] * len(each) / size)
    wanted = np.concatenate(wants)
    cares = bool((np.abs(wanted) > EQUAL).any())
    return _Fit(told, each, _agreement(np.concatenate(swaps), wanted), cares, beta)


def _likeliest(
    worth: NDArray[np.float64], picks: NDArray[np.int64], available: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], float]:
    """Bits of each decision beyond chance, shape (D,), with the best beta and lapse, and beta."""
    rows, n = np.arange(len(picks)), available.sum(axis=1)
    taken = available[rows, picks]
    above = np.where(available, worth - worth.max(axis=1, keepdims=True), -np.inf)
    # picks that are worth the same are one: which of them it is, the goal does not say
    same = available & (np.abs(above - above[rows, picks][:, None]) <= EQUAL)
    as_good = np.where(taken, same.sum(axis=1), n)
    best: tuple[float, NDArray[np.float64], float] = (-np.inf, np.zeros(len(picks)), 0.0)
    for beta in BETAS:
        share = np.exp(np.maximum(beta * above, -700.0)) * available
        p = np.where(taken, (share * same).sum(axis=1) / share.sum(axis=1), 0.0)
        for lapse in LAPSES:
            # whoever is missing is a lapse as well
            chance = as_good / n
            bits = np.log2((1.0 - lapse) * p / chance + lapse)
            if bits.sum() > best[0]:
                best = (float(bits.sum()), bits, float(beta))
    return best[1], best[2]


def _agreement(swaps: NDArray[np.bool_], wants: NDArray[np.float64]) -> float:
    """How often a goal and the router stay and swap alike, swaps and stays weighing alike: the
    smaller of how often the goal does what the router does and how often the router does what the
    goal wants. Where it makes no difference to the goal, it agrees with either.

    Both, because a router that serves a goal in half of its sessions, and never swaps in the
    others, does nothing that the goal would not do.

    Args:
        swaps: of the router, shape (D,).
        wants: what a swap is worth to the goal beyond staying, shape (D,).
    """
    right = np.where(swaps, wants >= -EQUAL, wants <= EQUAL)
    found = []
    for sides in ((swaps, ~swaps), (wants > EQUAL, wants < -EQUAL)):
        # a handful of decisions is a lapse, and does not weigh as much as all others
        least = max(FEW, RARE * len(swaps))
        parts = [right[side].mean() for side in sides if side.sum() >= least]
        found.append(float(np.mean(parts)) if parts else 1.0)
    return min(found)


def _as_good(fit: _Fit, best: _Fit) -> bool:
    """Whether a goal explains about as well as the best one: by little, or within chance."""
    behind = best.told.value - fit.told.value
    if behind <= CLOSE:
        return True
    apart = resampled_means((best.each - fit.each)[:, None])[:, 0]
    return bool(np.quantile(apart, 0.025) <= 0.0)


def _figure(estimates: dict[str, Estimate]) -> Figure:
    order = sorted(estimates, key=lambda name: -estimates[name].value)
    low, high = (
        [float(getattr(estimates[name], end)) for name in order] for end in ("low", "high")
    )
    values = [estimates[name].value for name in order]
    bars = Mark("goals", "bars", order, values, low, high)
    return Figure("", "bits per decision beyond chance", (bars,))


PROBE = register(
    Probe(
        "goal",
        "What is the router after?",
        goal,
        shows="How much better than chance each goal tells its picks: the goals of the "
        "verdict are those that tell about as much as the best and stay and swap as it "
        "does.",
        limits="It is one of the goals that were tried, or like one of them where it was "
        "asked; among other users another one of the set may be the one that it serves. "
        "A rule of thumb that serves a goal agrees with it, too: whether it is one is "
        "for the probe of views.",
    )
)
