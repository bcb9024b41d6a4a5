"""How far apart two populations are: in nats per session, for a router that listens.

The distance of a target from a source is the relative entropy of what a router is shown, were
personas picked uniformly among the available ones:

    D(target || source) = E_target[log p_target(session) - log p_source(session)].

Kinds of user, moods and true questions are hidden and summed out. By the chain rule for relative
entropy (Cover & Thomas, Elements of Information Theory, 2nd ed., theorem 2.5.3) it is the sum over
turns of the expected relative entropy of the next turn given everything shown before. That inner
one is computed exactly and only histories are drawn, so that no term is below 0 and most of the
log-ratio's variance is gone (Rao-Blackwell). `docs/distance.md` has the cases without a number.
"""

from __future__ import annotations

from dataclasses import dataclass

IMPOSSIBLE = "the target shows what the source holds impossible: "


@dataclass(frozen=True)
class Distance:
    """How far a target is from a source.

    Attributes:
        nats: expected log-likelihood ratio per session of the target, 0 or more; None where whole
            sessions cannot be compared, or where what differs is never shown.
        nats_se: its standard error over sessions; 0 where it is exact, None for a single session.
        per_turn: the same per turn, over the part that both can show: expected nats there over
            expected turns there; None where there is no such part.
        per_turn_se: its standard error.
        note: why `nats` is None, or what was left out; empty if it is whole.
    """

    nats: float | None
    nats_se: float | None
    per_turn: float | None
    per_turn_se: float | None
    note: str


def no_distance(note: str) -> Distance:
    """No figure at all, and why."""
    return Distance(None, None, None, None, note)
