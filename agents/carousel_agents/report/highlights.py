"""What to look at first: the key figures, and the heat map of scores."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from .figures import FLOOR
from .records import Look, Record, axes_of, curve, interval_text, number, severities, text

if TYPE_CHECKING:
    from collections.abc import Mapping


def key_figures(summary: Mapping[str, Any], router: str | None) -> list[dict[str, str]]:
    """The few numbers to remember, about `router` where it is given."""
    tiles = []
    own: Record = next((r for r in summary["routers"] if r.get("router") == router), {})
    if number(own, "score") is not None:
        note = f"95\N{NO-BREAK SPACE}% interval {interval_text(own)}"
        tiles.append(_tile("Score on the training distribution", text(number(own, "score")), note))
    if number(own, "engagement") is not None:
        ends = [text(number(summary["reference"], key), 1) for key in ("blind", "value")]
        note = f"of {ends[1]} at best, {ends[0]} without listening"
        tiles.append(_tile("Engagement in training", text(number(own, "engagement"), 1), note))
    rows = [r for r in summary["rows"] if r.get("router") == router and number(r, "severity")]
    scored = [(float(r["score"]), r) for r in rows if number(r, "score") is not None]
    if scored:
        scores = [score for score, _ in scored]
        worst, where = min(scored, key=lambda pair: pair[0])
        note = f"over {len(scored)} shifted conditions"
        tiles.append(_tile("Median score under shift", text(median(scores)), note))
        note = f"{where.get('axis')} at severity {where['severity']:g}"
        tiles.append(_tile("Worst score under shift", text(worst), note))
        below = f"{sum(score < 0 for score in scores)} of {len(scores)}"
        tiles.append(_tile("Worse than not listening", below, "shifted conditions, score below 0"))
    training = summary["training"]
    if number(training, "seconds") is not None:
        steps, speed = number(training, "steps"), number(training, "frames_per_second")
        note = f"{text(steps, 0)} steps of {training.get('algo')}, {text(speed, 0)} per second"
        tiles.append(_tile("Training time", text(number(training, "seconds"), 0, " s"), note))
    return tiles


def _tile(label: str, value: str, note: str) -> dict[str, str]:
    return {"label": label, "value": value, "note": note}


def heat_maps(summary: Mapping[str, Any], looks: Mapping[str, Look]) -> list[dict[str, Any]]:
    """Score by axis and severity for each learned router, else for each frozen one."""
    roles = {look.role for look in looks.values()}
    role = next((role for role in ("learned", "frozen") if role in roles), None)
    columns = severities(summary)
    maps = []
    for router in (router for router, look in looks.items() if look.role == role):
        rows = []
        for axis in axes_of(summary):
            found = {float(r["severity"]): r for r in curve(summary, str(axis["name"]), router)}
            if found:
                cells = [_heat(found.get(severity, {})) for severity in columns]
                rows.append({"axis": axis["name"], "cells": cells})
        if rows:
            heads = [f"{severity:g}" for severity in columns]
            maps.append({"router": router, "severities": heads, "rows": rows})
    return maps


def _heat(record: Record) -> dict[str, Any]:
    score = number(record, "score")
    # the colour ends where the figures' scores do, and short of full, so that ink stays readable
    strength = 0.0 if score is None else min(score if score > 0 else score / FLOOR, 1.0)
    return {
        "text": text(score),
        "note": interval_text(record),
        "bounds": score is not None and record.get("tier") == "bounds",
        "sign": "none" if score is None else "good" if score > 0 else "bad",
        "strength": round(75 * strength),
    }
