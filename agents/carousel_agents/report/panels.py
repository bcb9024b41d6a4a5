"""Severity curves: one panel per axis of shift, a line per router."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from .figures import (
    AXIS_TITLES,
    FLOOR,
    NEUTRAL,
    Figure,
    Scale,
    band,
    bars,
    finish,
    hover,
    note,
    scale,
    symbol,
    thin,
)
from .records import Look, Record, axes_of, curve, estimate, number, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Curves = dict[str, list[Record]]
"""By router, the most important first: its records by severity."""


def panels(
    summary: Mapping[str, Any], looks: Mapping[str, Look]
) -> tuple[list[dict[str, Any]], list[str]]:
    """One panel per axis that was evaluated, and the routers that no panel shows a score of. Of the
    baselines only those have a line that are blind to the user, so that curves stay readable.

    A panel is its axis with "figures" by metric, "routers", and "bounds": whether the optimum is
    known only between bounds somewhere on it.
    """
    every: list[tuple[dict[str, Any], Curves]] = []
    for axis in axes_of(summary):
        shown = [router for router, look in looks.items() if _drawn(router, look)]
        found = {router: curve(summary, str(axis["name"]), router) for router in shown}
        if curves := {router: rows for router, rows in found.items() if rows}:
            every.append((axis, curves))
    # one range of scores for all panels, so that they compare; engagement differs too much for that
    scores = scale([row for _, curves in every for row in _ranged(curves, looks, "score")], "score")
    baselines = [router for router, look in looks.items() if look.role == "baseline"]
    unseen = [r for r in baselines if _off_scale([c.get(r, []) for _, c in every], scores)]
    made = []
    for axis, curves in every:
        seen = {router: rows for router, rows in curves.items() if router not in unseen}
        within = scale(_ranged(curves, looks, "engagement"), "engagement")
        figures = {
            "score": severity_figure(seen, looks, "score", scores),
            "engagement": severity_figure(curves, looks, "engagement", within),
        }
        bounds = any(row.get("tier") == "bounds" for rows in curves.values() for row in rows)
        made.append({**axis, "figures": figures, "routers": list(curves), "bounds": bounds})
    return made, unseen


def _drawn(router: str, look: Look) -> bool:
    # the best constant is what an engaging habit without a user in sight would be
    return look.role != "baseline" or router in ("uniform", "fixed", "open-loop")


def severity_figure(
    curves: Mapping[str, Sequence[Record]], looks: Mapping[str, Look], metric: str, limits: Scale
) -> Figure:
    """One axis of shift: a line per router over severity, with 95 % intervals."""
    figure = go.Figure()
    rows_at = {float(row["severity"]): row for rows in curves.values() for row in rows}
    at = sorted(rows_at)
    if metric == "score":
        for y in (0.0, 1.0):
            figure.add_hline(y=y, line=thin())
        rows = [row for rows in curves.values() for row in rows]
        scored = {row["severity"] for row in rows if number(row, "score") is not None}
        _shade(figure, at, [x not in scored for x in at])
    else:
        _references(figure, at, [rows_at[x] for x in at])
    # the most important router last, on top of the others
    for router in reversed(list(curves)):
        _line(figure, curves[router], looks[router], metric)
    _arrows(figure, curves, looks, metric, limits)
    figure.update_layout(
        margin={"l": 40, "r": 12, "t": 24, "b": 40},
        xaxis={"range": [-0.06, 1.06], "tickvals": at, "title": {"text": "severity"}},
        yaxis={"range": list(limits), "nticks": 7},
    )
    # above the axis, where it takes no room from the curves
    title = {"x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left"}
    figure.add_annotation(**title, yanchor="bottom", **note(AXIS_TITLES[metric]))
    where = ", ".join(f"{x:g}" for x in at)
    words = [
        f"{router} {', '.join(text(estimate(row, metric)[0]) for row in rows)}"
        for router, rows in curves.items()
    ]
    return finish(figure, f"{AXIS_TITLES[metric]} at severity {where}: {'; '.join(words)}.")


def _line(figure: Any, rows: Sequence[Record], look: Look, metric: str) -> None:
    drawn = [estimate(row, metric) for row in rows]
    values, lows, highs = ([point[i] for point in drawn] for i in range(3))
    x = [row["severity"] for row in rows]
    runs = any((number(row, "seeds") or 1) > 1 for row in rows)
    if runs:
        band(figure, x, lows, highs, look.color, str(rows[0].get("router")))
    figure.add_scatter(
        x=x,
        y=values,
        mode="lines+markers",
        line={"color": look.color, "dash": look.dash, "width": look.width},
        marker={"symbol": look.symbol, "size": 5 + 1.4 * look.width},
        error_y=None if runs else bars(values, lows, highs, look.color),
        hovertext=[hover(row, look) for row in rows],
        hoverinfo="text",
        meta=str(rows[0].get("router")),
    )


def _arrows(
    figure: Any,
    curves: Mapping[str, Sequence[Record]],
    looks: Mapping[str, Look],
    metric: str,
    limits: Scale,
) -> None:
    low, high = limits
    edge = 0.03 * (high - low)
    taken: Counter[float] = Counter()
    for router, rows in curves.items():
        look = looks[router]
        for row in rows:
            value, severity = estimate(row, metric)[0], float(row["severity"])
            if value is None or low <= value <= high:
                continue
            # beside the arrows of others that lie off the scale at the same severity
            aside = 0.045 * taken[severity]
            taken[severity] += 1
            figure.add_scatter(
                x=[severity - aside],
                y=[high - edge if value > high else low + edge],
                # one number has room there; the others are a pointer away
                mode="markers+text"
                if look.role == "learned" and taken[severity] == 1
                else "markers",
                marker={
                    "color": look.color,
                    "size": 10 if look.width > 2 else 8,
                    "symbol": symbol(value, limits, look, ("down", "up")),
                },
                text=[text(value, 1)],
                textposition="bottom center" if value > high else "top center",
                cliponaxis=False,
                hovertext=[hover(row, look)],
                hoverinfo="text",
                meta=router,
            )


def _references(figure: Any, at: Sequence[float], conditions: Sequence[Record]) -> None:
    bounded = any(row.get("tier") == "bounds" for row in conditions)
    names = {"value": "optimum", "value_upper": "upper bound", "blind": "blind optimum"}
    for key, name in names.items():
        if key != "value_upper" or bounded:
            figure.add_scatter(
                x=list(at),
                y=[number(row, key) for row in conditions],
                mode="lines",
                line=thin(),
                hovertemplate=f"{name} %{{y:.2f}}<extra></extra>",
            )


def _shade(figure: Any, at: Sequence[float], missing: Sequence[bool]) -> None:
    for i, x in enumerate(at):
        if missing[i]:
            left = (at[i - 1] + x) / 2 if i else -0.06
            right = (at[i + 1] + x) / 2 if i + 1 < len(at) else 1.06
            figure.add_vrect(x0=left, x1=right, fillcolor=NEUTRAL, opacity=0.16, line_width=0)
            figure.add_annotation(x=x, y=0.5, yref="paper", textangle=-90, **note("no score"))


def _ranged(curves: Curves, looks: Mapping[str, Look], metric: str) -> list[Record]:
    """The records that an axis makes room for: a baseline far below would flatten the others."""
    important = [rows for router, rows in curves.items() if looks[router].role != "baseline"]
    if metric == "engagement":
        return [row for rows in important or curves.values() for row in rows]
    others = [row for rows in curves.values() for row in rows]
    near = [row for row in others if (number(row, "score") or 0.0) >= FLOOR]
    return [*near, *(row for rows in important for row in rows)]


def _off_scale(curves: Sequence[Sequence[Record]], limits: Scale) -> bool:
    scores = [number(row, "score") for rows in curves for row in rows]
    known = [score for score in scores if score is not None]
    return bool(known) and all(not limits[0] <= score <= limits[1] for score in known)
