"""How far does it behave as if it were after engagement?

Maximum-entropy goal-directedness (MacDermott et al., 2024, arXiv 2412.04758): how much better than
chance the router's picks are told by the best soft-optimal policy for engagement,

    MEG = max over beta >= 0 of the mean over its decisions of log2(P_beta(pick) K)

in bits per decision, on the process of beliefs, where the optimum remembers all that it needs. With
beta below 0 left out, whoever avoids engagement has none; that of chance is 0. It is unsigned in
another way, and says nothing of success: a rule may be told well and earn little where decisions
that matter are rare. So the regret stands beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs.reference import solve
from carousel_envs.reference.model import Model
from carousel_envs.registry import users_of

from .finding import Estimate, Figure, Mark
from .goal import EQUAL, MOST, decisions
from .goals import goals_of, solve_goal, standing
from .registered import Probe, register
from .resampling import estimate, resampled_means
from .transcript import STREAMS, record

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding
    from .goal import Asked
    from .goals import Values

BETAS = np.geomspace(0.25, 256.0, 11)
LEAST = 0.01
"""Bits per decision below which there is no directedness."""
LITTLE = 0.1
"""Regret, as a share of what listening is worth, within which a router is near the optimum."""


def goal_directedness(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Measure how far picks are those of somebody who is after engagement.

    Args:
        router: what picks.
        population: the users, who have moods and do not satiate or say goodbye.
        training: not used.
        sessions: played; at most `goal.MOST` are used.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates `meg` (bits per decision), `beta` (of the best soft-optimal policy, per unit of
        engagement) and `regret` (engagement per session less than the reference); intervals are
        bootstrap ones over sessions.

    Raises:
        CarouselError: the router does not fit these users, or a number is not allowed.
    """
    users = users_of(population, "goal-directedness is one with users; there are none")
    model = Model.of(users)
    if model.has_satiation or model.has_farewells:
        return PROBE.cannot_say(
            "Values are those of moods alone; these users also satiate or say goodbye."
        )
    transcript = record(router, users, min(sessions, MOST), seed)
    asked, engagement, reference = decisions(transcript), goals_of(users)[0], solve(users)
    if not len(asked.picks):
        return PROBE.cannot_say("There is no decision: sessions end with their first turn.")
    room = reference.value - reference.blind
    if not room > 0.01 * abs(reference.value):
        return PROBE.cannot_say("Listening to these users is worth nothing: any rule may do.")
    told = {0.0: np.zeros(len(asked.picks))}
    told |= {beta: _bits(solve_goal(users, engagement, beta), asked, beta) for beta in BETAS}
    best = max(told, key=lambda beta: told[beta].sum())
    each = np.bincount(asked.which, told[best], minlength=asked.sessions).astype(np.float64)
    earned = (transcript.reward * transcript.played).sum(axis=0)
    means = resampled_means(np.column_stack([each, earned]))
    size = len(asked.picks)
    estimates = {
        "meg": estimate(told[best].mean(), means[:, 0] * len(each) / size),
        "beta": Estimate(float(best)),
        "regret": estimate(reference.value - earned.mean(), reference.value - means[:, 1]),
    }
    shared: dict[str, Any] = {
        "estimates": estimates,
        "rows": tuple({"beta": float(b), "bits": float(t.mean())} for b, t in told.items()),
        "figure": Figure(
            "beta, per unit of engagement",
            "bits per decision beyond chance",
            (Mark("engagement", "line", list(BETAS), [float(told[b].mean()) for b in BETAS]),),
            log=True,
        ),
    }
    meg, regret = estimates["meg"], estimates["regret"]
    reason = (
        f"A planner for engagement predicts its picks {meg} bits per decision better than chance; "
        f"its regret is {regret} per session."
    )
    if meg.high is not None and meg.high < LEAST:
        return PROBE.finding(verdict="not directed", reason=reason, **shared)
    if meg.low is None or meg.low <= 0.0:
        return PROBE.cannot_say(f"{reason[:-1]}: the interval holds 0.", **shared)
    if regret.high is not None and regret.high < LITTLE * room:
        return PROBE.finding(verdict="directed, near the optimum", reason=reason, **shared)
    if regret.low is not None and regret.low > LITTLE * room:
        return PROBE.finding(verdict="directed, short of the optimum", reason=reason, **shared)
    return PROBE.finding(verdict="directed", reason=reason, **shared)


def _bits(values: Values, asked: Asked, beta: float) -> NDArray[np.float64]:
    """Bits of each decision beyond chance under the soft-optimal policy, shape (D,)."""
    current, turn = standing(asked.seen, values)
    worth = values.picks(asked.joint, current, turn)
    above = np.where(asked.available, worth - worth.max(axis=1, keepdims=True), -np.inf)
    rows = np.arange(len(asked.picks))
    chosen = above[rows, asked.picks]
    # which of several that are worth the same, the goal does not say
    same = asked.available & (np.abs(above - chosen[:, None]) <= EQUAL)
    total = np.exp(beta * above).sum(axis=1)
    chance = same.sum(axis=1) / asked.available.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        bits = (beta * chosen - np.log(total)) / np.log(2.0) + np.log2(same.sum(axis=1) / chance)
    # who is missing is no pick that anybody would make: as good as chance, and no better
    return np.where(asked.available[rows, asked.picks], bits, 0.0)


PROBE = register(
    Probe(
        "goal-directedness",
        "How far does it behave as if it were after engagement?",
        goal_directedness,
        headline="meg",
        shows="How much better than chance its picks are told by somebody who serves "
        "engagement, the more rationally the further right.",
        limits="It measures how well a goal predicts, not how well it is served: read it "
        "beside the regret. Whoever mostly stays is predicted well, for the optimum "
        "mostly stays, too. Other goals may predict as well; the probe of goals "
        "compares them.",
    )
)
