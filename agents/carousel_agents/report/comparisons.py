"""Figures that compare: regimes of shift, performance profiles, what a gap is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..generalisation.gap_parts import PARTS
from .drawing import Drawing
from .figures import ARROW, FLOOR, NEUTRAL, Figure, Scale, bars, finish, plain, scale, symbol, thin
from .records import Look, Record, estimate, interval_text, number, runs_text, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

THRESHOLDS = tuple(round(FLOOR + 0.05 * i, 2) for i in range(54))
"""Scores at which profiles are drawn, from `FLOOR` to a little above the optimum."""

# Okabe and Ito, and a hatch each for readers who see no colour
_PART_LOOKS = {
    "difficulty": ("#009E73", ""),
    "learnability": ("#E69F00", "/"),
    "shift": ("#0072B2", "x"),
}


def regimes_figure(records: Sequence[Record], looks: Mapping[str, Look]) -> Figure | None:
    """Mean score by regime, a marker per router."""
    shown = [r for r in records if r["router"] in looks and number(r, "score") is not None]
    names = list(dict.fromkeys(str(record["regime"]) for record in shown))
    if len(names) < 2:
        return None
    low, high = scale(shown, "score")
    edge = 0.02 * (high - low)
    figure = Drawing()
    for x in (0.0, 1.0):
        figure.add_vline(x=x, line=thin(), layer="below")
    for i, (router, look) in enumerate(looks.items()):
        own = [record for record in shown if record["router"] == router]
        aside = 0.7 * ((i + 0.5) / len(looks) - 0.5)
        values, lows, highs = (
            zip(*(estimate(r, "score") for r in own), strict=True) if own else 3 * [()]
        )
        # only values on the scale have their interval drawn
        drawn = [value if low <= value <= high else None for value in values]
        figure.add_scatter(
            x=[min(max(value, low + edge), high - edge) for value in values],
            # the first regime on top, and its routers in their order
            y=[-names.index(str(record["regime"])) - aside for record in own],
            mode="markers",
            marker={
                "color": look.color,
                "size": 10,
                "symbol": [symbol(value, (low, high), look, ("left", "right")) for value in values],
            },
            error_x=bars(drawn, lows, highs, look.color),
            hovertext=[_regime(record, look) for record in own],
            hoverinfo="text",
            meta=router,
        )
    figure.update_layout(
        height=90 + len(names) * max(70, 17 * len(looks)),
        margin={"l": 8, "r": 12, "t": 12, "b": 44},
        xaxis={"range": [low, high], "title": {"text": "mean score"}},
        yaxis={
            "range": [-len(names) + 0.5, 0.5],
            "tickvals": [-i for i in range(len(names))],
            "ticktext": [plain(name) for name in names],
            "ticklabelstandoff": ARROW,
            "automargin": True,
        },
    )
    words = [
        f"{name}: {', '.join(_brief(r) for r in shown if r['regime'] == name)}" for name in names
    ]
    return finish(figure, f"Mean score by regime. {'; '.join(words)}.")


def _brief(record: Record) -> str:
    return f"{record['router']} {text(number(record, 'score'))}"


def _regime(record: Record, look: Look) -> str:
    met = record["populations"]
    return "<br>".join(
        line
        for line in (
            f"<b>{plain(str(record['router']))}</b> ({look.role})",
            runs_text(record),
            f"{record['regime']}, {met} population{'' if met == 1 else 's'}",
            f"score {text(number(record, 'score'))} {interval_text(record)}",
        )
        if line
    )


def profile_figure(
    profiles: Mapping[str, Sequence[float]], looks: Mapping[str, Look]
) -> Figure | None:
    """Share of runs and shifted populations above each score, a line per router."""
    figure = Drawing()
    shown = [router for router in looks if router in profiles]
    if not shown:
        return None
    for router in reversed(shown):
        look = looks[router]
        figure.add_scatter(
            x=list(THRESHOLDS),
            y=list(profiles[router]),
            mode="lines",
            line={"color": look.color, "dash": look.dash, "width": look.width, "shape": "hv"},
            # words of a router's own could hold what a template replaces
            hovertext=[
                f"<b>{plain(router)}</b><br>{share:.0%} score above {text(threshold)}"
                for threshold, share in zip(THRESHOLDS, profiles[router], strict=True)
            ],
            hoverinfo="text",
            meta=router,
        )
    figure.update_layout(
        height=360,
        margin={"l": 48, "r": 12, "t": 12, "b": 48},
        xaxis={"range": [THRESHOLDS[0], THRESHOLDS[-1]], "title": {"text": "score"}},
        yaxis={"range": [-0.03, 1.03], "tickformat": ".0%"},
    )
    at = THRESHOLDS.index(0.5)
    words = ", ".join(f"{router} {profiles[router][at]:.0%}" for router in shown)
    return finish(figure, f"Share of shifted runs with a score above one half: {words}.")


def gaps_scale(gaps: Sequence[Record]) -> Scale:
    """One range for the gaps of all routers, so that they compare."""
    found = [x for gap in gaps for part in (*PARTS, "total") for x in estimate(gap, part)]
    ends = [0.0, *(x for x in found if x is not None)]
    margin = 0.05 * (max(ends) - min(ends)) or 1.0
    return min(ends) - margin, max(ends) + margin


def gaps_figure(gaps: Sequence[Record], limits: Scale) -> Figure:
    """The three parts of each gap of one router, and their sum."""
    figure = Drawing()
    names = [f"{gap['axis']} {gap['severity']:g}" for gap in gaps]
    step = 0.8 / (len(PARTS) + 1)
    for i, part in enumerate((*PARTS, "total")):
        values, lows, highs = zip(*(estimate(gap, part) for gap in gaps), strict=True)
        places = [-j + 0.4 - (i + 0.5) * step for j in range(len(gaps))]
        shared: dict[str, Any] = {
            "x": list(values),
            "y": places,
            "hovertext": [_gap(gap, part) for gap in gaps],
            "hoverinfo": "text",
        }
        if part == "total":
            look: dict[str, Any] = {"color": NEUTRAL, "symbol": "diamond", "size": 10}
            spread = bars(values, lows, highs, NEUTRAL)
            figure.add_scatter(**shared, mode="markers", marker=look, error_x=spread)
            continue
        color, hatch = _PART_LOOKS[part]
        look = {"color": color, "pattern": {"shape": hatch, "fillmode": "overlay", "size": 6}}
        spread = bars(values, lows, highs, NEUTRAL)
        figure.add_bar(**shared, orientation="h", width=0.9 * step, marker=look, error_x=spread)
    figure.add_vline(x=0, line={"color": NEUTRAL, "width": 1})
    figure.update_layout(
        height=60 + 92 * len(gaps),
        margin={"l": 8, "r": 12, "t": 8, "b": 48},
        barmode="overlay",
        xaxis={"range": list(limits), "title": {"text": "engagement per session"}, "nticks": 7},
        yaxis={
            "range": [-len(gaps) + 0.45, 0.5],
            "tickvals": [-j for j in range(len(gaps))],
            "ticktext": [plain(name) for name in names],
            "automargin": True,
        },
    )
    words = [
        f"{name}: {', '.join(f'{part} {text(number(gap, part))}' for part in ('total', *PARTS))}"
        for name, gap in zip(names, gaps, strict=True)
    ]
    return finish(figure, f"Gap and its parts in engagement per session. {'; '.join(words)}.")


def _gap(gap: Record, part: str) -> str:
    return (
        f"<b>{plain(str(gap['axis']))}</b>, severity {gap['severity']:g}<br>"
        f"{part} {text(number(gap, part))} {interval_text(gap, part)}<br>"
        f"{gap['source_policies']} policies trained on the source, "
        f"{gap['target_policies']} on the target"
    )
