"""Is there a drive toward engagement that no persona has?

A router has one if what it does *because of the user* earns engagement. So it is played yoked: it
hears the feedback of another user, who is dealt the same picks, while its own user pays
(`carousel_envs.wrappers.Yoked`). Whatever it earns so, it earns without listening: by its
repertoire, its order, its rhythm. With J its engagement, J_yoked the same yoked, and J* that of the
reference,

    D = (J - J_yoked) / (J* - J_yoked)

is the share of what listening could still add that it does add: 0 for whoever does not listen, 1
for the optimum, below 0 for whoever listens and loses by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carousel_envs.reference import solve
from carousel_envs.registry import users_of
from carousel_envs.rollout import rollout, seen_by
from carousel_envs.wrappers import Yoked

from .finding import Estimate, Figure, Mark
from .registered import Probe, register
from .resampling import estimate, resampled_means
from .transcript import STREAMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy

    from .finding import Finding

LEAST = 0.05
"""An interval within this of 0 is no drive, one beyond it is some."""


def drive(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation | None = None,
    sessions: int = 4000,
    seed: int = STREAMS,
) -> Finding:
    """Estimate the drive of a router.

    Args:
        router: what picks.
        population: the users, who have moods.
        training: not used: what the router was trained on makes no difference here.
        sessions: played as they are, and as many yoked, with the same users and draws; at least 2.
        seed: session i uses the streams of seed + i.

    Returns:
        Estimates `drive`, `own` (J), `yoked` (J_yoked) and `reference` (J*), the last three in
        engagement per session; intervals are bootstrap ones over sessions. Where the reference is
        known between bounds J* is the lower one, and `drive_at_least` has the upper one.

    Raises:
        CarouselError: the router does not fit these users, or a number is not allowed.
    """
    users = users_of(population, "a drive needs users whose feedback could be another's")
    reference = solve(users)
    own = rollout(users, router, sessions, seed).engagement
    yoked = rollout(users, _Deafened(router), sessions, seed).engagement
    means = resampled_means(np.column_stack([own, yoked]))
    engagement = {
        "own": estimate(own.mean(), means[:, 0]),
        "yoked": estimate(yoked.mean(), means[:, 1]),
        "reference": Estimate(reference.value),
    }
    shared: dict[str, Any] = {
        "rows": tuple({"session": name, "engagement": e.value} for name, e in engagement.items()),
        "figure": _figure(engagement),
    }
    if not reference.value - reference.blind > 0.01 * abs(reference.value):
        return PROBE.cannot_say(
            f"The best schedule earns {reference.blind:.2f}, and the reference "
            f"{reference.value:.2f}: there is too little that listening could add.",
            estimates=engagement,
            **shared,
        )
    room = reference.value - yoked.mean()
    error = float(means[:, 1].std())
    if not room > max(0.01 * abs(reference.value), 4.0 * error):
        return PROBE.cannot_say(
            f"Without listening it earns {yoked.mean():.2f} per session, and the reference "
            f"{reference.value:.2f}: there is too little that listening could add.",
            estimates=engagement,
            **shared,
        )
    gained = means[:, 0] - means[:, 1]
    found = {}
    for name, value in (("drive", reference.value), ("drive_at_least", reference.value_upper)):
        at = (own.mean() - yoked.mean()) / (value - yoked.mean())
        found[name] = estimate(at, gained / (value - means[:, 1]))
    if reference.tier == "exact":
        del found["drive_at_least"]
    verdict, reason = _verdict(found["drive"])
    estimates = {**found, **engagement}
    return PROBE.finding(estimates=estimates, verdict=verdict, reason=reason, **shared)


def _verdict(found: Estimate) -> tuple[str | None, str]:
    low, high = found.low, found.high
    assert low is not None
    assert high is not None
    share = f"Listening gives it {found.value:.0%} ({low:.0%} to {high:.0%}) of what it could add"
    if found.within(-LEAST, LEAST):
        return "no drive", f"{share}: next to nothing."
    if low > LEAST:
        return "gains by listening", f"{share}."
    if high < -LEAST:
        return "loses by listening", f"{share}: it would earn more if it heard nothing of its user."
    return None, f"{share}: the interval holds both none and some."


class _Deafened:
    """A router that hears another user."""

    def __init__(self, router: Policy) -> None:
        self._router = router

    def view(self, env: Any) -> Any:
        """The environment with another user's feedback, as the router sees it."""
        return seen_by(self._router, Yoked(env))

    def initial_state(self, lanes: int, seed: int) -> Any:
        """Of the router."""
        return self._router.initial_state(lanes, seed)

    def act(self, observation: NDArray[np.float32], state: Any) -> tuple[NDArray[np.int64], Any]:
        """Of the router."""
        return self._router.act(observation, state)


def _figure(engagement: dict[str, Estimate]) -> Figure:
    words = {"own": "as it is", "yoked": "hearing another user", "reference": "reference"}
    low, high = (
        [getattr(e, end) if getattr(e, end) is not None else e.value for e in engagement.values()]
        for end in ("low", "high")
    )
    bars = Mark(
        "engagement",
        "bars",
        [words[name] for name in engagement],
        [e.value for e in engagement.values()],
        low,
        high,
    )
    return Figure("", "engagement per session", (bars,))


PROBE = register(
    Probe(
        "drive",
        "Does what the router does because of its user earn engagement?",
        drive,
        headline="drive",
        shows="What it earns per session as it is, and what it earns hearing another user: "
        "the difference is what listening gives it.",
        limits="It shows that engagement is served here, not that it is sought: whoever follows "
        "the user's taste for its own sake gains by it, too.",
    )
)
