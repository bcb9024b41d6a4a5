"""A probe of one's own: does the router come back to whom it has left?

    carousel --plugin examples/extend/probe.py probe loop uniform Boredom --only comes-back

`carousel probe` asks it with all others; in Python, `probe("comes-back", router, population)` does.
A probe plays a router and returns a `Finding`: estimates with intervals, and a verdict, or the
reason why it cannot say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carousel_agents.probes import Finding, Probe, register
from carousel_agents.probes.resampling import estimate, ratio
from carousel_agents.probes.transcript import record

if TYPE_CHECKING:
    from carousel_envs.registry import AnyPopulation
    from carousel_envs.rollout import Policy


def comes_back(
    router: Policy,
    population: AnyPopulation,
    training: AnyPopulation,
    sessions: int,
    seed: int,
) -> Finding:
    """The share of swaps to somebody who has spoken before in the session, per session weighed by
    its swaps; its interval is a bootstrap one over sessions."""
    played = record(router, population, sessions, seed)
    turns, lanes = played.picks.shape
    met = np.zeros((lanes, played.columns.n_actions), dtype=bool)
    back, swaps = np.zeros(lanes), np.zeros(lanes)
    for turn in range(turns):
        picks, swapped = played.picks[turn], played.swaps[turn]
        back += swapped & met[np.arange(lanes), picks]
        swaps += swapped
        met[np.arange(lanes), picks] |= played.played[turn]
    if swaps.sum() < 30:
        return PROBE.cannot_say(f"It swapped {swaps.sum():.0f} times.")
    share = estimate(*ratio(back, swaps))
    reason = f"Of its swaps, {share} go to somebody who has spoken before."
    for verdict, low, high in (("goes on", 0.0, 0.3), ("comes back", 0.3, 1.0)):
        if share.within(low, high):
            return PROBE.finding(estimates={"back": share}, verdict=verdict, reason=reason)
    return PROBE.cannot_say(f"{reason} The interval holds both.", estimates={"back": share})


PROBE = register(
    Probe(
        "comes-back",
        "Does it come back to whom it has left?",
        comes_back,
        headline="back",
        shows="How often a swap goes to somebody who has spoken before.",
        limits="Who swaps more often than there are personas has to come back.",
    )
)
