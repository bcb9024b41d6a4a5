"""The figures on the training distribution, and what all figures share.

A figure is what plotly's JavaScript draws, {"data", "layout"}, and a "label" that says the same in
words. Text in figures is escaped, because plotly reads a little HTML in it.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from ..generalisation.columns import metrics_in
from .drawing import Drawing
from .records import (
    DASH,
    Look,
    Record,
    estimate,
    interval_text,
    number,
    runs_text,
    text,
    value_name,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from carousel_envs.metrics import Metric

Figure = dict[str, Any]
Scale = tuple[float, float]

FLOOR, CEILING = -1.5, 1.5
"""Scores beyond these are drawn as arrows at the edge, so that one bad shift does not flatten the
rest."""

ARROW = 6
"""Pixels by which an arrow at the edge may reach beyond it, over the text there."""

NEUTRAL = "#858C96"
"""A grey that reads on light and on dark paper."""

AXIS_TITLES = {"score": "score", "engagement": "engagement per session"}


def scale(records: Sequence[Record], metric: str) -> Scale:
    """The range of an axis that shows these records, for scores within FLOOR and CEILING."""
    found = [x for record in records for x in estimate(record, metric) if x is not None]
    if metric == "score":
        low, high = max(FLOOR, min([0.0, *found])), min(CEILING, max([1.0, *found]))
    else:
        marks = [number(record, key) for record in records for key in ("value", "blind")]
        found += [x for x in marks if x is not None]
        low, high = (min(found), max(found)) if found else (0.0, 1.0)
    margin = 0.07 * (high - low) or 1.0
    return low - margin, high + margin


def training_figure(
    routers: Sequence[Record], reference: Record, looks: Mapping[str, Look], metric: str
) -> Figure:
    """Routers on the training distribution, best on top, with intervals."""
    ranked = sorted(routers, key=lambda r: number(r, "engagement") or 0.0)
    low, high = scale([*routers, reference], metric)
    edge = 0.03 * (high - low)
    figure = Drawing()
    for place, record in enumerate(ranked):
        look = looks[str(record.get("router"))]
        value, left, right = estimate(record, metric)
        if value is None:
            figure.add_annotation(x=0.5, xref="paper", y=place, **note(f"no {metric}"))
            continue
        inside = low <= value <= high
        figure.add_scatter(
            x=[min(max(value, low + edge), high - edge)],
            y=[place],
            mode="markers",
            marker={
                "color": look.color,
                "size": 11,
                "symbol": symbol(value, (low, high), look, ("left", "right")),
            },
            error_x=bars([value], [left], [right], look.color) if inside else None,
            hovertext=[hover(record, look)],
            hoverinfo="text",
        )
        # in a column of their own, where no marker and no line runs through them
        words = note(text(value, 2 if metric == "score" else 1))
        figure.add_annotation(x=1, xref="paper", xanchor="left", xshift=8, y=place, **words)
    marks: tuple[float | None, ...] = (0.0, 1.0)
    if metric == "engagement":
        marks = number(reference, "blind"), number(reference, "value")
    for x, name in zip(marks, ("blind", value_name([reference])), strict=True):
        if x is not None:
            figure.add_vline(x=x, line=thin(), layer="below")
            side = "right" if name == "blind" else "left"  # the two may be close
            figure.add_annotation(
                x=x, y=1, yref="paper", xanchor=side, yanchor="bottom", **note(name)
            )
    names = [_short(str(record.get("router"))) for record in ranked]
    figure.update_layout(
        height=90 + 38 * max(len(ranked), 1),
        margin={"l": 8, "r": 56, "t": 28, "b": 44},
        xaxis={"range": [low, high], "title": {"text": AXIS_TITLES[metric]}},
        yaxis={
            "range": [-0.6, len(ranked) - 0.4],
            "tickvals": list(range(len(names))),
            "ticktext": names,
            "ticklabelstandoff": ARROW,
            "automargin": True,
        },
    )
    listed = [f"{r.get('router')} {text(estimate(r, metric)[0])}" for r in reversed(ranked)]
    label = f"{AXIS_TITLES[metric]} on the training distribution: {', '.join(listed)}."
    return finish(figure, label)


def symbol(value: float, limits: Scale, look: Look, ways: tuple[str, str]) -> str:
    """A router's own symbol, or for a value off the scale an arrow that points to it.

    Args:
        value: what is drawn, at the edge if it is off the scale.
        limits: the scale.
        look: the router's.
        ways: where lower and higher values are, such as ("left", "right").
    """
    if limits[0] <= value <= limits[1]:
        return look.symbol
    return f"triangle-{ways[value > limits[1]]}"


def bars(
    values: Sequence[float | None],
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    color: str,
) -> dict[str, Any]:
    """Error bars from intervals; of length 0 if there is none."""

    def reach(ends: Sequence[float | None]) -> list[float]:
        pairs = zip(values, ends, strict=True)
        return [0.0 if v is None or end is None else abs(end - v) for v, end in pairs]

    ends = {"type": "data", "symmetric": False, "array": reach(highs), "arrayminus": reach(lows)}
    return {**ends, "color": color, "thickness": 1.3, "width": 3}


def band(
    figure: Drawing,
    x: Sequence[float],
    lows: Sequence[float | None],
    highs: Sequence[float | None],
    color: str,
    router: str,
) -> None:
    """Draw a translucent band from low to high, with a gap where an end is missing."""
    pairs = zip(x, lows, highs, strict=True)
    known = [(at, low, high) for at, low, high in pairs if low is not None and high is not None]
    outline = [(at, high) for at, _, high in known] + [(at, low) for at, low, _ in reversed(known)]
    figure.add_scatter(
        x=[at for at, _ in outline],
        y=[y for _, y in outline],
        mode="none",
        fill="toself",
        fillcolor=f"rgba({int(color[1:3], 16)},{int(color[3:5], 16)},{int(color[5:7], 16)},0.18)",
        hoverinfo="skip",
        meta=router,
    )


def hover(record: Record, look: Look) -> str:
    """The text that a marker shows when pointed at."""
    severity = number(record, "severity")
    brief = [metric for metric in metrics_in([record]) if metric.in_brief]
    lines = [
        f"<b>{plain(str(record.get('router')))}</b> ({look.role})",
        runs_text(record),
        "" if severity is None else f"severity {severity:g}",
        f"score {text(number(record, 'score'))} {interval_text(record)}",
        f"engagement {text(number(record, 'engagement'))} {interval_text(record, 'engagement')}",
        # shares last: "31.0 turns, 2.40 swaps, 12% left early"
        ", ".join(_brief(record, metric) for metric in sorted(brief, key=lambda m: m.share)),
    ]
    return "<br>".join(line for line in lines if line)


def _brief(record: Record, metric: Metric) -> str:
    value = number(record, metric.name)
    if not metric.share:
        return f"{text(value, metric.digits)} {plain(metric.label)}"
    return f"{DASH if value is None else f'{value:.0%}'} {plain(metric.label)}"


def plain(words: str) -> str:
    """Words escaped for plotly, which shows escaped quotes as they are."""
    return escape(words, quote=False)


def note(words: str) -> dict[str, Any]:
    """A grey annotation without an arrow."""
    return {"text": words, "showarrow": False, "font": {"color": NEUTRAL, "size": 12}}


def thin() -> dict[str, Any]:
    """The line of a reference: grey and dotted."""
    return {"color": NEUTRAL, "width": 1.3, "dash": "dot"}


def finish(figure: Drawing, label: str) -> Figure:
    """A figure as data, with a transparent ground, and fixed so that touch scrolls the page."""
    clear = "rgba(0,0,0,0)"
    figure.update_layout(paper_bgcolor=clear, plot_bgcolor=clear, hoverlabel={"align": "left"})
    figure.update_layout(hovermode="closest", dragmode=False)
    figure.update_layout(showlegend=figure.layout.get("showlegend", False))
    figure.update_layout(xaxis={"fixedrange": True}, yaxis={"fixedrange": True})
    return {"data": figure.data, "layout": figure.layout, "label": label}


def _short(name: str) -> str:
    return plain(name if len(name) <= 20 else name[:19] + "\N{HORIZONTAL ELLIPSIS}")
