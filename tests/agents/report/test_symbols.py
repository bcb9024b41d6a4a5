"""Scores off the scale are arrows at the edge that point to where they lie."""

import pytest

from carousel_agents.report import comparisons, diagrams, figures, panels
from carousel_agents.report.records import Look

LOOKS = {"ppo": Look("learned", "#D55E00", "solid", "circle", 2.6)}
LOW, INSIDE, HIGH = -9.0, 0.5, 9.0


def record(score, **changes):
    return {
        "router": "ppo",
        "role": "learned",
        "axis": "hazard",
        "severity": 1.0,
        "seeds": 3,
        "populations": 2,
        "score": score,
        "score_low": score - 0.1,
        "score_high": score + 0.1,
        "distance_nats": 1.0,
        **changes,
    }


def symbols(figure):
    """Symbol and place of every marker."""
    found = []
    for trace in figure["data"]:
        if trace.get("mode", "").startswith("markers"):
            kinds = trace["marker"]["symbol"]
            kinds = [kinds] * len(trace["x"]) if isinstance(kinds, str) else kinds
            found += zip(kinds, trace["x"], trace["y"], strict=True)
    return found


def test_in_training_they_point_left_and_right():
    rows = [record(score, engagement=score) for score in (LOW, INSIDE, HIGH)]
    found = symbols(figures.training_figure(rows, {}, LOOKS, "score"))
    assert [kind for kind, *_ in found] == ["triangle-left", "circle", "triangle-right"]


def test_over_distance_they_point_down_and_up():
    rows = [record(score) for score in (LOW, INSIDE, HIGH)]
    figure = diagrams.distance_figure(rows, LOOKS)
    found = symbols(figure)
    assert [kind for kind, *_ in found] == ["triangle-down", "circle", "triangle-up"]
    low, high = figure["layout"]["yaxis"]["range"]
    assert all(low < y < high for *_, y in found)


def test_over_severity_they_point_down_and_up():
    rows = [record(score, severity=x) for x, score in ((0.0, LOW), (0.5, INSIDE), (1.0, HIGH))]
    figure = panels.severity_figure({"ppo": rows}, LOOKS, "score", (-1.5, 1.5))
    assert [kind for kind, *_ in symbols(figure)] == ["triangle-down", "triangle-up"]


def test_by_regime_they_point_left_and_right_and_the_others_keep_their_intervals():
    names = ("training", "interpolation", "extrapolation")
    scores = (LOW, INSIDE, HIGH)
    rows = [record(score, regime=name) for name, score in zip(names, scores, strict=True)]
    figure = comparisons.regimes_figure(rows, LOOKS)
    assert [kind for kind, *_ in symbols(figure)] == ["triangle-left", "circle", "triangle-right"]
    (trace,) = figure["data"]
    for ends in ("array", "arrayminus"):
        assert list(trace["error_x"][ends]) == pytest.approx([0.0, 0.1, 0.0])


def test_a_regime_without_a_score_is_left_out():
    nothing = record(INSIDE, regime="combinatorial") | {"score": None, "populations": 0}
    rows = [record(INSIDE, regime="training"), record(INSIDE, regime="extrapolation")]
    alone = comparisons.regimes_figure(rows, LOOKS)
    assert comparisons.regimes_figure([*rows, nothing], LOOKS) == alone
