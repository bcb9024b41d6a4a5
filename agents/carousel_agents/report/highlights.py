"""What to look at first: the heat map of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .figures import FLOOR
from .records import Look, Record, axes_of, curve, interval_text, number, severities, text

if TYPE_CHECKING:
    from collections.abc import Mapping


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
