"""A figure while it is drawn: traces, lines, words and a layout, as plotly's JavaScript reads them.

plotly's own Python figures check every property as it is set, which took nearly half of the time
of a page. Here they are plain data, and a test has plotly check every figure of a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Properties = dict[str, Any]


class Drawing:
    """Collects a figure; properties are plotly's, and None stands for one that is not set."""

    def __init__(self) -> None:
        self.data: list[Properties] = []
        self.layout: Properties = {}

    def add_scatter(self, **properties: Any) -> None:
        """Add points or lines."""
        self.data.append({**_said(properties), "type": "scatter"})

    def add_bar(self, **properties: Any) -> None:
        """Add bars."""
        self.data.append({**_said(properties), "type": "bar"})

    def add_annotation(self, **properties: Any) -> None:
        """Add words."""
        self._add("annotations", properties)

    def add_hline(self, y: float, **properties: Any) -> None:
        """Add a line over the whole width."""
        across = {"x0": 0, "x1": 1, "xref": "x domain", "y0": y, "y1": y, "yref": "y"}
        self._add("shapes", {**properties, **across, "type": "line"})

    def add_vline(self, x: float, **properties: Any) -> None:
        """Add a line over the whole height."""
        across = {"x0": x, "x1": x, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"}
        self._add("shapes", {**properties, **across, "type": "line"})

    def add_vrect(self, x0: float, x1: float, **properties: Any) -> None:
        """Add a rectangle over the whole height."""
        across = {"x0": x0, "x1": x1, "xref": "x", "y0": 0, "y1": 1, "yref": "y domain"}
        self._add("shapes", {**properties, **across, "type": "rect"})

    def update_layout(self, **properties: Any) -> None:
        """Set properties of the layout; those of an axis beside the ones that it has."""
        _merge(self.layout, properties)

    def _add(self, kind: str, properties: Properties) -> None:
        self.layout.setdefault(kind, []).append(_said(properties))


def _said(properties: Mapping[str, Any]) -> Properties:
    return {name: value for name, value in properties.items() if value is not None}


def _merge(into: Properties, properties: Mapping[str, Any]) -> None:
    for name, value in _said(properties).items():
        if isinstance(value, dict):
            _merge(into.setdefault(name, {}), value)
        else:
            into[name] = value
