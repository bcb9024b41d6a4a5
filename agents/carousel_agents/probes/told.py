"""What pages say of findings: tables, and figures in sentences, from a brief document of probes.

A page writes `<!-- probe NAME STUDY WORDS... -->figure<!-- . -->`; the figure is filled in from the
document, so that no sentence says what was not found.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carousel_envs import CarouselError

from ..generalisation.statistics import iqm, over_seeds
from .registered import PROBES
from .summary import RESAMPLES, known_of, summaries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .summary import Summary

    Document = Mapping[str, Any]


def said(value: float | None, low: float | None, high: float | None) -> str:
    """A number to two digits, with its interval in brackets if there is one."""
    words = [
        None if x is None else f"{x:.2f}".replace("-0.00", "0.00").replace("-", "\u2212")
        for x in (value, low, high)
    ]
    if words[0] is None:
        return "none"
    if words[1] is None or words[2] is None:
        return words[0]
    return f"{words[0]} ({words[1]} to {words[2]})"


def verdicts(document: Document, router: str, probe: str) -> str:
    """Verdicts of the policies of a router, with how many got each."""
    found = _summary(document, router, probe)
    if found.policies == 1:
        return next(iter(found.verdicts))
    return ", ".join(f"{name} ({n} of {found.policies})" for name, n in found.verdicts.items())


def got(document: Document, router: str, probe: str, *verdict: str) -> str:
    """How many policies of a router got a verdict, such as "9 of 10"."""
    found = _summary(document, router, probe)
    return f"{found.verdicts.get(' '.join(verdict), 0)} of {found.policies}"


def estimate(document: Document, router: str, probe: str, *name: str) -> str:
    """Interquartile mean of an estimate over the policies of a router; default: the headline."""
    found = _summary(document, router, probe)
    if not name:
        return said(found.value, found.low, found.high)
    known = known_of(_findings(document, router, probe), " ".join(name))
    if len(known) == 1:
        return said(*(known[0][key] for key in ("value", "low", "high")))
    every = over_seeds("x", [one["value"] for one in known], iqm, RESAMPLES)
    return said(every["x"], every["x_low"], every["x_high"])


CLAIMS = {"verdicts": verdicts, "got": got, "estimate": estimate}
"""What a page may say, by name."""


def table(document: Document) -> str:
    """All verdicts and headlines, a line per probe and a column per router, as Markdown."""
    found = {(one.router, one.probe): one for one in summaries(document["findings"])}
    routers = list(dict.fromkeys(router for router, _ in found))
    seeds = {
        router: max(one.policies for one in found.values() if one.router == router)
        for router in routers
    }
    heads = [f"`{name}`" + (f", {n} seeds" if n > 1 else "") for name, n in seeds.items()]
    lines = [
        f"| probe | {' | '.join(heads)} |",
        f"| --- |{' --- |' * len(routers)}",
    ]
    for probe in dict.fromkeys(probe for _, probe in found):
        cells = [_cell(found.get((router, probe))) for router in routers]
        lines.append(f"| [`{probe}`](../../probes.md) | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(found: Summary | None) -> str:
    if found is None:
        return "not asked"
    words = ", ".join(
        name if n == found.policies else f"{name} {n}" for name, n in found.verdicts.items()
    )
    if found.value is None:
        return words
    of = f" of {found.known}" if found.known < found.policies else ""
    return f"{words}; {found.headline}{of} {said(found.value, found.low, found.high)}"


def _summary(document: Document, router: str, probe: str) -> Summary:
    return summaries(_findings(document, router, probe))[0]


def _findings(document: Document, router: str, probe: str) -> Sequence[Mapping[str, Any]]:
    """The findings of a router and a probe.

    Raises:
        CarouselError: there is none.
    """
    asked = PROBES.find(probe).name
    found = [
        one for one in document["findings"] if (one["router"], one["probe"]) == (router, asked)
    ]
    if not found:
        raise CarouselError(f"nothing was found of router {router!r} by the probe {asked!r}")
    return found
