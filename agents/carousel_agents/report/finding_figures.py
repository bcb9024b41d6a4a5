"""The figures of probes, drawn: what `probes.finding.Figure` says as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .drawing import Drawing
from .figures import NEUTRAL, Figure, finish, note, plain, thin
from .records import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito (2008), for colour-blind readers too."""
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def finding_figure(figure: Mapping[str, Any]) -> Figure:
    """A figure of a finding, as plotly's JavaScript reads it.

    Bars lie on their side, so that their names can be read.

    Args:
        figure: a `probes.finding.Figure` as plain data.
    """
    marks = figure["marks"]
    lying = any(mark["kind"] == "bars" for mark in marks)
    drawing = Drawing()
    for place, mark in enumerate(marks):
        _draw(drawing, mark, place, lying)
    for words, at in figure["at"].items():
        drawing.add_vline(x=at, line=thin(), layer="below")
        drawing.add_annotation(
            x=at, y=1, yref="paper", yanchor="bottom", **note(f"{plain(words)} {text(at)}")
        )
    titles = figure["x"], figure["y"]
    x, y = titles[::-1] if lying else titles
    names = [name for mark in marks if mark["kind"] == "bars" for name in mark["x"]]
    bars = len(dict.fromkeys(names)) * sum(mark["kind"] == "bars" for mark in marks)
    drawing.update_layout(
        height=max(300, 110 + 26 * bars),
        margin={"l": 8, "r": 24, "t": 52 if figure["at"] else 28, "b": 48},
        xaxis={
            "title": {"text": plain(x)},
            "automargin": True,
            "type": "log" if figure["log"] else None,
        },
        yaxis={
            "title": {"text": plain(y)},
            "automargin": True,
            # the first bar on top
            "autorange": "reversed" if lying else None,
        },
        showlegend=len(marks) > 1,
        legend={
            "orientation": "h",
            "yanchor": "bottom",
            "y": 1.12 if figure["at"] else 1.02,
            "x": 0,
        },
        barmode="group",
    )
    return finish(drawing, _label(figure))


def _draw(drawing: Drawing, mark: Mapping[str, Any], place: int, lying: bool) -> None:
    color = COLORS[place % len(COLORS)]
    spread = _spread(mark, color)
    along = {"x": list(mark["x"]), "y": list(mark["y"])}
    if lying:
        along = {"x": along["y"], "y": along["x"]}
    name, error = plain(mark["name"]), {("error_x" if lying else "error_y"): spread}
    if mark["kind"] == "bars":
        drawing.add_bar(
            **along, **error, name=name, orientation="h", marker={"color": color, "opacity": 0.85}
        )
    elif mark["kind"] == "points":
        drawing.add_scatter(
            **along,
            **error,
            name=name,
            mode="markers",
            marker={"color": color, "size": 9, "symbol": SYMBOLS[place % len(SYMBOLS)]},
        )
    else:
        drawing.add_scatter(
            **along,
            name=name,
            mode="lines",
            line={"color": NEUTRAL if lying else color, "dash": DASHES[place % len(DASHES)]},
        )


def _spread(mark: Mapping[str, Any], color: str) -> dict[str, Any] | None:
    """Bars of error from the ends of intervals; None where there are none."""
    if not mark["low"] or not mark["high"]:
        return None

    def reach(ends: Sequence[float | None]) -> list[float]:
        pairs = zip(mark["y"], ends, strict=True)
        return [0.0 if v is None or end is None else abs(end - v) for v, end in pairs]

    ends = {"array": reach(mark["high"]), "arrayminus": reach(mark["low"])}
    # a bar's own end would hide half of its interval
    shown = {"color": NEUTRAL if mark["kind"] == "bars" else color, "thickness": 1.3, "width": 3}
    return {"type": "data", "symmetric": False, **ends, **shown}


def _label(figure: Mapping[str, Any]) -> str:
    """The figure in words."""
    parts = []
    for mark in figure["marks"]:
        if mark["kind"] == "bars":
            pairs = zip(mark["x"], mark["y"], strict=True)
            parts.append(f"{mark['name']}: " + ", ".join(f"{x} {text(y)}" for x, y in pairs))
        else:
            parts.append(f"{mark['name']}, {len(mark['x'])} {mark['kind']}")
    across = f" against {figure['x']}" if figure["x"] else ""
    return f"{figure['y'].capitalize()}{across}. {'; '.join(parts)}."
