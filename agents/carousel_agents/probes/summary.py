"""What probes found about the policies of one router, over its training seeds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

from ..generalisation.statistics import iqm, over_seeds
from .registered import PROBES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RESAMPLES = 2000
NO_VERDICT = "cannot say"


@dataclass(frozen=True)
class Summary:
    """One probe's findings about the policies of a router.

    Attributes:
        router: its name, which policies of different seeds share.
        probe: name of the probe.
        policies: how many were asked.
        known: how many of them the estimate is known of.
        verdicts: how many got each, the most frequent first; a number at the end of a verdict is
            left out.
        headline: name of the estimate that says most; "" where there is none.
        value: its interquartile mean over policies, or that of the only one; None without any.
        low, high: ends of the 95 % bootstrap interval over policies; of the only one, its own.
    """

    router: str
    probe: str
    policies: int
    known: int
    verdicts: Mapping[str, int]
    headline: str
    value: float | None
    low: float | None
    high: float | None


def summaries(findings: Sequence[Mapping[str, Any]]) -> list[Summary]:
    """A summary per router and probe, in the order of the findings.

    Args:
        findings: as `carousel probe --json` prints them.
    """
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for finding in findings:
        groups.setdefault((finding["router"], finding["probe"]), []).append(finding)
    return [_summary(router, probe, found) for (router, probe), found in groups.items()]


def brief(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same document without rows and figures, with summaries in their place."""
    kept = ("router", "policy", "sha256", "training_seed", "probe", "verdict", "reason")
    findings = document["findings"]
    return {
        **{key: value for key, value in document.items() if key != "findings"},
        "summaries": [vars(one) for one in summaries(findings)],
        "findings": [
            {**{key: one.get(key) for key in kept}, "estimates": one["estimates"]}
            for one in findings
        ],
    }


def _summary(router: str, probe: str, found: Sequence[Mapping[str, Any]]) -> Summary:
    counts = Counter(_kind(one["verdict"]) for one in found)
    # a probe of a plugin that is not there any more has no headline
    headline = PROBES[probe].headline if probe in PROBES else ""
    known = known_of(found, headline)
    if len(known) == 1:
        ends = {key: known[0][key] for key in ("value", "low", "high")}
    else:
        every = over_seeds("x", [one["value"] for one in known], iqm, RESAMPLES)
        ends = {"value": every["x"], "low": every["x_low"], "high": every["x_high"]}
    name = headline if known else ""
    verdicts = dict(counts.most_common())
    return Summary(router, probe, len(found), len(known), verdicts, name, **ends)


def known_of(found: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """An estimate of every finding that has it, and as a number."""
    every = [one["estimates"].get(name) for one in found]
    return [one for one in every if one and one["value"] is not None and isfinite(one["value"])]


def _kind(verdict: str | None) -> str:
    return NO_VERDICT if verdict is None else re.sub(r" -?[0-9.]+$", "", verdict)
