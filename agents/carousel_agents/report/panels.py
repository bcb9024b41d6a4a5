"""Severity curves: one panel per axis of shift, a line per router."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .drawing import Drawing
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
from .records import Look, Record, axes_of, curve, estimate, number, text, value_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAD = 0.06
"""How far the axis of severity reaches beyond 0 and 1."""

LABEL_ROW = 14
"""Pixels that a row of numbers outside the axes takes."""

CHARACTER = 0.034
"""Width of a digit in severities, where a panel is at its narrowest: 8 of 240 pixels."""

Curves = dict[str, list[Record]]
"""By router, the most important first: its records by severity."""


def panels(
    summary: Mapping[str, Any], looks: Mapping[str, Look]
) -> tuple[list[dict[str, Any]], list[str]]:
    """One panel per axis that was played. Of the baselines, only those that are blind to the user
    have a line, so that curves stay readable.

    Returns:
        The panels: each its axis, with "figures" (of score and of engagement), "routers", and
        "bounds", whether the optimum is somewhere known only between bounds. Then the routers whose
        scores are off the scale in every panel.
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
    figure = Drawing()
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
    above, below = _arrows(figure, curves, looks, metric, limits)
    figure.update_layout(
        # the same in every panel, so that equal scores are at equal heights
        margin={"l": 40, "r": 12, "t": 24 + LABEL_ROW, "b": 40 + LABEL_ROW},
        xaxis={
            "range": [-PAD, 1 + PAD],
            "tickvals": _apart(at, [f"{x:g}" for x in at]),
            "ticklabelstandoff": LABEL_ROW if below else 0,
            "title": {"text": "severity"},
        },
        yaxis={"range": list(limits), "nticks": 7},
    )
    # above the axis, where it takes no room from the curves
    title = {"x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left"}
    lift = LABEL_ROW if above else 0
    figure.add_annotation(**title, yanchor="bottom", yshift=lift, **note(AXIS_TITLES[metric]))
    where = ", ".join(f"{x:g}" for x in at)
    words = [
        f"{router} {', '.join(text(estimate(row, metric)[0]) for row in rows)}"
        for router, rows in curves.items()
    ]
    return finish(figure, f"{AXIS_TITLES[metric]} at severity {where}: {'; '.join(words)}.")


def _line(figure: Drawing, rows: Sequence[Record], look: Look, metric: str) -> None:
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
    figure: Drawing,
    curves: Mapping[str, Sequence[Record]],
    looks: Mapping[str, Look],
    metric: str,
    limits: Scale,
) -> tuple[bool, bool]:
    """Draw an arrow per value off the scale, those of one severity side by side. An arrow of the
    first learned router carries its value, in a row outside the axes; returns whether there is such
    a row above, and below."""
    low, high = limits
    edge = 0.03 * (high - low)
    off: dict[tuple[float, bool], list[tuple[str, Record, float]]] = {}
    for router, rows in curves.items():
        for row in rows:
            value = estimate(row, metric)[0]
            if value is not None and not low <= value <= high:
                off.setdefault((float(row["severity"]), value > high), []).append(
                    (router, row, value)
                )
    labels = {
        up: _labels({x: found[0] for (x, way), found in off.items() if way is up}, looks)
        for up in (True, False)
    }
    at = sorted({float(row["severity"]) for rows in curves.values() for row in rows})
    gap = min((b - a for a, b in pairwise(at)), default=1.0)
    for (severity, up), found in off.items():
        # the first severity's to the right, the others' to the left, and none into its neighbour's
        step = min(0.045, 0.45 * gap / len(found)) * (1 if severity == at[0] else -1)
        for place, (router, row, value) in enumerate(found):
            look = looks[router]
            label = labels[up].get(severity, "") if place == 0 else ""
            figure.add_scatter(
                x=[severity + step * place],
                y=[high - edge if up else low + edge],
                mode="markers+text" if label else "markers",
                marker={
                    "color": look.color,
                    "size": 10 if look.width > 2 else 8,
                    "symbol": symbol(value, limits, look, ("down", "up")),
                },
                text=[label],
                textposition="top center" if up else "bottom center",
                cliponaxis=False,
                hovertext=[hover(row, look)],
                hoverinfo="text",
                meta=router,
            )
    return bool(labels[True]), bool(labels[False])


def _labels(
    off: Mapping[float, tuple[str, Record, float]], looks: Mapping[str, Look]
) -> dict[float, str]:
    """The values beside arrows, by severity: of learned routers, as far as there is room. The
    others show when an arrow is pointed at."""
    words = {
        x: text(value, 1)
        for x, (router, _, value) in off.items()
        if looks[router].role == "learned"
    }
    return {x: words[x] for x in _apart(sorted(words), [words[x] for x in sorted(words)])}


def _apart(at: Sequence[float], words: Sequence[str]) -> list[float]:
    """The severities whose words fit side by side on the narrowest panel; always the last, because
    it is the hardest."""
    kept: list[float] = []
    edge = math.inf
    for x, word in reversed(list(zip(at, words, strict=True))):
        half = len(word) * CHARACTER / 2
        if x + half < edge:
            kept.insert(0, x)
            edge = x - half - CHARACTER
    return kept


def _references(figure: Drawing, at: Sequence[float], conditions: Sequence[Record]) -> None:
    bounded = any(row.get("tier") == "bounds" for row in conditions)
    value = value_name(conditions)
    names = {"value": value, "value_upper": "upper bound", "blind": "blind optimum"}
    for key, name in names.items():
        if key != "value_upper" or bounded:
            figure.add_scatter(
                x=list(at),
                y=[number(row, key) for row in conditions],
                mode="lines",
                line=thin(),
                hovertemplate=f"{name} %{{y:.2f}}<extra></extra>",
            )


def _shade(figure: Drawing, at: Sequence[float], missing: Sequence[bool]) -> None:
    for i, x in enumerate(at):
        if missing[i]:
            left = (at[i - 1] + x) / 2 if i else -PAD
            right = (at[i + 1] + x) / 2 if i + 1 < len(at) else 1 + PAD
            figure.add_vrect(x0=left, x1=right, fillcolor=NEUTRAL, opacity=0.16, line_width=0)
            figure.add_annotation(x=x, y=0.5, yref="paper", textangle=-90, **note("no score"))


def _ranged(curves: Curves, looks: Mapping[str, Look], metric: str) -> list[Record]:
    """The records that set the range of an axis; a baseline far below would flatten the others."""
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
