"""Which view does it fit: an operating system, a router, or an agent with a goal?

Each view is a family of rules for when to swap (`families.py`): the operating system looks at the
clock and at whom the conversation fits; a router may follow a pattern of cues, or a threshold on
what it believes of boredom; an optimiser swaps where that is worth more to its goal, engagement or
another one. All are fitted to the same decisions, in the router's own sessions and in sessions led
by somebody who stays and swaps at random, and judged in sessions that were not fitted.

This is model recovery (Wilson & Collins, 2019), between devices and agents (Orseau, McGill & Legg,
2018), and the verdict has to be earned: one family tells more than all others, it tells nearly all
that a net tells that sees more than any of them, and sessions differ no more than chance has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs.reference.model import Model
from carousel_envs.registry import users_of
from carousel_envs.users.observation import Columns

from .families import FAMILIES, SYSTEM, Decisions, Rule, best_of, bits, seen_by_ceiling
from .finding import Estimate, Figure, Mark
from .leaders import Sticky
from .psychometric import few
from .registered import Probe, register
from .resampling import estimate, resampled_means
from .surrogates import probability
from .transcript import STREAMS, record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding

MOST = 500
"""Sessions of each kind that are used."""
NOTHING = 0.03
"""Share of the information in its swaps below which there is nothing to explain."""
LEAD = 0.003
"""Bits per decision by which a family must be ahead of the next."""
CERTAIN = 1e-12
"""What somebody who knows every swap gives to the other answer."""
SURE = 0.95
"""Share of resamples in which a family must be ahead."""
ENOUGH = 0.9
"""Share that it must tell of what a net tells that sees more."""
DIFFER = 3.0
"""Variance between sessions, over that which chance gives, above which they are not of one rule."""


def view(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Find the family of rules that explains when a router swaps.

    Args:
        router: what picks.
        population: the users, who have moods and neither satiate nor say goodbye.
        training: not used: views are told apart among the users that are met.
        sessions: played, and as many led by chance; at most `MOST` of each are used.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates: for every family, by its name, the bits per decision that its best rule tells
        beyond the mean in sessions that were not fitted, with a bootstrap interval over sessions;
        `sure`, the share of resamples in which the first is ahead by `LEAD`; `enough`, what it
        tells over what a net tells that sees the present, the turn before and beliefs; `differ`,
        the variance of what a session does beyond the rule, over that of chance, where there are
        lapses enough to tell.

    Raises:
        CarouselError: the router does not fit these users, or torch is not installed.
    """
    users = users_of(population, "views are told apart by what users show; there are none")
    model = Model.of(users)
    if model.has_satiation or model.has_farewells:
        return PROBE.cannot_say(
            "Views are told apart by mood alone; these users also satiate or say goodbye."
        )
    n = min(sessions, MOST)
    leaders = (None, Sticky(Columns.of(users)))
    decisions = Decisions.of(tuple(record(router, users, n, seed, led_by=one) for one in leaders))
    parts = decisions.fitted, decisions.chosen, decisions.judged
    if any(few(decisions.swaps[part]) for part in parts):
        done, of = int(decisions.swaps.sum()), len(decisions.swaps)
        return PROBE.cannot_say(
            f"It swapped in {done} of {of} decisions: too few swaps, or stays, to tell views apart."
        )
    rules = best_of(decisions, users)
    return _judged(decisions, rules, _ceiling(decisions, users))


def _judged(decisions: Decisions, rules: list[Rule], ceiling: NDArray[np.float64]) -> Finding:
    """The finding, of the best rule of each family and the bits of the net that sees more."""
    every = [*(bits(rule.p, decisions) for rule in rules), ceiling]
    each = np.column_stack([_by_session(one, decisions) for one in every])
    size = int(decisions.judged.sum())
    means = resampled_means(each) * len(each) / size
    *told, more = [estimate(one.sum() / size, means[:, i]) for i, one in enumerate(each.T)]
    order = sorted(range(len(rules)), key=lambda i: -told[i].value)
    first, second = (rules[i] for i in order[:2])
    ahead = means[:, order[0]] - np.delete(means[:, :-1], order[0], axis=1).max(axis=1)
    sure = float((ahead >= LEAD).mean())
    all_told = max(more.value, told[order[0]].value)
    enough = told[order[0]].value / all_told if all_told > 0.0 else 0.0
    differ = _dispersion(first, decisions)
    # what somebody explains who knows every swap
    knowing = np.where(decisions.swaps, 1.0 - CERTAIN, CERTAIN)
    room = float(bits(knowing, decisions)[decisions.judged].mean())
    names = dict(zip(FAMILIES, told, strict=True))
    shared: dict[str, Any] = {
        "estimates": {
            **names,
            "sure": Estimate(sure),
            "enough": Estimate(enough),
            **({} if differ is None else {"differ": Estimate(differ)}),
        },
        "rows": tuple(
            {"family": rule.family, "rule": rule.name, "bits": one.value}
            for rule, one in zip(rules, told, strict=True)
        ),
        "figure": _figure(rules, told, all_told),
    }
    best = told[order[0]]
    share = best.value / room
    if max(one.high or 0.0 for one in (*told, more)) < NOTHING * room:
        reason = (
            "When it swaps depends on nothing that was seen: neither rules nor a net that sees "
        )
        reason += f"more explain {NOTHING:.0%} of the information in its swaps."
        return PROBE.finding(verdict=SYSTEM, reason=reason, **shared)
    if best.value < NOTHING * room:
        return PROBE.cannot_say(
            f"Rules and a net that sees more explain next to nothing, {all_told:.3g} bits per "
            "decision, and sessions are too few to say that there is nothing.",
            **shared,
        )
    if sure < SURE:
        return PROBE.cannot_say(
            f"{first.family.capitalize()} ({first.name}) and {second.family} ({second.name}) "
            "explain its swaps about equally well.",
            **shared,
        )
    what = (
        f"{first.name.capitalize()}: this explains {best} bits per decision, {share:.0%} of the "
        "information in its swaps"
    )
    why = []
    if enough < ENOUGH:
        why.append(f"a net that sees more explains {all_told:.3g}, so that it is none of these")
    if differ is not None and differ > DIFFER:
        why.append(
            f"sessions differ {differ:.1f} times as much as chance has it, so that they are not of "
            "one rule"
        )
    if why:
        return PROBE.cannot_say(f"{what}; but {', and '.join(why)}.", **shared)
    return PROBE.finding(
        verdict=first.family,
        reason=f"{what}; the next best is {second.family} with {told[order[1]].value:.3g}.",
        **shared,
    )


def _by_session(told: NDArray[np.float64], decisions: Decisions) -> NDArray[np.float64]:
    """Sums over the decisions of each session that is judged, shape (sessions,)."""
    here = decisions.judged
    sums = np.bincount(decisions.which[here], told[here], minlength=decisions.sessions)
    return np.asarray(sums[np.unique(decisions.which[here])])


def _ceiling(decisions: Decisions, users: Any) -> NDArray[np.float64]:
    """Bits of each decision that a net tells that sees more than any rule, shape (D,)."""
    p = probability(seen_by_ceiling(decisions, users), decisions.swaps, decisions.fitted)
    return bits(p, decisions)


def _dispersion(rule: Rule, decisions: Decisions) -> float | None:
    """Variance of what sessions do beyond a rule, over that which chance gives: of swaps where it
    would rather swap, and where it would rather stay, the larger of the two. About 1 if the rule
    and its lapses are all there is; None where there are too few lapses to tell."""
    worst = None
    for side in (rule.wants, ~rule.wants):
        here = decisions.judged & side
        if not few(decisions.swaps[here]):
            residual = _by_session(np.where(here, decisions.swaps - rule.p, 0.0), decisions)
            chance = _by_session(np.where(here, rule.p * (1.0 - rule.p), 0.0), decisions)
            worst = max(worst or 0.0, float((residual**2).sum() / chance.sum()))
    return worst


def _figure(rules: list[Rule], told: list[Estimate], ceiling: float) -> Figure:
    low, high = ([float(getattr(one, end)) for one in told] for end in ("low", "high"))
    bars = Mark(
        "best rule of the family",
        "bars",
        [rule.family for rule in rules],
        [one.value for one in told],
        low,
        high,
    )
    more = Mark("a net that sees more", "line", [rules[0].family, rules[-1].family], [ceiling] * 2)
    return Figure("", "bits per decision beyond the mean", (bars, more))


PROBE = register(
    Probe(
        "view",
        "Which view does it fit: operating system, router, or an agent with a goal?",
        view,
        shows="How much the best rule of each kind explains of when it swaps, in sessions to "
        "which it was not fitted; the broken line is what a net explains that sees more "
        "than any rule.",
        limits="It says by which rule it swaps among these users, not what it would do among "
        "others: whether the rule is a habit or found anew is for the probe of adaptivity, "
        "whether it hides another goal for that of the mask.",
    )
)
