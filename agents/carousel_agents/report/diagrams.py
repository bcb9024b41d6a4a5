"""Figures of points: score against distance, against users trained on, seed by seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from .drawing import Drawing
from .figures import (
    AXIS_TITLES,
    FLOOR,
    Figure,
    band,
    bars,
    finish,
    hover,
    note,
    plain,
    scale,
    symbol,
    thin,
)
from .records import PLUS_MINUS, Look, Record, estimate, number, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NEAR_NATS = 0.01
"""Distances well below this are drawn as if on a linear scale, those above on a logarithmic one."""

SEED_VIEWS = {"at severity 1": "hardest", "over all shifts": "shifted"}


def distance_figure(rows: Sequence[Record], looks: Mapping[str, Look]) -> Figure | None:
    """Score by distance from training; None where no distance is defined."""
    far = [row for row in rows if number(row, "distance_nats") is not None]
    far = [row for row in far if number(row, "score") is not None and row["router"] in looks]
    if not far:
        return None
    figure = Drawing()
    limits = scale(far, "score")
    for y in (0.0, 1.0):
        figure.add_hline(y=y, line=thin(), layer="below")
    for router, look in list(looks.items())[::-1]:
        own = [row for row in far if row["router"] == router]
        figure.add_scatter(
            x=[_place(float(row["distance_nats"])) for row in own],
            y=[_within(float(row["score"]), limits) for row in own],
            mode="markers",
            marker={
                "color": look.color,
                "size": 8,
                "opacity": 0.85,
                "symbol": [
                    symbol(float(row["score"]), limits, look, ("down", "up")) for row in own
                ],
            },
            hovertext=[f"{_where(row)}<br>{hover(row, look)}" for row in own],
            hoverinfo="text",
            meta=router,
        )
    decades = [0.0, *(10.0**k for k in range(-1, 7))]
    farthest = max(_place(float(row["distance_nats"])) for row in far)
    ticks = [nats for nats in decades if _place(nats) <= farthest + 0.3]
    figure.update_layout(
        height=420,
        margin={"l": 44, "r": 12, "t": 24, "b": 48},
        xaxis={
            "range": [-0.08 * max(farthest, 0.5), 1.06 * max(farthest, 0.5)],
            "tickvals": [_place(nats) for nats in ticks],
            "ticktext": [f"{nats:g}" for nats in ticks],
            "tickangle": 0,
            "title": {"text": "nats per session"},
        },
        yaxis={"range": list(limits), "nticks": 7},
    )
    _title_above(figure, AXIS_TITLES["score"])
    drawn = len({(row["axis"], row["severity"]) for row in far})
    label = f"Score against distance from training, {drawn} conditions: "
    return finish(figure, label + "; ".join(_trend(r, far) for r in looks if _trend(r, far)) + ".")


def _place(nats: float) -> float:
    # an estimate of a distance near 0 may lie below it
    return math.log10(1.0 + max(nats, 0.0) / NEAR_NATS)


def _within(score: float, limits: tuple[float, float]) -> float:
    edge = 0.03 * (limits[1] - limits[0])
    return min(max(score, limits[0] + edge), limits[1] - edge)


def _where(row: Record) -> str:
    error = number(row, "distance_se")
    spread = "" if error is None else f" {PLUS_MINUS} {text(1.96 * error, 3)}"
    nats = f"{text(number(row, 'distance_nats'), 3)}{spread} nats"
    return f"<b>{plain(str(row['axis']))}</b>, {nats}"


def _trend(router: str, far: Sequence[Record]) -> str:
    own = sorted((r for r in far if r["router"] == router), key=lambda r: float(r["distance_nats"]))
    if not own:
        return ""
    first, last = (
        f"{text(number(row, 'score'))} at {text(number(row, 'distance_nats'))} nats"
        for row in (own[0], own[-1])
    )
    return f"{router} {first}, {last}"


def users_figure(records: Sequence[Record], looks: Mapping[str, Look]) -> Figure:
    """Score by the number of users trained on: on these users, and on new ones. Thin dashed lines
    are routers that learn nothing; one whose rows give no number of users has a level line."""
    figure = Drawing()
    words = []
    known = [r for r in records if r["router"] in looks and number(r, "score") is not None]
    sizes = sorted({_users(r) for r in records if number(r, "users_trained") is not None})
    for router, look in list(looks.items())[::-1]:
        for new in (True, False):
            own = [r for r in known if r["router"] == router and (r["overlap"] == 0) is new]
            for line in _users_lines(own, sizes):
                _users_line(figure, line, look, new)
                scores = ", ".join(f"{text(number(r, 'score'))} of {_users(r):,}" for r in line)
                words.append(f"{router} on {'new' if new else 'training'} users {scores}")
    limits = scale(known, "score")
    figure.add_hline(y=1.0, line=thin(), layer="below")
    figure.update_layout(
        height=360,
        margin={"l": 44, "r": 12, "t": 24, "b": 48},
        xaxis={
            "type": "log",
            "tickvals": sizes,
            "ticktext": [f"{size:,}" for size in sizes],
            "title": {"text": "users trained on"},
        },
        # where all scores are high, room for zero would hide what differs
        yaxis={"range": [_floor(known), limits[1]], "nticks": 7},
    )
    _title_above(figure, AXIS_TITLES["score"])
    return finish(figure, f"Score against users trained on: {'; '.join(words)}.")


def _users(record: Record) -> int:
    return int(record["users_trained"])


def _users_lines(own: Sequence[Record], sizes: Sequence[int]) -> list[list[Record]]:
    """The lines of one router: by users trained on, and a level one per record without a number."""
    known = [record for record in own if number(record, "users_trained") is not None]
    level = [record for record in own if number(record, "users_trained") is None]
    lines = [sorted(known, key=_users)]
    lines += [[{**record, "users_trained": size} for size in sizes] for record in level]
    return [line for line in lines if line]


def _floor(records: Sequence[Record]) -> float:
    found = [x for record in records for x in estimate(record, "score") if x is not None]
    lowest = min(found, default=0.0)
    return max(FLOOR, lowest - 0.05) if lowest < 0 else max(0.0, lowest - 0.1)


def _users_line(figure: Drawing, own: Sequence[Record], look: Look, new: bool) -> None:
    router = str(own[0]["router"])
    values, lows, highs = zip(*(estimate(record, "score") for record in own), strict=True)
    x = [_users(record) for record in own]
    runs = any((number(record, "seeds") or 1) > 1 for record in own)
    if runs:
        band(figure, x, lows, highs, look.color, router)
    whom = "new users" if new else "training users"
    learned = look.role == "learned"
    figure.add_scatter(
        x=x,
        y=list(values),
        mode="lines+markers",
        line={
            "color": look.color,
            "dash": "dash" if new or not learned else "solid",
            "width": look.width if learned else 1.2,
        },
        marker={
            "symbol": f"{look.symbol}-open" if new else look.symbol,
            "size": 9 if learned else 6,
        },
        error_y=None if runs else bars(values, lows, highs, look.color),
        hovertext=[f"{whom}, {_users(r):,} trained on<br>{hover(r, look)}" for r in own],
        hoverinfo="text",
        meta=router,
    )


def seeds_figure(
    points: Sequence[Record], looks: Mapping[str, Look], of: str, what: str
) -> Figure | None:
    """One marker per trained run: score in training against its mean under shift.

    Args:
        points: of `aggregate.seed_points`.
        looks: of the routers drawn.
        of: the key of the mean, a value of `SEED_VIEWS`.
        what: words for it, a key of `SEED_VIEWS`.
    """
    known = [p for p in points if number(p, of) is not None and p["router"] in looks]
    if not known:
        return None
    figure = Drawing()
    starts = [float(p["training"]) for p in known]
    ends = [float(p[of]) for p in known]
    pad = 0.08 * (max(starts) - min(starts)) or 0.05
    left, right = min(starts) - pad, max(starts) + pad
    figure.add_scatter(
        x=[left, right], y=[left, right], mode="lines", line=thin(), hoverinfo="skip"
    )
    words = []
    for router, look in list(looks.items())[::-1]:
        own = [p for p in known if p["router"] == router]
        if not own:
            continue
        figure.add_scatter(
            x=[p["training"] for p in own],
            y=[p[of] for p in own],
            mode="markers",
            marker={"color": look.color, "symbol": look.symbol, "size": 10, "opacity": 0.85},
            hovertext=[_seed(p, of, what) for p in own],
            hoverinfo="text",
            meta=router,
        )
        low, high = (text(extreme(float(p[of]) for p in own)) for extreme in (min, max))
        words.append(f"{router}, {len(own)} seeds, {low} to {high}")
    margin = 0.08 * (max(ends) - min(ends)) or 0.05
    figure.update_layout(
        height=360,
        margin={"l": 44, "r": 12, "t": 24, "b": 48},
        xaxis={"range": [left, right], "nticks": 6, "title": {"text": "score in training"}},
        yaxis={"range": [min(ends) - margin, max(*ends, left) + margin], "nticks": 7},
    )
    _title_above(figure, f"score {what}")
    return finish(figure, f"Score {what} against score in training: {'; '.join(words)}.")


def _seed(point: Record, of: str, what: str) -> str:
    seed = point["training_seed"]
    return (
        f"<b>{plain(str(point['router']))}</b>{'' if seed is None else f', seed {seed}'}<br>"
        f"training {text(number(point, 'training'))}<br>{what} {text(number(point, of))}"
    )


def _title_above(figure: Drawing, words: str) -> None:
    # beside the axis it would take room from the points
    place = {"x": 0, "y": 1, "xref": "paper", "yref": "paper", "xanchor": "left"}
    figure.add_annotation(**place, yanchor="bottom", **note(words))
