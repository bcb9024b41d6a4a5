"""Figures of probes: what is drawn is what the figure says."""

from __future__ import annotations

from dataclasses import asdict

import plotly.graph_objects as go
import pytest

from carousel_agents.probes import PROBES, Figure, Mark, probe
from carousel_agents.report.finding_figures import finding_figure

BARS = Figure(
    "",
    "share",
    (
        Mark("one", "bars", ["a & b", "c"], [0.2, 0.4], [0.1, 0.3], [0.3, 0.5]),
        Mark("most", "line", ["a & b", "c"], [0.6, 0.6]),
    ),
)
POINTS = Figure(
    "x",
    "y",
    (
        Mark("met", "points", [1.0, 10.0], [0.2, 0.4], [0.1, 0.4], [0.2, 0.9]),
        Mark("expected", "line", [1.0, 10.0], [0.0, 1.0]),
    ),
    {"threshold": 3.0},
    log=True,
)


def drawn(figure: Figure):
    found = finding_figure(asdict(figure))
    # plotly refuses what it does not know
    go.Figure(data=found["data"], layout=found["layout"])
    return found


def test_bars_lie_on_their_side_with_their_intervals():
    found = drawn(BARS)
    bars, most = found["data"]
    assert (bars["x"], bars["y"]) == ([0.2, 0.4], ["a & b", "c"])
    assert bars["error_x"]["array"] == pytest.approx([0.1, 0.1])
    assert bars["error_x"]["arrayminus"] == pytest.approx([0.1, 0.1])
    assert (most["x"], most["y"]) == ([0.6, 0.6], ["a & b", "c"])
    assert found["layout"]["xaxis"]["title"]["text"] == "share"
    assert found["label"] == "Share. one: a & b 0.20, c 0.40; most, 2 line."


def test_points_keep_their_axes_and_marks():
    found = drawn(POINTS)
    met, expected = found["data"]
    assert (met["x"], met["mode"]) == ([1.0, 10.0], "markers")
    assert met["error_y"]["array"] == pytest.approx([0.0, 0.5])
    assert expected["mode"] == "lines"
    assert found["layout"]["xaxis"]["type"] == "log"
    assert found["layout"]["shapes"][0]["x0"] == 3.0
    assert found["layout"]["annotations"][0]["text"] == "threshold 3.00"


@pytest.mark.parametrize("name", ["drive", "psychometric", "guarantee", "goal-directedness"])
def test_figures_of_probes_are_drawn(name: str):
    assert name in PROBES
    figure = probe(name, "frozen-loop", "Boredom", sessions=60).figure
    assert figure is not None
    assert drawn(figure)["data"]
